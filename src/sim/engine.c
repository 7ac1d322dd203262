/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.c - the sim engine: the model of a drive and the virtual clock, with the interface of an
 * engine.
 *
 * Commands reach the model in submit() and end in reap(), at the times that the model's events
 * give. Time passes in wait() only. Each lane has an engine; all of them share one drive and one
 * clock. The thread that runs the simulation owns them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/cmds.h"
#include "sim/model.h"
#include "sim/sim.h"

/* So many waits without any progress of time and without a completion are an endless loop. */
#define IDLE_WAITS_MAX 100000u

struct sim {
	/* now() and open() find the rest of the struct through this member */
	struct engine_ops ops;
	struct sim_config c;
	struct weir_device *dev;
	struct model *model; /* NULL: the drive is real, and its device belongs to the caller */
	struct events events;
	uint64_t now; /* of a real drive: when it was opened, on the real clock */
	/* total time with commands in the drive, and since when, if in_flight */
	uint64_t busy_ns, busy_since;
	uint64_t written; /* bytes written */
	uint32_t in_flight, idle_waits;
	struct sim_cmd *cmds, **free; /* an array of queue_depth commands, shared by all lanes */
	uint32_t nr_free;
	bool stalled, real;
	sim_watch_fn *watch; /* may be NULL */
	void *watch_user;
};

struct sim_engine {
	struct engine engine;
	struct sim *sim;
	uint32_t reaped;
	struct cmds batch; /* commands that were accepted and not yet submitted */
};

static struct sim *sim_of(const struct engine_ops *ops)
{
	return (struct sim *)((char *)(uintptr_t)ops - offsetof(struct sim, ops));
}

/* Handles the completion of CMD, which the model reports. */
static void sim_ended(void *owner, struct sim_cmd *cmd)
{
	struct sim_engine *e = cmd->lane;
	struct sim *sim = e->sim;

	(void)owner;
	sim->free[sim->nr_free++] = cmd;
	e->reaped++;
	sim->idle_waits = 0;
	if (!--sim->in_flight)
		sim->busy_ns += sim->now - sim->busy_since;
	if (sim->watch)
		sim->watch(sim->watch_user, cmd->cmd, sim->now, true);
	cmd->cmd->result = 0;
	e->engine.params.complete(e->engine.params.owner, cmd->cmd);
}

static int sim_probe(const struct weir_device *dev, char *why, size_t size)
{
	(void)dev;
	snprintf(why, size, "sim: a simulated drive");
	return 0;
}

static void sim_engine_close(struct engine *engine)
{
	struct sim_engine *e = (struct sim_engine *)engine;

	free(e);
}

static int sim_engine_open(struct engine **engine, const struct engine_params *params)
{
	struct sim *sim = sim_of(params->ops);
	struct sim_engine *e = engine_new(sizeof(*e), params);

	if (!e)
		return -ENOMEM;
	e->sim = sim;
	*engine = &e->engine;
	return 0;
}

static int sim_queue(struct engine *engine, struct weir_cmd *cmd)
{
	struct sim_engine *e = (struct sim_engine *)engine;

	if (e->sim->in_flight >= e->sim->c.queue_depth)
		return -EBUSY;
	if (!e->sim->in_flight++)
		e->sim->busy_since = e->sim->now;
	cmd->status = 0;
	cmd->resubmits = 0;
	cmds_push(&e->batch, cmd);
	return 0;
}

static void sim_submit(struct engine *engine)
{
	struct sim_engine *e = (struct sim_engine *)engine;
	struct weir_cmd *cmd;

	while ((cmd = cmds_pop(&e->batch))) {
		struct sim_cmd *s = e->sim->free[--e->sim->nr_free];

		s->cmd = cmd;
		s->lane = e;
		if (cmd->op == WEIR_OP_WRITE)
			e->sim->written += cmd->length;
		if (e->sim->watch)
			e->sim->watch(e->sim->watch_user, cmd, e->sim->now, false);
		e->sim->model->ops->start(e->sim->model, s, e->sim->now);
	}
}

static unsigned sim_reap(struct engine *engine, uint64_t now)
{
	struct sim_engine *e = (struct sim_engine *)engine;

	unsigned reaped;

	(void)now; /* the queue has read it from this same clock */
	/* A completion may belong to any lane; that lane has counted the command or will do so. */
	events_fire(&e->sim->events, e->sim->now);
	reaped = e->reaped;
	e->reaped = 0;
	return reaped;
}

static void sim_wait(struct engine *engine, uint64_t deadline)
{
	struct sim_engine *e = (struct sim_engine *)engine;
	struct sim *sim = e->sim;
	uint64_t next;

	sim_submit(engine);
	next = events_next(&sim->events);
	next = next < deadline ? next : deadline;
	if (next > sim->now && next != EVENTS_NEVER) {
		sim->now = next;
		sim->idle_waits = 0;
	} else if (next == EVENTS_NEVER || ++sim->idle_waits > IDLE_WAITS_MAX) {
		sim->stalled = true;
	}
}

