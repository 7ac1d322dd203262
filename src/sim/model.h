/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - the interface between the sim engine and the models of drives, which decide how long a
 * command takes. A model is driven by events and belongs to the thread that runs the simulation.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <sys/queue.h>

#include "base/prng.h"
#include "engine/engine.h"
#include "sim/config.h"
#include "sim/events.h"

struct model;

/*
 * A command in the drive. The engine owns it. Between start() and ended(), all members except cmd
 * belong to the model.
 */
struct sim_cmd {
	struct weir_cmd *cmd;
	void *lane; /* used by the engine */
	struct model *m;
	uint32_t index; /* below queue_depth; two commands in the drive never have the same */
	uint32_t parts; /* number of parts that are not done */
	uint64_t start_ns;
	uint64_t link_ns; /* time at which the link has transferred it */
	struct event ev;
	TAILQ_ENTRY(sim_cmd) link;
};

TAILQ_HEAD(sim_cmds, sim_cmd);

struct model_ops {
	int (*open)(struct model **m, const struct sim_config *c); /* Returns 0 or -ENOMEM. */
	void (*close)(struct model *m);
	/* Tells the model that CMD has reached the drive. */
	void (*start)(struct model *m, struct sim_cmd *cmd, uint64_t now);
	/* Returns how long the units of the drive have worked: the mean of all units, in ns. */
	uint64_t (*worked)(const struct model *m);
};

/* The common part: each model begins with it. The engine fills in all of it. */
struct model {
	const struct model_ops *ops;
	const struct sim_config *c;
	struct events *events;
	struct prng prng;
	void (*ended)(void *owner, struct sim_cmd *cmd);
	void *owner;
};

extern const struct model_ops model_ssd, model_hdd;

/* Ends CMD at the time DUE. */
void model_end_at(struct sim_cmd *cmd, uint64_t due);

/*
 * Opens the model that C names. All members except ended and owner are filled in. Returns 0 or
 * -ENOMEM.
 */
int model_open(struct model **m, const struct sim_config *c, struct events *events, uint64_t seed);

/* Returns the time that the link needs for BYTES. */
static inline uint64_t model_link_ns(const struct model *m, uint64_t bytes)
{
	return (uint64_t)((double)bytes * 1e9 / (double)m->c->link);
}

#endif
