/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - runs a program of steps on a store, and notes what the store promised meanwhile.
 */
#ifndef CRASH_RUN_H
#define CRASH_RUN_H

#include "image.h"
#include "model.h"

#define RUN_ACTS 32u
#define RUN_EVER 256u
#define RUN_STEPS_MAX 8u

enum step {
	STEP_PUT,
	STEP_OVERWRITE,
	STEP_DELETE,
	STEP_RECLAIM,
	STEP_SEAL,
	STEP_SYNC,
	STEP_DURABLE,
	STEP_BAD_FLUSH,
	STEP_BAD_WRITE,
	STEP_BAD_READ,	 /* at open */
	STEP_BAD_FOOTER, /* a crash, and then a footer that cannot be written */
	STEP_TENANT,	 /* a key moves to the log of another stream */
	STEP_CRASH,
	STEP_REOPEN,
	STEP_FILL,     /* a long value */
	STEP_BAD_MOVE, /* reads that fail while a segment is reclaimed */
	STEP_COUNT,
};

extern const char *const step_names[STEP_COUNT];

struct program {
	enum step step[RUN_STEPS_MAX];
	unsigned count;
	bool overlap; /* steps do not wait for the operations of those before */
};

/* One operation that was submitted. */
struct act {
	struct weir_store_op op;
	uint64_t key;
	uint32_t version, submitted;
	bool busy;
	uint8_t value[MODEL_VALUE_MAX] __attribute__((aligned(64)));
};

struct run {
	uint32_t devices;
	struct weir_device *dev[DRIVE_DEVICES];
	struct weir_queue *queue[DRIVE_DEVICES];
	struct weir_store *s;
	struct model model;
	struct journal journal;
	struct cache cache; /* the drive at the beginning of the journal */
	struct act acts[RUN_ACTS];
	unsigned busy;
	bool faulty;   /* operations may fail until the store is opened again */
	uint32_t from; /* the first event of the steps that are new; MODEL_NEVER: not come yet */
	unsigned fillers, moves;
	/* All values that each key ever had, over all lives. */
	struct {
		uint64_t hash[RUN_EVER];
		uint32_t count;
	} ever[MODEL_KEYS];
	uint64_t random;
	uint64_t read_faults;	/* opens that met a failed read */
	uint64_t footer_faults; /* opens that met a footer that could not be written */
	uint64_t move_faults;	/* segments that were set aside because of failed reads */
	/* Called when the power has gone, or NULL. It looks at all that may be left. */
	void (*life_ended)(struct run *run);
	char wrong[512]; /* what was wrong first; empty: nothing */
};

/* Makes the drive, a queue on each device, and an empty store of so many segments on each. */
void run_make(struct run *run, uint32_t devices, uint32_t segments);
/* Tells the model, while the store is open, where its keys live. */
void run_place(struct run *run);
void run_free(struct run *run);
/* Sets the text of what is wrong, unless there is one. Returns false. */
bool run_wrong(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Opens the store. Returns its result. */
int run_open(struct run *run);
/* Cuts the power: nothing reaches the drive any more. Frees the store. */
void run_off(struct run *run);
/* Reads everything that the store has. Returns false if something is wrong. */
bool run_look(struct run *run, struct model_found found[MODEL_KEYS]);

/* Runs the steps from an open store on; only what the steps from number FRESH on do is new. The
 * power goes at the end. Returns false if something is wrong. */
bool run_program(struct run *run, const struct program *p, unsigned fresh);
/* Runs one step. */
void run_step(struct run *run, enum step step, bool overlap);
/* Waits for all operations, and checks that what was acknowledged is there. */
void run_settle(struct run *run);
void run_put(struct run *run, uint32_t key, uint32_t length, uint32_t flags, uint32_t stream);
void run_delete(struct run *run, uint32_t key, uint32_t flags);
void run_sync(struct run *run);
/* Puts a long value under the next of the keys for that. */
void run_fill(struct run *run);
/* Makes what the drive holds the beginning of a new life, and recovers it once to know what is in
 * it. */
bool run_restart(struct run *run);
void run_close(struct run *run);

#endif
