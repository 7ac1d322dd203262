/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_pool.h - a few threads that run commands with blocking calls.
 *
 * The owner pushes batches and takes finished commands; nobody else uses the threads. A command
 * belongs to the pool from push until it is taken.
 */
#ifndef POSIX_POOL_H
#define POSIX_POOL_H

#include "engine/blocking.h"
#include "engine/cmds.h"

struct posix_pool;

/*
 * Starts up to THREADS threads for TARGET, which must stay valid until close. It continues with
 * fewer threads if the system gives no more; with none it fails. Returns 0 or -errno, with
 * weir_error() set.
 */
int posix_pool_open(struct posix_pool **pool, const struct blocking_target *target,
		    uint32_t threads);

/* Joins the threads and frees POOL, when nothing is in flight. NULL is allowed. */
void posix_pool_close(struct posix_pool *pool);

/* Returns the number of threads. */
uint32_t posix_pool_threads(const struct posix_pool *pool);

/* Starts the COUNT commands of BATCH and empties it. Only the owner may call this. */
void posix_pool_push(struct posix_pool *pool, struct cmds *batch, uint32_t count);

/* Returns the commands that have finished since the last call, linked by e_next, or NULL. Only the
 * owner may call this. */
struct weir_cmd *posix_pool_take(struct posix_pool *pool);

/* Returns an eventfd that is readable while posix_pool_take() would return something. */
int posix_pool_fd(const struct posix_pool *pool);

#endif
