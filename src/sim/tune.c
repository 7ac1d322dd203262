/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tune.c - tunables and weights. See tune.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/suggest.h"
#include "queue/lane.h"
#include "sim/tune.h"

static int tune_unknown(const struct sched_ops *ops, const char *name)
{
	const char *names[SIM_TUNABLES_MAX], *near;
	size_t n = 0;

	if (!ops->tunables)
		return error_set(-EINVAL, "%s: %s has no tunables", name, ops->name);
	for (; n < SIM_TUNABLES_MAX && ops->tunables[n].name; n++)
		names[n] = ops->tunables[n].name;
	near = suggest_nearest(name, strlen(name), names, n);
	return error_set(-EINVAL, "%s: %s has no such tunable%s%s%s", name, ops->name,
			 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int tune_value(const struct sched_tunable *t, const char *text, int64_t *value)
{
	char *end;

	if (t->read_only)
		return error_set(-EINVAL, "%s: %s can only be read", t->name, t->summary);
	errno = 0;
	*value = strtoll(text, &end, 10);
	if (errno || end == text || *end || *value < t->min || *value > t->max)
		return error_set(-EINVAL, "%s: \"%s\" is not a whole number from %lld to %lld (%s)",
				 t->name, text, (long long)t->min, (long long)t->max, t->unit);
	return 0;
}

int tune_set(struct weir_queue *q, const char *name, const char *text)
{
	int tunable = sched_find_tunable(q->sched_ops, name);
	int64_t value = 0;
	int err;

	if (tunable < 0)
		return tune_unknown(q->sched_ops, name);
	err = tune_value(&q->sched_ops->tunables[tunable], text, &value);
	for (uint32_t i = 0; i < q->nr_lanes && !err; i++)
		err = q->sched_ops->set(q->lanes[i].sched, (unsigned)tunable, value);
	return err;
}

int tune_set_weight(struct weir_queue *q, uint32_t submitter, uint32_t weight)
{
	int err = 0;

	if (!q->sched_ops->set_weight)
		return error_set(-EOPNOTSUPP, "weight: the scheduler %s has none",
				 q->sched_ops->name);
	for (uint32_t i = 0; i < q->nr_lanes && !err; i++)
		err = q->sched_ops->set_weight(q->lanes[i].sched, submitter, weight);
	return err ? error_sys(err, "weight of submitter %u", submitter) : 0;
}

void tune_get(struct weir_queue *q, struct sim_result *result)
{
	const struct sched_tunable *t = q->sched_ops->tunables;

	for (size_t i = 0; t && t[i].name && i < SIM_TUNABLES_MAX; i++) {
		result->tunable[i].name = t[i].name;
		result->tunable[i].value = q->sched_ops->get(q->lanes[0].sched, (unsigned)i);
		result->nr_tunables = i + 1;
	}
}
