/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - the schedulers that this library has: one line each.
 */
#include <string.h>

#include "sched/sched.h"

const struct sched_ops *const sched_table[] = {
	&sched_none,
	&sched_mq_deadline,
	&sched_kyber,
	&sched_bfq,
	/* Single-queue: what Linux had until 5.0. */
	&sched_noop,
	&sched_deadline,
	&sched_cfq,
	NULL,
};

const struct sched_ops *sched_find(const char *name)
{
	for (size_t i = 0; sched_table[i]; i++)
		if (!strcmp(sched_table[i]->name, name))
			return sched_table[i];
	return NULL;
}

int sched_find_tunable(const struct sched_ops *ops, const char *name)
{
	for (int i = 0; ops->tunables && ops->tunables[i].name; i++)
		if (!strcmp(ops->tunables[i].name, name))
			return i;
	return -1;
}
