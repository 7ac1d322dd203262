/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring.h - what the files of the two io_uring engines share; nobody else includes it.
 *
 * uring_ring.c has the operations that both engines share. uring_setup.c makes and describes the
 * ring, and uring_slots.c gives out its slots. uring_submit.c, uring_reap.c and uring_wait.c drive
 * it, uring_lost.c gives it up, and uring_buffers.c registers memory. The differences are in struct
 * uring_kind: uring.c with uring_prep.c is the engine for files and block devices, uring_cmd.c with
 * uring_cmd_prep.c the one for NVMe passthrough.
 */
#ifndef URING_H
#define URING_H

#include <liburing.h>

#include "base/fork.h"
#include "base/nsec.h"
#include "engine/blocking.h"
#include "engine/cmds.h"
#include "engine/progress.h"

#define URING_BUFFERS 1024u

/* Delay before SQEs that the kernel refused (-EAGAIN, -EBUSY) are submitted again. */
#define URING_RETRY_NS NSEC_PER_MSEC

/* Delay before a command that the drive cannot take now is tried again. */
#define URING_LATER_NS 20000000ull

/*
 * user_data is the address of a command. Its lowest bit marks a write of zeroes that replaces a
 * zeroing call. The wake-up poll has a value that no command has.
 */
#define URING_WRITES_ZEROES 1ull
#define URING_WAKE 2ull

struct uring;

/* The differences between the io_uring engines. */
struct uring_kind {
	const char *name;
	unsigned ring_flags; /* sizes of SQEs and CQEs */

	/* Returns 0 if DEV is one for this engine; otherwise -errno, and WHY gets the reason. */
	int (*suits)(const struct weir_device *dev, char *why, size_t size);
	/* Allocates an engine for DEPTH commands on DEV, with its target; NULL: no memory. */
	struct uring *(*make)(const struct weir_device *dev, uint32_t depth);
	void (*free)(struct uring *u);
	/* Accepts CMD without an SQE if it must be done in another way; returns false if not. */
	bool (*divert)(struct uring *u, struct weir_cmd *cmd);
	/* Fills SQE with the rest of CMD. */
	void (*prep)(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd);
	/* Takes the result of an SQE of CMD, and decides whether CMD has finished or is submitted
	 * again. */
	enum progress (*result)(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res);
};

struct uring {
	struct engine engine;
	const struct uring_kind *kind;
	struct blocking_target target;
	struct io_uring ring;
	uint32_t process; /* the process whose ring it is */
	struct fork_fd ring_watch, event_watch, gone_watch;

	/* The free slots of the ring. Each command of the depth has one until its CQE, and the poll
	 * on wake_fd has one more, so that a free slot can always be found. */
	uint16_t *free_slots;
	uint32_t nr_free_slots;
	uint16_t wake_slot; /* the slot of that poll, while it is in the ring */

	/* Found at set-up: nothing tells whether completions wait for a system call. */
	bool always_enter;
	bool registered_file, registered_buffers;
	const char *rung; /* the ring's flags in words; static */
	char text[128];

	/* One bit for each registered buffer: the kernel refuses registered commands on it. */
	uint64_t refused_buffers[URING_BUFFERS / 64];

	uint32_t in_flight; /* accepted, and complete() was not called yet */
	uint32_t pushed;    /* SQEs of this batch that uring_push_part() gave to the kernel */
	bool writes_zeroes; /* the kernel cannot zero a range here */
	int broken;	    /* -errno: the kernel accepts nothing more from this ring */
	/* The broken ring was closed; u->ring must not be touched. */
	bool closed;
	/* When to submit again what the kernel did not take; UINT64_MAX: nothing waits. */
	uint64_t retry_at;
	struct cmds again; /* they continue, and need an SQE */
	struct cmds later; /* they continue after a pause, at later_at; UINT64_MAX: none */
	uint64_t later_at;
	struct cmds discards; /* accepted; submit() does them with an ioctl */
	struct cmds done;     /* finished without a CQE */
	/* Commands that the kernel had when the ring was closed; see uring_lost.c. */
	struct cmds orphans;
	uint64_t orphans_until; /* the time until which to wait for the kernel */
	/* Hangs up when the kernel has ended the ring; -1: none. */
	int gone_fd;
	/* The descriptor of fd(); the kernel writes it once it is announced. */
	int event_fd;
	bool announced;	 /* fd() was called: reap() clears event_fd */
	bool wake_armed; /* the poll on wake_fd is in the ring */
	/* reap() has met its CQE, so wait() must look for work before it sleeps. */
	bool wake_pending;
	/* CQEs of the poll that are in the ring and that wait() has handled. */
	uint32_t wake_noticed;
};

