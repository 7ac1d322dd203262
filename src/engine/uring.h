/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring.h - what the files of the uring engine share; nobody else includes it.
 *
 * uring.c has the engine's life and its operations, uring_setup.c makes and describes the ring,
 * uring_prep.c turns commands into SQEs and CQEs into results, uring_submit.c, uring_reap.c and
 * uring_wait.c drive the ring, uring_buffers.c registers memory.
 */
#ifndef URING_H
#define URING_H

#include <liburing.h>

#include "engine/blocking.h"
#include "engine/cmds.h"

#define URING_BUFFERS 1024u

/* How long what the kernel did not take now is left alone. */
#define URING_RETRY_NS 1000000ull

/*
 * user_data is a command's address. Its lowest bit marks a write of zeroes that stands in for a
 * zeroing call; the wake-up poll has a value that no command has.
 */
#define URING_WRITES_ZEROES 1ull
#define URING_WAKE 2ull

struct uring {
	struct engine engine;
	struct blocking_target target;
	struct io_uring ring;

	/* Found at set-up. */
	bool always_enter; /* nothing tells whether completions wait for a system call */
	bool fixed_file, fixed_buffers;
	char text[128];

	uint32_t in_flight;    /* accepted, complete() not called yet */
	bool writes_zeroes;    /* the kernel cannot zero a range here */
	int broken;	       /* -errno: the kernel takes nothing more from this ring */
	uint64_t retry_at;     /* when to offer what the kernel did not take; UINT64_MAX: nothing */
	struct cmds again;     /* to go on, no SQE yet */
	struct cmds discards;  /* accepted, for submit() to do with an ioctl */
	struct cmds done;      /* ended without a CQE */
	int event_fd;	       /* for fd(); the kernel writes it once it is announced */
	bool announced;	       /* fd() was called: reap() clears event_fd */
	bool wake_armed;       /* the poll on wake_fd is in the ring */
	bool wake_pending;     /* reap() met its CQE; wait() must not sleep before a look */
	uint32_t wake_noticed; /* its CQEs that are in the ring and that wait() has acted upon */
};

/*
 * Makes u->ring for DEPTH commands on u->target, and says how in u->text. 0, or -errno with the
 * reason in WHY.
 */
int uring_setup(struct uring *u, unsigned depth, char *why, size_t size);

/* Undoes uring_setup(); when it returns the kernel has let go of the device's file. */
void uring_teardown(struct uring *u);

/* Fills SQE with what is left of CMD. */
void uring_prep(const struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd);

/* Takes the result of an SQE of CMD: true if CMD has ended, false if it must be offered again. */
bool uring_result(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res);

/* CMD ends with ERR at the next reap(). */
void uring_fail(struct uring *u, struct weir_cmd *cmd, int err);

/* True for errors of a submission that pass by themselves. */
bool uring_transient(int err);

/*
 * The kernel takes nothing more, for a reason that will not pass: what it has not taken ends
 * with ERR. What it has goes on, and is reaped.
 */
void uring_break(struct uring *u, int err);

/*
 * Hands the SQEs to the kernel. What it leaves stays in the SQ, is counted there, and goes with
 * the next call: nothing is issued twice.
 */
void uring_push(struct uring *u);

/* All that submit() does but the system call. */
void uring_stage(struct uring *u);

/* Makes event_fd readable. */
void uring_announce(struct uring *u);

/* The engine's operations, see engine.h. */
void uring_submit(struct engine *e);
unsigned uring_reap(struct engine *e, uint64_t now);
void uring_wait(struct engine *e, uint64_t deadline);
int uring_register_buffer(struct engine *e, uint32_t index, void *base, size_t length);

#endif
