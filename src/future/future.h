/* SPDX-License-Identifier: Apache-2.0 */
/*
 * future.h - a future in memory, and the place where futures end.
 *
 * A future is one piece of memory: itself, its operations, results, lengths, copies of the arrays
 * of pieces, and copies of the keys. Its operations belong to the store until they have ended; then
 * the future waits in the list of its `struct weir_futures`, and whoever takes it owns it.
 */
#ifndef FUTURE_FUTURE_H
#define FUTURE_FUTURE_H

#include <pthread.h>
#include <stdbool.h>

#include <weir/future.h>

#include "base/fifo.h"
#include "base/fork.h"

struct future {
	struct weir_future_result result; /* first: what the taker sees */
	struct weir_futures *home;
	struct weir_store *store;   /* where it runs; or */
	struct weir_remote *remote; /* here; or nowhere */
	struct future *next;	    /* of those that have ended */
	struct weir_store_op *ops;
	int32_t *results;
	uint64_t *lengths;
	uint64_t put_bytes; /* that this future counts for in its home; 0: none */
	uint32_t flags;
	/* What was wrong with the first operation that was refused; text of weir_error(). */
	size_t refused;
	char why[160];
	bool shed;	  /* it was refused: its operations were not submitted */
	uint32_t running; /* atomic: operations that have not ended, and 1 while they are submitted
			   */
};

#define FUTURE_NEXT(future) ((future)->next)
FIFO_DEFINE(future_list, struct future, FUTURE_NEXT)

struct weir_futures {
	struct weir_futures_opts opts;
	uint32_t process;
	int fd; /* an eventfd: readable while `ended` is not empty */
	struct fork_fd fd_watch;
	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t changed;
	struct weir_store *store;   /* where new futures run; or */
	struct weir_remote *remote; /* here; or nowhere */
	struct future_list ended;
	uint64_t last_id;
	uint64_t pending;
	uint64_t put_bytes;
	uint64_t shed;
	bool closing;
};

/*
 * Makes a future of the N ITEMS with their operations ready to be submitted; NULL: no memory. F is
 * only noted. free() frees it.
 */
struct future *future_make(struct weir_futures *f, const struct weir_future *future,
			   const struct weir_future_item *items, size_t n);

/* Fills in the results of FUTURE, all of whose operations have ended. */
void future_settle(struct future *future);

#endif
