/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - the schedulers of this library, one line each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/amount.h"
#include "base/error.h"
#include "base/suggest.h"
#include "sched/sched.h"

#define TABLE_NAMES_MAX 32
#define TABLE_TEXT_BYTES 384

const struct sched_ops *const sched_table[] = {
	&sched_none,
	&sched_mq_deadline,
	&sched_kyber,
	&sched_bfq,
	/* Single-queue schedulers, which Linux had until 5.0. */
	&sched_noop,
	&sched_deadline,
	&sched_cfq,
	/* This library's own. */
	&sched_pace,
	NULL,
};

const struct sched_ops *sched_find(const char *name)
{
	for (size_t i = 0; sched_table[i]; i++)
		if (!strcmp(sched_table[i]->name, name))
			return sched_table[i];
	return NULL;
}

int sched_unknown(const char *name, int err)
{
	const char *names[sizeof(sched_table) / sizeof(sched_table[0])], *near;
	char all[TABLE_TEXT_BYTES] = "";
	size_t n = 0, at = 0;

	for (; sched_table[n]; n++) {
		names[n] = sched_table[n]->name;
		if (at < sizeof(all))
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", n ? ", " : "",
					       names[n]);
	}
	near = suggest_nearest(name, strlen(name), names, n);
	if (near)
		return error_set(err, "no such scheduler: %s: did you mean %s?", name, near);
	return error_set(err, "no such scheduler: %s: there are %s", name, all);
}

int sched_no_weights(const struct sched_ops *ops, int err)
{
	char names[128] = "";
	size_t at = 0;

	for (size_t i = 0; sched_table[i] && at < sizeof(names); i++)
		if (sched_table[i]->set_weight)
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
					       at ? ", " : "", sched_table[i]->name);
	return error_set(err, "%s knows no weights; these do: %s", ops->name, names);
}

int sched_find_tunable(const struct sched_ops *ops, const char *name)
{
	for (int i = 0; ops->tunables && ops->tunables[i].name; i++)
		if (!strcmp(ops->tunables[i].name, name))
			return i;
	return -1;
}

int sched_unknown_tunable(const struct sched_ops *ops, const char *name)
{
	const char *names[TABLE_NAMES_MAX], *near;
	char all[TABLE_TEXT_BYTES] = "";
	size_t n = 0, at = 0;

	if (!ops->tunables)
		return error_set(-EINVAL, "%s: scheduler %s has no tunables", name, ops->name);
	for (; n < TABLE_NAMES_MAX && ops->tunables[n].name; n++) {
		names[n] = ops->tunables[n].name;
		if (at < sizeof(all))
			at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s", n ? ", " : "",
					       names[n]);
	}
	near = suggest_nearest(name, strlen(name), names, n);
	if (near)
		return error_set(-EINVAL, "%s has no tunable \"%s\": did you mean %s?", ops->name,
				 name, near);
	return error_set(-EINVAL, "%s has no tunable \"%s\"; it has %s", ops->name, name, all);
}

int sched_read_value(const struct sched_ops *ops, const struct sched_tunable *t, const char *text,
		     int64_t *value, bool *clamped)
{
	int64_t v;
	int err = amount_parse(text, t->unit, &v);

	if (err || (v < 0 && (ops->flags & SCHED_UNSIGNED)))
		return err ? err : -EINVAL;
	*value = v < t->min ? t->min : v > t->max ? t->max : v;
	*clamped = *value != v;
	return 0;
}
