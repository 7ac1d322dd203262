/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring.h - what the files of the two engines on io_uring share; nobody else includes it.
 *
 * uring_ring.c has what their lives and operations have in common, uring_setup.c makes and
 * describes the ring, uring_slots.c says who lies where in it, uring_submit.c, uring_reap.c and
 * uring_wait.c drive it, uring_lost.c gives it up, uring_buffers.c registers memory. What differs
 * is in struct uring_kind: uring.c with uring_prep.c is the engine for files and block devices,
 * uring_cmd.c with uring_cmd_prep.c the one for NVMe passthrough.
 */
#ifndef URING_H
#define URING_H

#include <liburing.h>

#include "base/fork.h"
#include "engine/blocking.h"
#include "engine/cmds.h"
#include "engine/progress.h"

#define URING_BUFFERS 1024u

/* How long what the kernel did not take now is left alone. */
#define URING_RETRY_NS 1000000ull

/* How long a command is left alone that a drive cannot take now. */
#define URING_LATER_NS 20000000ull

/*
 * user_data is a command's address. Its lowest bit marks a write of zeroes that stands in for a
 * zeroing call; the wake-up poll has a value that no command has.
 */
#define URING_WRITES_ZEROES 1ull
#define URING_WAKE 2ull

struct uring;

/* How the engines on io_uring differ. */
struct uring_kind {
	const char *name;
	unsigned ring_flags; /* sizes of SQEs and CQEs */

	/* Accepts CMD without an SQE, if it is one of those that go another way. */
	bool (*divert)(struct uring *u, struct weir_cmd *cmd);
	/* Fills SQE with what is left of CMD. */
	void (*prep)(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd);
	/* Takes the result of an SQE of CMD: has it ended, or must it be offered again? */
	enum progress (*result)(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res);
};

struct uring {
	struct engine engine;
	const struct uring_kind *kind;
	struct blocking_target target;
	struct io_uring ring;
	uint32_t process; /* whose ring it is */
	struct fork_fd ring_watch, event_watch, gone_watch;

	/* Slots of the ring that nobody is in. There is one for each command of the depth, which
	 * keeps it until its CQE, and one more for the poll on wake_fd: a free one can always be
	 * found. */
	uint16_t *free_slots;
	uint32_t nr_free_slots;
	uint16_t wake_slot; /* of that poll, while it is armed */

	/* Found at set-up. */
	bool always_enter; /* nothing tells whether completions wait for a system call */
	bool fixed_file, fixed_buffers;
	const char *rung; /* the flags, in words; static */
	char text[128];

	/* A bit for each registered buffer: the kernel refuses fixed commands there. */
	uint64_t unfixed[URING_BUFFERS / 64];

	uint32_t in_flight; /* accepted, complete() not called yet */
	bool writes_zeroes; /* the kernel cannot zero a range here */
	int broken;	    /* -errno: the kernel takes nothing more from this ring */
	bool closed;	    /* broken, and let go of: u->ring must not be touched */
	uint64_t retry_at;  /* when to offer what the kernel did not take; UINT64_MAX: nothing */
	struct cmds again;  /* to go on, no SQE yet */
	struct cmds later;  /* to go on after a pause, at later_at; UINT64_MAX: none */
	uint64_t later_at;
	struct cmds discards;	/* accepted, for submit() to do with an ioctl */
	struct cmds done;	/* ended without a CQE */
	struct cmds orphans;	/* with the kernel when the ring was closed; see uring_lost.c */
	uint64_t orphans_until; /* when not to wait for the kernel any longer */
	int gone_fd;		/* hangs up when the kernel has ended the ring; -1: none */
	int event_fd;		/* for fd(); the kernel writes it once it is announced */
	bool announced;		/* fd() was called: reap() clears event_fd */
	bool wake_armed;	/* the poll on wake_fd is in the ring */
	bool wake_pending;	/* reap() met its CQE; wait() must not sleep before a look */
	uint32_t wake_noticed;	/* its CQEs that are in the ring and that wait() has acted upon */
};

/*
 * Makes u->ring for DEPTH commands on u->target, and says how in u->text. 0, or -errno with the
 * reason in WHY.
 */
int uring_setup(struct uring *u, unsigned depth, char *why, size_t size);