static int sim_fd(struct engine *engine)
{
	(void)engine;
	return -1;
}

static uint64_t sim_next_event(struct engine *engine)
{
	return events_next(&((struct sim_engine *)engine)->sim->events);
}

static const char *sim_describe(struct engine *engine)
{
	(void)engine;
	return "sim: a simulated drive, in virtual time";
}

static uint64_t sim_engine_now(const struct engine_ops *ops)
{
	return sim_of(ops)->now;
}

static const struct engine_ops sim_ops = {
	.name = "sim",
	.summary = "a simulated drive, in virtual time",
	.probe = sim_probe,
	.open = sim_engine_open,
	.close = sim_engine_close,
	.queue = sim_queue,
	.submit = sim_submit,
	.reap = sim_reap,
	.wait = sim_wait,
	.fd = sim_fd,
	.next_event = sim_next_event,
	.describe = sim_describe,
	.now = sim_engine_now,
};

static int sim_open_cmds(struct sim *sim)
{
	sim->cmds = calloc(sim->c.queue_depth, sizeof(*sim->cmds));
	sim->free = calloc(sim->c.queue_depth, sizeof(*sim->free));
	if (!sim->cmds || !sim->free)
		return -ENOMEM;
	for (sim->nr_free = 0; sim->nr_free < sim->c.queue_depth; sim->nr_free++) {
		sim->cmds[sim->nr_free].index = sim->nr_free;
		sim->cmds[sim->nr_free].m = sim->model;
		sim->free[sim->nr_free] = &sim->cmds[sim->nr_free];
	}
	sim->model->ended = sim_ended;
	sim->model->owner = sim;
	return 0;
}

static int sim_open_device(struct sim *sim)
{
	const struct sim_config *c = &sim->c;
	struct weir_device_info info = {
		.direct = 1,
		.capacity_bytes = c->capacity,
		.logical_block_bytes = (uint32_t)c->logical_block,
		.physical_block_bytes = (uint32_t)c->physical_block,
		.max_segments = (uint32_t)c->max_segments,
		.max_io_bytes = c->max_io,
		.max_hw_bytes = c->max_io,
		.nr_requests = (uint32_t)c->queue_depth,
		.write_cache = c->kind == SIM_SSD && c->ssd.volatile_cache,
		.rotational = c->kind == SIM_HDD,
		.discard_max_bytes = c->kind == SIM_SSD ? 1u << 30 : 0,
		.discard_granularity_bytes = (uint32_t)c->logical_block,
	};

	return device_open_virtual(&sim->dev, "sim", &info);
}

int sim_open(struct sim **result, const struct sim_config *c, uint64_t seed)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	int err;

	if (!sim)
		return error_sys(-ENOMEM, "no simulation");
	sim->ops = sim_ops;
	sim->c = *c;
	sim->now = SIM_START_NS;
	events_init(&sim->events);
	err = model_open(&sim->model, &sim->c, &sim->events, seed);
	if (!err)
		err = sim_open_cmds(sim);
	if (!err)
		err = sim_open_device(sim);
	if (err) {
		sim_close(sim);
		return error_sys(err, "no simulation");
	}
	*result = sim;
	return 0;
}

int sim_open_real(struct sim **result, struct weir_device *dev)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	if (!sim)
		return error_sys(-ENOMEM, "no memory for a run");
	sim->dev = dev;
	sim->real = true;
	sim->now = clock_now();
	*result = sim;
	return 0;
}

bool sim_is_real(const struct sim *sim)
{
	return sim->real;
}

void sim_close(struct sim *sim)
{
	if (!sim)
		return;
	if (!sim->real)
		weir_device_close(sim->dev);
	if (sim->model)
		sim->model->ops->close(sim->model);
	free(sim->cmds);
	free(sim->free);
	free(sim);
}

struct weir_device *sim_device(struct sim *sim)
{
	return sim->dev;
}

const struct engine_ops *sim_engine(struct sim *sim)
{
	return sim->real ? NULL : &sim->ops;
}

uint64_t sim_now(const struct sim *sim)
{
	return sim->real ? clock_now() - sim->now + SIM_START_NS : sim->now;
}

void sim_watch(struct sim *sim, sim_watch_fn *fn, void *user)
{
	sim->watch = fn;
	sim->watch_user = user;
}

bool sim_stalled(const struct sim *sim)
{
	return sim->stalled;
}

uint32_t sim_in_flight(const struct sim *sim)
{
	return sim->in_flight;
}

uint64_t sim_busy_ns(const struct sim *sim)
{
	return sim->busy_ns + (sim->in_flight ? sim->now - sim->busy_since : 0);
}

uint64_t sim_worked_ns(const struct sim *sim)
{
	return sim->model ? sim->model->ops->worked(sim->model) : 0;
}

uint64_t sim_written_bytes(const struct sim *sim)
{
	return sim->written;
}