/*
 * Makes u->ring for DEPTH commands on u->target, and describes it in u->text. Returns 0, or -errno
 * with the reason in WHY.
 */
int uring_setup(struct uring *u, unsigned depth, char *why, size_t size);

/* Undoes uring_setup(). When it returns, the kernel has released the device's file. */
void uring_teardown(struct uring *u);

/*
 * Makes the list of the COUNT free slots of a ring. Returns 0 or -ENOMEM. Taking a slot adds an
 * entry at the tail of the SQ, which the caller fills in. The slot is put back when the kernel has
 * answered.
 */
int uring_slots_init(struct uring *u, unsigned count);
void uring_slots_free(struct uring *u);
struct io_uring_sqe *uring_slot_take(struct uring *u, uint16_t *slot);
void uring_slot_put(struct uring *u, uint16_t slot);

/* Appends the commands in slots of U, which has COUNT slots, to LIST. The ring cannot be used
 * afterwards. */
void uring_slots_list(struct uring *u, unsigned count, struct cmds *list);

/* Returns the user_data of the entry at POSITION of the SQ, which the kernel has not taken yet. */
uint64_t uring_unsent(const struct uring *u, unsigned position);

/* Sets what all SQEs of CMD have: the file, and a user_data with MARK. */
void uring_finish_sqe(const struct uring *u, struct io_uring_sqe *sqe, const struct weir_cmd *cmd,
		      uint64_t mark);

/* Answers as engine_ops.probe: asks KIND whether DEV suits it, and tries a ring. */
int uring_probe_kind(const struct uring_kind *kind, const struct weir_device *dev, char *why,
		     size_t size);

/* Opens an engine of KIND with OPS, as engine_ops.open. uring_close() closes it. */
int uring_open_kind(const struct uring_kind *kind, const struct engine_ops *ops, struct engine **e,
		    const struct engine_params *params);
void uring_close(struct engine *e);

/* Makes a ring like that of U, and closes it. Returns 0 or -errno; WHY gets the set-up or the
 * reason. */
int uring_try(struct uring *u, char *why, size_t size);

/* uring_prep.c: for the engine for files and block devices. */
void uring_prep(struct uring *u, struct io_uring_sqe *sqe, struct weir_cmd *cmd);
enum progress uring_result(struct uring *u, struct weir_cmd *cmd, bool wrote_zeroes, int res);

/* Makes CMD finish with -EIO at the next reap(), because U is broken. */
void uring_fail(struct uring *u, struct weir_cmd *cmd);

/* Returns true for errors of a submission that go away by themselves. */
bool uring_transient(int err);

/* Takes one CQE. Returns the command that it finished, or NULL. */
struct weir_cmd *uring_take(struct uring *u, const struct io_uring_cqe *cqe);

/*
 * uring_lost.c: marks U as broken, because the kernel refuses the ring with ERR, which will not
 * change. Commands that the kernel has not taken end with -EIO. May be called anywhere; the ring
 * stays mapped until uring_lose().
 */
void uring_break(struct uring *u, int err);

/*
 * If U is broken: takes finished commands off the ring, closes the ring, and ends the kernel's
 * commands as soon as the kernel has released their memory. The caller must not be reading the
 * ring.
 */
void uring_lose(struct uring *u);

/*
 * Makes the pipe of gone_fd. *END is its other end, which only the ring may keep; WATCH watches it
 * until the caller closes it. Without a pipe nothing changes.
 */
void uring_gone_open(struct uring *u, struct fork_fd *watch, int *end);

/* Closes the ring. MINE is true if ring_fd is still its descriptor. */
void uring_ring_close(struct uring *u, bool mine);

/* Waits until the kernel has ended the closed ring, for a limited time. */
void uring_gone_wait(const struct uring *u);

/*
 * Gives the SQEs to the kernel. Those that it does not take stay in the SQ, are counted there, and
 * go with the next call. So nothing is issued twice.
 */
void uring_push(struct uring *u);

/* Gives the SQEs to the kernel if they are enough for the next part of the batch. */
void uring_push_part(struct uring *u);

/* Does everything that submit() does except the system call. */
void uring_stage(struct uring *u);

/* Makes event_fd readable. */
void uring_announce(struct uring *u);

/* Notes whether the kernel refuses registered commands on buffer INDEX. */
void uring_set_buffer_refused(struct uring *u, uint32_t index, bool refused);
bool uring_buffer_is_refused(const struct uring *u, uint32_t index);

/* The operations of the engines, see engine.h. */
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