/* Undoes uring_setup(); when it returns the kernel has let go of the device's file. */
void uring_teardown(struct uring *u);

/*
 * The free slots of a ring that has COUNT of them: 0 or -ENOMEM. A slot that was taken is a new
 * entry at the tail of the SQ, for the caller to fill in; it is put back once the kernel has
 * answered for it.
 */
int uring_slots_init(struct uring *u, unsigned count);
void uring_slots_free(struct uring *u);
struct io_uring_sqe *uring_slot_take(struct uring *u, uint16_t *slot);
void uring_slot_put(struct uring *u, uint16_t slot);

/* Appends to LIST the commands in slots of U, which has COUNT; the ring is of no use after it. */
void uring_slots_list(struct uring *u, unsigned count, struct cmds *list);

/* The user_data of the entry at POSITION of the SQ, which the kernel has not taken yet. */
uint64_t uring_unsent(const struct uring *u, unsigned position);

/* Sets what all SQEs of CMD have: the file, and a user_data with MARK. */
void uring_finish_sqe(const struct uring *u, struct io_uring_sqe *sqe, const struct weir_cmd *cmd,
		      uint64_t mark);

/*
 * Opens U, which is zeroed but for its kind and target, as an engine with OPS. 0, or -errno with
 * words; then U is the caller's again. uring_stop() is its end.
 */
int uring_start(struct uring *u, const struct engine_ops *ops, const struct engine_params *params);
void uring_stop(struct uring *u);

/* Makes a ring like U's, and unmakes it: 0 or -errno, WHY gets the set-up or the reason. */
int uring_try(struct uring *u, char *why, size_t size);

/* uring_prep.c: of the engine for files and block devices. */
void uring_prep(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd);
enum progress uring_result(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res);

/* CMD ends with -EIO at the next reap(), as U is broken. */
void uring_fail(struct uring *u, struct weir_cmd *cmd);

/* True for errors of a submission that pass by themselves. */
bool uring_transient(int err);

/* Takes one CQE: returns the command that it ended, or NULL. */
struct weir_cmd *uring_take(struct uring *u, const struct io_uring_cqe *cqe);

/*
 * uring_lost.c. The kernel refuses the ring with ERR, which will not pass: what it has not taken
 * ends with -EIO. May be called anywhere; the ring stays mapped until uring_lose().
 */
void uring_break(struct uring *u, int err);

/*
 * If U is broken: takes what has ended off the ring, closes the ring, and ends what the kernel
 * had as soon as the kernel has let go of its memory. Nobody may be looking into the ring.
 */
void uring_lose(struct uring *u);

/*
 * Makes the pipe of gone_fd. *END is its other end, for the ring alone to hold, and watched by
 * WATCH until the caller closes it; without a pipe nothing changes.
 */
void uring_gone_open(struct uring *u, struct fork_fd *watch, int *end);

/* Closes the ring; MINE: ring_fd still is its descriptor. */
void uring_ring_close(struct uring *u, bool mine);

/* Waits until the kernel has ended the closed ring, a while at the most. */
void uring_gone_wait(const struct uring *u);

/*
 * Hands the SQEs to the kernel. What it leaves stays in the SQ, is counted there, and goes with
 * the next call: nothing is issued twice.
 */
void uring_push(struct uring *u);

/* All that submit() does but the system call. */
void uring_stage(struct uring *u);

/* Makes event_fd readable. */
void uring_announce(struct uring *u);

/* The kernel refuses fixed commands on buffer INDEX, or does not (any more). */
void uring_set_unfixed(struct uring *u, uint32_t index, bool refused);
bool uring_is_unfixed(const struct uring *u, uint32_t index);

/* The engines' operations, see engine.h. */
int uring_queue(struct engine *e, struct weir_cmd *cmd);
int uring_fd(struct engine *e);
uint64_t uring_next_event(struct engine *e);
const char *uring_describe(struct engine *e);
void uring_submit(struct engine *e);
unsigned uring_reap(struct engine *e, uint64_t now);
void uring_wait(struct engine *e, uint64_t deadline);
int uring_register_buffer(struct engine *e, uint32_t index, void *base, size_t length);
int uring_unregister_buffer(struct engine *e, uint32_t index);

#endif
