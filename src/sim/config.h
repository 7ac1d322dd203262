/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the properties of a drive to simulate, as its INI file describes it. Read once, then
 * constant.
 */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum sim_kind { SIM_SSD, SIM_HDD };
enum sim_hdd_order { SIM_ORDER_FIFO, SIM_ORDER_NEAREST };

/* When the cache of an SSD is programmed, if reads want the same channels. */
enum sim_drain {
	SIM_DRAIN_IDLE,	  /* on channels that nobody reads; in turns while writes wait for room */
	SIM_DRAIN_TURNS,  /* in turns with reads, as soon as there is a page */
	SIM_DRAIN_BURSTS, /* when writes wait for room: at once, until half of the cache is free */
};

/*
 * The properties of a drive. Each member has the value of the key of the same name, in [device],
 * [ssd] or [hdd].
 */
struct sim_config {
	uint64_t kind; /* enum sim_kind */
	uint64_t capacity;
	uint64_t logical_block, physical_block;
	uint64_t queue_depth;  /* commands that the drive accepts at once */
	uint64_t max_io;       /* largest length of a command, in bytes */
	uint64_t max_segments; /* largest number of pieces of memory in a command */
	uint64_t command;      /* ns that each command costs in addition to all else */
	uint64_t link;	       /* speed of the link between drive and host, bytes a second */
	uint64_t duplex;       /* 1: each direction has this speed; 0: both share it */
	struct {
		/* number of units that work in parallel, one page at a time */
		uint64_t channels;
		uint64_t page;		 /* size of a page in bytes */
		uint64_t read;		 /* time to read a page, ns */
		uint64_t program;	 /* time to write a page, ns */
		uint64_t spread;	 /* percentage of a service time that is random */
		uint64_t cache;		 /* bytes that may wait in the cache to be programmed */
		uint64_t cache_write;	 /* time to write into the cache, ns */
		uint64_t volatile_cache; /* 1: a flush waits until the cache is empty */
		uint64_t discard;	 /* time of a discard, ns */
		/* What follows need not be given: such a drive has nothing of it. */
		uint64_t drain; /* enum sim_drain */
		/*
		 * time until a read may begin on a channel that programs or erases, ns; 0: it
		 * waits until that has ended
		 */
		uint64_t program_suspend, erase_suspend;
		uint64_t suspends;    /* how often one program or erase is interrupted at most */
		uint64_t erase;	      /* time to erase a block, ns; 0: blocks need no erase */
		uint64_t erase_pages; /* pages of a block */
		uint64_t slc;	      /* bytes that may be programmed in the fast way; 0: none */
		uint64_t slc_program; /* time to write a page in the fast way, ns */
		/* time without a write after which such pages are moved to their place, ns */
		uint64_t slc_fold;
		/* bytes whose map the drive has in memory; 0: those of the whole drive */
		uint64_t map;
		uint64_t hiccup;       /* time for which the firmware answers nothing, ns */
		uint64_t hiccup_every; /* mean time between two of these, ns; 0: there are none */
		uint64_t limit;	       /* bytes a second of reads and writes; 0: no limit */
		uint64_t limit_burst;  /* what may be had at once if little was before */
		uint64_t limit_every;  /* time after which the limit gives its part again, ns */
	} ssd;
	struct {
		uint64_t rpm;
		/* bytes a second under the head, at the outer and the inner end */
		uint64_t outer, inner;
		uint64_t zones;	     /* number of speeds between them */
		uint64_t seek_track; /* time of a seek to the next track, ns */
		uint64_t seek_full;  /* time of a seek from one end to the other, ns */
		uint64_t read_ahead; /* bytes that the drive reads ahead when idle */
		uint64_t order;	     /* enum sim_hdd_order */
		/* time after which a waiting command goes first, ns; 0: never */
		uint64_t max_wait;
	} hdd;
};

/* Returns the text of the built-in drive NAME, or NULL. */
const char *sim_preset(const char *name);

/* Returns the name of built-in drive number I, or NULL after the last one. */
const char *sim_preset_name(size_t i);

/*
 * Reads the description of the drive NAME: a built-in drive, or the path of a file. Returns 0 or
 * -errno with weir_error() set: -EINVAL for wrong content, -ENOENT and others if the file cannot
 * be read.
 */
int sim_config_load(struct sim_config *c, const char *name);

/* Writes C to OUT as a description that sim_config_load() reads: its keys, each with a value. */
void sim_config_write(const struct sim_config *c, FILE *out);

#endif
