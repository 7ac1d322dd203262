/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a simulated drive with a virtual clock, below an ordinary queue.
 *
 * The clock stands still while the queue works. When the queue sleeps, the clock jumps to the next
 * completion or to the time until which the queue wants to sleep. One thread owns all lanes, so
 * all results follow from the configuration, the seed and the submitted ios. A struct sim and its
 * queue belong to one thread.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/nsec.h"
#include "engine/engine.h"
#include "sim/config.h"

/* The first time of the clock; it is above 0, so that a time before the start can be computed. */
#define SIM_START_NS NSEC_PER_SEC

struct sim;

/* Makes the drive that C describes, with SEED for random numbers. Returns 0 or -ENOMEM. */
int sim_open(struct sim **sim, const struct sim_config *c, uint64_t seed);

/*
 * Makes a drive of DEV, which the caller closes after SIM: no model, and the clock is the real one.
 * Only the functions below that say so work with it. Returns 0 or -ENOMEM.
 */
int sim_open_real(struct sim **sim, struct weir_device *dev);

/* Returns true if SIM was made by sim_open_real(). */
bool sim_is_real(const struct sim *sim);

/* Frees SIM, whose queue must be closed. NULL is allowed. Real drives too. */
void sim_close(struct sim *sim);

/*
 * Return the device and the engine with which a queue is opened. They live as long as SIM. A real
 * drive has no engine of its own: NULL.
 */
struct weir_device *sim_device(struct sim *sim);
const struct engine_ops *sim_engine(struct sim *sim);

/* Returns the virtual time in ns, or the real time if the drive is real. */
uint64_t sim_now(const struct sim *sim);

/* Returns true if a thread sleeps and no event can wake it. */
bool sim_stalled(const struct sim *sim);

/* Returns the number of commands in the drive. */
uint32_t sim_in_flight(const struct sim *sim);

/*
 * The function that is called when the drive gets a command, and when the command is done (ENDED),
 * before the queue learns of it.
 */
typedef void sim_watch_fn(void *user, const struct weir_cmd *cmd, uint64_t now, bool ended);

/* Makes SIM call FN with USER from now on. */
void sim_watch(struct sim *sim, sim_watch_fn *fn, void *user);

/* Return how long commands were in the drive, and how long its units worked (the mean), in ns; 0 if
 * it is real. */
uint64_t sim_busy_ns(const struct sim *sim);
uint64_t sim_worked_ns(const struct sim *sim);

/* Returns the number of bytes written to the drive; 0 if it is real. */
uint64_t sim_written_bytes(const struct sim *sim);

#endif
