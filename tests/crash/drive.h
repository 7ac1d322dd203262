/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drive.h - a drive in memory that keeps a journal of its commands.
 *
 * From the journal of one run, image.h makes everything that a power cut at any moment of the run
 * may leave. There is one drive, and one thread uses it. It is one device, or several of one size
 * that lie one behind the other: each has a queue and a cache of its own.
 */
#ifndef CRASH_DRIVE_H
#define CRASH_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

#define DRIVE_SECTOR 512u
#define DRIVE_DEVICES 3u

enum drive_kind {
	DRIVE_WRITE,
	DRIVE_WRITTEN,
	DRIVE_FLUSH,
	DRIVE_FLUSHED,
	DRIVE_DISCARD,
	DRIVE_DISCARDED,
};

/* A command came or has completed well. */
struct drive_event {
	enum drive_kind kind;
	uint32_t begun;		 /* number of the event with which the command came */
	uint64_t offset, length; /* of a flush: the device that it flushes */
	uint8_t *data;		 /* what a write wrote; the journal owns it */
};

struct journal {
	struct drive_event *events;
	uint32_t count, room;
};

/* What the drive may do to a command. */
enum drive_fault {
	DRIVE_FAIL_READ,
	DRIVE_FAIL_WRITE, /* some of its sectors are written all the same */
	DRIVE_FAIL_FLUSH,
	DRIVE_FAIL_DISCARD, /* happens by itself */
	DRIVE_ZERO_DISCARD, /* no failure: discarded sectors read as zeroes at once */
	DRIVE_REORDER,	    /* no failure: a command completes before an older one */
	DRIVE_FAULTS,
};

struct drive {
	uint8_t *now;		 /* what a read sees */
	uint64_t bytes;		 /* of all devices */
	uint64_t device_bytes;	 /* of each */
	struct journal *journal; /* NULL: commands are not noted */
	bool off;		 /* every command fails and does nothing */
	uint64_t random;
	/* The next commands of one kind that fail, after SKIP others. */
	enum drive_fault fault;
	unsigned fault_skip, fault_times;
	uint64_t fired[DRIVE_FAULTS]; /* how often each fault happened */
	uint64_t commands;
	uint64_t free_marks, footers; /* segments freed and sealed */
	/* Called before a free mark is written to the segment that begins at OFFSET. */
	void (*freeing)(uint64_t offset);
	/* The sectors that may differ from the image that was loaded last. */
	uint32_t *touched;
	uint32_t touched_count;
	uint8_t *is_touched;
};

extern struct drive drive;
extern uint64_t drive_time; /* ns; see clock.c */

/* Returns the engine of a device, from 0. */
const struct engine_ops *drive_engine(uint32_t device);
/* Makes COUNT devices of DEVICE_BYTES. They are empty then. */
void drive_make(uint32_t count, uint64_t device_bytes);
void drive_free(void);
/* Makes IMAGE the contents. */
void drive_load(const uint8_t *image);
/* Puts back what changed since then, from IMAGE, which has changed in no other place. */
void drive_undo(const uint8_t *image);
/* Writes one sector, as no command would. */
void drive_poke(uint32_t sector, const uint8_t *data);
/* Lets TIMES commands fail by FAULT, after SKIP others of the same kind. */
void drive_fail(enum drive_fault fault, unsigned skip, unsigned times);
void journal_reset(struct journal *j);
const char *drive_fault_name(enum drive_fault fault);

/* Returns the next of a sequence of numbers that is the same in every run. */
uint64_t drive_random(uint64_t *state);

#endif
