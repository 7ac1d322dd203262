/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null.c - the engine that moves no bytes. It serves to measure the layers above it.
 *
 * A read leaves memory as it was. A command finishes at the next reap, or its option "latency"
 * after its submit. The engine owns two lists of the queue's commands; only the lane's owner uses
 * it. The benchmark of the queue spends its time here, so there is no allocation, no system call,
 * and no clock unless there is a latency.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/cmds.h"

#define NULL_LATENCY_MAX (3600 * NSEC_PER_SEC)

struct null_engine {
	struct engine engine;
	struct cmds batch; /* accepted, not submitted */
	/* Submitted, in order of their time (e_done); the latency is the same for all. */
	struct cmds running;
	uint32_t in_flight;
	char text[64];
};

static int null_probe(const struct weir_device *dev, char *why, size_t size)
{
	if (weir_device_get_info(dev)->kind == WEIR_DEVICE_NULL) {
		snprintf(why, size, "null: no data moves");
		return 0;
	}
	snprintf(why, size, "the null engine stores nothing: it works on null devices only");
	return -EOPNOTSUPP;
}

static int null_open(struct engine **e, const struct engine_params *params)
{
	struct null_engine *n;
	char why[128];

	if (null_probe(params->dev, why, sizeof(why)) < 0)
		return error_set(-EOPNOTSUPP, "%s: %s", weir_device_path(params->dev), why);
	n = engine_new(sizeof(*n), params);
	if (!n)
		return error_set(-ENOMEM, "no memory for the null engine");
	if (params->tuning.latency_ns)
		snprintf(n->text, sizeof(n->text), "null: no data moves, %llu ns each",
			 (unsigned long long)params->tuning.latency_ns);
	else
		snprintf(n->text, sizeof(n->text), "null: no data moves, completes at once");
	*e = &n->engine;
	return 0;
}

static void null_close(struct engine *e)
{
	free((struct null_engine *)e);
}

static int null_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct null_engine *n = (struct null_engine *)e;

	if (n->in_flight >= e->params.depth)
		return -EBUSY;
	n->in_flight++;
	cmd->status = 0;
	cmd->resubmits = 0;
	cmds_push(&n->batch, cmd);
	return 0;
}

static void null_submit(struct engine *e)
{
	struct null_engine *n = (struct null_engine *)e;

	if (e->params.tuning.latency_ns && n->batch.head) {
		uint64_t due = clock_now() + e->params.tuning.latency_ns;

		for (struct weir_cmd *cmd = n->batch.head; cmd; cmd = cmd->e_next)
			cmd->e_done = due;
	}
	cmds_append(&n->running, &n->batch);
}

static void null_end(struct null_engine *n, struct weir_cmd *cmd)
{
	n->in_flight--;
	cmd->result = 0;
	n->engine.params.complete(n->engine.params.owner, cmd);
}

static unsigned null_reap_due(struct null_engine *n, uint64_t now)
{
	unsigned count = 0;

	while (n->running.head && n->running.head->e_done <= now) {
		null_end(n, cmds_pop(&n->running));
		count++;
	}
	return count;
}

static unsigned null_reap(struct engine *e, uint64_t now)
{
	struct null_engine *n = (struct null_engine *)e;
	struct weir_cmd *cmd, *next;
	unsigned count = 0;

	if (e->params.tuning.latency_ns)
		return null_reap_due(n, now);
	/* Commands that are submitted by complete() wait for the next reap. */
	for (cmd = cmds_take(&n->running); cmd; cmd = next, count++) {
		next = cmd->e_next;
		null_end(n, cmd);
	}
	return count;
}

static uint64_t null_next_event(struct engine *e)
{
	struct null_engine *n = (struct null_engine *)e;

	if (!n->running.head)
		return UINT64_MAX;
	return e->params.tuning.latency_ns ? n->running.head->e_done : 0;
}

static void null_wait(struct engine *e, uint64_t deadline)
{
	uint64_t due;

	null_submit(e);
	due = null_next_event(e);
	if (due)
		engine_sleep(-1, e->params.wake_fd, due < deadline ? due : deadline);
}

static int null_fd(struct engine *e)
{
	(void)e;
	return -1;
}

static const char *null_describe(struct engine *e)
{
	return ((struct null_engine *)e)->text;
}

static const struct engine_option null_options[] = {
	{ "latency", ENGINE_OPTION_TIME_NS, offsetof(struct engine_tuning, latency_ns), 0,
	  NULL_LATENCY_MAX },
	{ NULL, 0, 0, 0, 0 },
};

const struct engine_ops engine_null = {
	.name = "null",
	.summary = "moves no data: measures the layers above",
	.max_discard_ranges = 64,
	.options = null_options,
	.probe = null_probe,
	.open = null_open,
	.close = null_close,
	.queue = null_queue,
	.submit = null_submit,
	.reap = null_reap,
	.wait = null_wait,
	.fd = null_fd,
	.next_event = null_next_event,
	.describe = null_describe,
};
