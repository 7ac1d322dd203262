/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - a store that another process has open, as its client has it.
 *
 * A thread of its own, the link, has the connection, the shared memory, and the operations that
 * were taken from the queue. Other threads only add to the queue, under the lock. When the owner
 * has ended, the link ends all operations and refuses new ones; then it waits for the close.
 */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/device.h>
#include <weir/remote.h>

#include "base/fifo.h"
#include "base/fork.h"
#include "control/arena.h"
#include "control/client.h"
#include "control/share.h"
#include "remote/extents.h"

#define LINK_IN_BYTES 4096u
#define LINK_OUT_BYTES 65536u

/* What an operation has in its `priv` while it is the library's; zeroes otherwise. */
struct remote_op {
	struct weir_store_op *next;
	struct remote_batch *batch; /* of weir_remote_run(); or NULL */
	uint64_t offset, bytes;	    /* of its value in the shared memory */
};

static inline struct remote_op *remote_op(struct weir_store_op *op)
{
	_Static_assert(sizeof(struct remote_op) <= sizeof(op->priv), "priv is too small");
	return (struct remote_op *)(void *)op->priv;
}

#define REMOTE_NEXT(op) (remote_op(op)->next)
FIFO_DEFINE(remote_list, struct weir_store_op, REMOTE_NEXT)

/* Operations for which weir_remote_run() waits. */
struct remote_batch {
	size_t left; /* under the lock of the remote store */
};

/* The link: its thread's own, but for what struct weir_remote says. */
struct remote_link {
	/* Were not sent: puts, and all others, which go first. */
	struct remote_list puts, others;
	uint64_t put_bytes; /* of the values of puts that were sent */
	uint32_t ahead;	    /* gets that went before the first put that waits */
	uint32_t nr_puts;   /* that were sent */
	struct weir_store_op *slots[SHARE_SLOTS]; /* by tag: were sent */
	uint32_t free[SHARE_SLOTS], nr_free;	  /* tags that no operation has */
	struct extents room;
	uint64_t heard_ns; /* when the owner said something, or was asked first */
	uint64_t doubt_ns; /* when it had been silent for so long that it was asked */
	bool asked;	   /* a ping is under way */
	bool more;	   /* the last round stopped, so that answers do not wait for it */
	size_t in_length, out_length;
	uint8_t in[LINK_IN_BYTES];
	uint8_t out[LINK_OUT_BYTES];
};

struct weir_remote {
	struct weir_remote_opts opts;
	uint32_t process;
	/* Set before the thread starts, and never changed. */
	struct weir_device_info device; /* the one that has the socket */
	uint8_t uuid[16];
	pid_t owner;
	uint64_t max_value, max_memory; /* as the owner says */
	struct control_arena arena;
	int fd, event; /* the connection; the link shall look at the queue */
	struct fork_fd fd_watch, event_watch;
	pthread_t thread;
	pthread_mutex_t lock;	/* for the rest but LINK */
	pthread_cond_t changed; /* a batch has ended, or the owner */
	struct remote_list queue;
	int error; /* why submits are refused; 0: they are not */
	bool stopping;
	uint64_t operations, bytes; /* that have ended; that were copied */
	struct remote_link link;
};

/* Returns 0; -EINVAL; or -ECHILD in a child of fork(). With an error text. */
int remote_check(const struct weir_remote *r);

/* Makes the lists of the link. Returns 0 or -ENOMEM. */
int link_make(struct weir_remote *r);

/* The thread of the link. ARG is the struct weir_remote. */
void *link_run(void *arg);

/* Wakes the link. Any thread. */
void link_kick(const struct weir_remote *r);

/*
 * Takes room for the value of OP, copies the value of a put there, and writes the request with the
 * number TAG to the output. Returns false, and nothing was done, where there is no room.
 */
bool transfer_begin(struct weir_remote *r, struct weir_store_op *op, uint32_t tag);

/* Sets the result of OP from the ANSWER, copies the value of a get, and gives the room back. */
void transfer_end(struct weir_remote *r, struct weir_store_op *op, const struct share_answer *a);

/* Ends OP, whose result is set. The link only. */
void remote_end(struct weir_remote *r, struct weir_store_op *op);

/* Sets the error text for the loss of the owner, and returns ERR. */
int remote_lost(const struct weir_remote *r, int err);

#endif
