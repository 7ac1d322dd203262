/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memdisk.h - a drive in memory with a volatile cache. It loses what was not flushed, completes
 * commands in any order, fails what the test says, and can be switched off at any command.
 */
#ifndef MEMDISK_H
#define MEMDISK_H

#include <stdio.h>

#include "rig.h"
#include "engine/engine.h"

struct memdisk {
	uint8_t *now;	  /* the contents that a read sees */
	uint8_t *medium;  /* the contents that a power cut leaves at least */
	uint32_t *writes; /* number of writes in flight for each sector */
	uint64_t bytes;
	uint32_t sector; /* each sector is whole or old */
	uint64_t state;	 /* state of the random numbers */
	uint64_t commands;
	uint64_t off_at; /* it is switched off with this command; 0: never */
	int off;
	int keep; /* switching off loses nothing that has completed: only the process was killed */
	int shuffle; /* completes commands in any order */
	/* The queue above merges; then a command need not be a write of the store's. */
	int merge;
	/* Which commands fail: those of OP, at or after FAIL_FROM and before FAIL_TO, and so many
	 * of them. */
	int fail_op;
	uint64_t fail_from, fail_to;
	unsigned fails;
	int fail_leaves;    /* a write that fails leaves what was there; else some of it may land */
	int fail_error;	    /* their result; -EIO unless a test sets another */
	unsigned fail_skip; /* so many of these commands go well before the first one fails */
	/* Says which other commands fail; may be NULL. */
	int (*fails_too)(const struct weir_cmd *cmd);
	/* Only the blocks of the first command that fails are bad: others go well. */
	int fail_sticks;
	uint64_t stuck_from, stuck_to;
	uint32_t salvage; /* opening gives up segments that cannot be read */
	/* At most so many reads of this length succeed and bring no data: they were lost. */
	unsigned lost;
	uint64_t lost_length;
	uint64_t hold_length; /* reads of this length do not complete; 0: all do */
	const void *hold_buf; /* if it is set, only those into this memory */
	uint64_t hold_end;    /* so do writes that end here, while the power is on */
	bool hold_writes;     /* ... and all writes */
	/* It is called for each command when it comes and when it has completed well; may be
	 * NULL. */
	void (*watch)(const struct weir_cmd *cmd, int ended);
};

extern struct memdisk memdisk;
extern const struct engine_ops memdisk_engine;

/* Makes the image of RIG the contents of the drive. */
void memdisk_load(struct rig *rig, uint32_t sector, uint64_t seed);
void memdisk_free(void);

/* Switches off now, unless it is off; a callback may call it. */
void memdisk_off(void);
/* Does the same, and keeps the drive as it is: each sector written since its last flush is new or
 * old. */
void memdisk_cut(void);
/* Makes IMAGE, of memdisk.bytes, what the drive holds, also after a loss of power. */
void memdisk_restore(const uint8_t *image);
/* Runs tools/recover.py over what the drive holds, by the file of RIG. Returns its output, which
 * the caller closes with pclose(), or NULL if nobody says where the sources are. */
FILE *memdisk_recover(struct rig *rig);
/* From here on no io fails. */
void memdisk_no_fails(void);
/* Switches on, and off again with command number OFF_AT (0: never). */
void memdisk_on(uint64_t off_at);

/* Opens the store of RIG on the drive, and returns the result; the calling thread becomes the
 * owner. */
int memdisk_open(struct rig *rig);
/* Checks the store on the drive, which is not open, and returns the result. */
int memdisk_check(struct rig *rig, const struct weir_check_opts *opts,
		  struct weir_check_result *result);
/* Closes everything, and returns the result of closing the store. */
int memdisk_close(struct rig *rig);
/* Closes and opens the store. Returns the result of closing it. */
int memdisk_reopen(struct rig *rig);
/* Switches the drive on and opens the store; fails the test if that does not work. */
void memdisk_power_on(struct rig *rig);
/* Does what memdisk_cut() does, and closes everything. */
void memdisk_power_off(struct rig *rig);
/* Does the same to the process alone: the drive loses nothing that has completed. */
void memdisk_kill(struct rig *rig);

/* Makes an image with blocks of 4096 bytes, loads it, and opens the store. */
void memdisk_set_up(struct rig *rig, uint64_t bytes, uint64_t segment_bytes, uint64_t seed);
/* Closes the store, and removes the drive and the image. */
void memdisk_tear_down(struct rig *rig);

#endif
