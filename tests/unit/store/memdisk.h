/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memdisk.h - a drive in memory with a volatile cache: it loses what was not flushed, ends
 * commands in any order, fails what the test says, and can be switched off at any command.
 */
#ifndef MEMDISK_H
#define MEMDISK_H

#include "rig.h"
#include "engine/engine.h"

struct memdisk {
	uint8_t *now;	  /* what a read sees */
	uint8_t *medium;  /* what a power cut leaves at least */
	uint32_t *writes; /* under way, for each sector */
	uint64_t bytes;
	uint32_t sector; /* whole or old */
	uint64_t state;	 /* of the random numbers */
	uint64_t commands;
	uint64_t off_at; /* switched off with this command; 0: never */
	int off;
	int keep;    /* being switched off loses nothing that ended: only the process was killed */
	int shuffle; /* ends commands in any order */
	int merge;   /* the queue above merges: then a command is not a write of the store's */
	/* Commands that fail: of OP, at or after FAIL_FROM and before FAIL_TO, this many. */
	int fail_op;
	uint64_t fail_from, fail_to;
	unsigned fails;
	/* So many reads of this length at most succeed and bring nothing: they were lost. */
	unsigned lost;
	uint64_t lost_length;
	uint64_t hold_length; /* reads of this length do not end; 0: all do */
	uint64_t hold_end;    /* likewise writes that reach to here, while the power is on */
	/* Is told of each command when it comes and when it has ended well; may be NULL. */
	void (*watch)(const struct weir_cmd *cmd, int ended);
};

extern struct memdisk memdisk;
extern const struct engine_ops memdisk_engine;

/* Loads the image of RIG as the drive's contents. */
void memdisk_load(struct rig *rig, uint32_t sector, uint64_t seed);
void memdisk_free(void);

/* Switches off now, if that has not happened; in a callback too. */
void memdisk_off(void);
/* The same, and takes the drive as it is left: each sector
 * written since it was flushed is new or old. */
void memdisk_cut(void);
/* Switches on; off again with command number OFF_AT (0: never). */
void memdisk_on(uint64_t off_at);

/* Opens the store on the drive, the calling thread being its owner. */
int memdisk_open(struct weir_store **s, struct weir_queue **q, struct weir_device **dev);
/* Closes it all; the store's own result is returned. */
int memdisk_close(struct weir_store *s, struct weir_queue *q, struct weir_device *dev);

#endif
