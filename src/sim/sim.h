/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a simulated drive with a clock of its own, below an ordinary queue.
 *
 * The clock stands still while the queue works and jumps when the queue sleeps: to the next
 * completion, or to the time until which the queue wants to sleep. One thread owns all lanes, so
 * everything that happens follows from the configuration, the seed and what is submitted. A struct
 * sim and its queue belong to one thread.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "sim/config.h"

/* Where the clock begins, so that nothing lies before its beginning. */
#define SIM_START_NS 1000000000ull

struct sim;

/* Makes the drive that C describes, with SEED for what is left to chance. 0 or -ENOMEM. */
int sim_open(struct sim **sim, const struct sim_config *c, uint64_t seed);

/* Takes SIM away; its queue is closed. NULL is allowed. */
void sim_close(struct sim *sim);

/* The device and the engine to open a queue with; they live as long as SIM. */
struct weir_device *sim_device(struct sim *sim);
const struct engine_ops *sim_engine(struct sim *sim);

/* The virtual time, ns. */
uint64_t sim_now(const struct sim *sim);

/* Somebody sleeps whom nothing will ever wake. */
bool sim_stalled(const struct sim *sim);

/* Commands that are with the drive. */
uint32_t sim_in_flight(const struct sim *sim);

/* What is called when the drive gets a command, and when it has ENDED, before the queue learns of
 * that. */
typedef void sim_watch_fn(void *user, const struct weir_cmd *cmd, uint64_t now, bool ended);

/* Has FN called with USER from now on. */
void sim_watch(struct sim *sim, sim_watch_fn *fn, void *user);

/* How long commands were with the drive, and how long its units worked (their mean), ns. */
uint64_t sim_busy_ns(const struct sim *sim);
uint64_t sim_worked_ns(const struct sim *sim);

/* What was written to the drive, bytes. */
uint64_t sim_written_bytes(const struct sim *sim);

#endif
