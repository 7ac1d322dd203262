/* SPDX-License-Identifier: Apache-2.0 */
/* tune.c - sets tunables and weights. See tune.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/amount.h"
#include "queue/lane/lane.h"
#include "sim/tune.h"

/* Returns the unit of attribute NAME of Q; "": there is none of this name. */
static const char *tune_unit(struct weir_queue *q, const char *name)
{
	const char *slash = strchr(name, '/'), *plain = slash ? slash + 1 : name;
	struct weir_attr attr = WEIR_ATTR_INIT;

	for (size_t i = 0; !weir_queue_get_attr(q, i, &attr); i++)
		if (!strcmp(attr.name, plain))
			return attr.unit;
	return "";
}

/* Adds a note if the queue did not set TEXT but another value. */
static void tune_clamped(struct weir_queue *q, const char *name, const char *text,
			 struct remarks *notes)
{
	const char *unit = tune_unit(q, name);
	int64_t asked = 0, got = 0;
	char value[32];

	if (amount_parse(text, unit, &asked) || weir_queue_get(q, name, value, sizeof(value)) ||
	    amount_parse(value, unit, &got) || asked == got)
		return;
	remarks_add(notes, "%s=%s is out of range: %s is used", name, text, value);
}

int tune_set(struct weir_queue *q, const char *name, const char *text, struct remarks *notes)
{
	int err = weir_queue_set(q, name, text);

	if (!err)
		tune_clamped(q, name, text, notes);
	return err == -ENOENT ? sched_unknown_tunable(q->sched_ops, name) : err;
}

void tune_get(struct weir_queue *q, struct sim_result *result)
{
	const struct sched_tunable *t = q->sched_ops->tunables;

	for (size_t i = 0; t && t[i].name && i < SIM_TUNABLES_MAX; i++) {
		result->tunable[i].name = t[i].name;
		result->tunable[i].value =
			q->sched_ops->get((q->home ? q->home : &q->lanes[0])->sched, (unsigned)i);
		result->nr_tunables = i + 1;
	}
}
