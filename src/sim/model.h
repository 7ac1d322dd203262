/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - what a simulated drive does with a command: the seam between the sim engine and the
 * models. A model is driven by events and belongs to the thread that runs the simulation.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <sys/queue.h>

#include "base/prng.h"
#include "engine/engine.h"
#include "sim/config.h"
#include "sim/events.h"

struct model;

/* A command that the drive has. The engine owns it; between start() and ended() the rest but CMD
 * is the model's. */
struct sim_cmd {
	struct weir_cmd *cmd;
	void *lane; /* the engine's */
	struct model *m;
	uint32_t index; /* below queue_depth; no two at once have the same */
	uint32_t parts; /* that are not done */
	uint64_t start_ns;
	uint64_t link_ns; /* when the link will have carried it */
	struct event ev;
	TAILQ_ENTRY(sim_cmd) link;
};

TAILQ_HEAD(sim_cmds, sim_cmd);

struct model_ops {
	int (*open)(struct model **m, const struct sim_config *c); /* 0 or -ENOMEM */
	void (*close)(struct model *m);
	/* CMD has reached the drive. */
	void (*start)(struct model *m, struct sim_cmd *cmd, uint64_t now);
	/* How long its units have worked, the mean of all, ns. */
	uint64_t (*worked)(const struct model *m);
};

/* Every model begins with this; the engine fills in all of it. */
struct model {
	const struct model_ops *ops;
	const struct sim_config *c;
	struct events *events;
	struct prng prng;
	void (*ended)(void *owner, struct sim_cmd *cmd);
	void *owner;
};

extern const struct model_ops model_ssd, model_hdd;

/* CMD ends at DUE. */
void model_end_at(struct sim_cmd *cmd, uint64_t due);

/* Opens the model that C names; everything but ended and owner is filled in. 0 or -ENOMEM. */
int model_open(struct model **m, const struct sim_config *c, struct events *events, uint64_t seed);

/* The time that the link needs for BYTES. */
static inline uint64_t model_link_ns(const struct model *m, uint64_t bytes)
{
	return (uint64_t)((double)bytes * 1e9 / (double)m->c->link);
}

#endif
