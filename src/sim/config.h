/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - a drive to simulate, as its INI file describes it. Read once, then constant.
 */
#ifndef SIM_CONFIG_H
#define SIM_CONFIG_H

#include <stdint.h>

enum sim_kind { SIM_SSD, SIM_HDD };
enum sim_hdd_order { SIM_ORDER_FIFO, SIM_ORDER_NEAREST };

/* Every field is a key of the same name, in [device], [ssd] or [hdd]. */
struct sim_config {
	uint64_t kind; /* enum sim_kind */
	uint64_t capacity;
	uint64_t logical_block, physical_block;
	uint64_t queue_depth;  /* commands that it takes at once */
	uint64_t max_io;       /* bytes in one of them */
	uint64_t max_segments; /* pieces of memory in one of them */
	uint64_t command;      /* ns that each costs besides everything else */
	uint64_t link;	       /* bytes a second between drive and host ... */
	uint64_t duplex;       /* ... for reads and writes apart (1) or together (0) */
	struct {
		uint64_t channels;	 /* units that work side by side, one page at a time */
		uint64_t page;		 /* bytes */
		uint64_t read;		 /* ns to read a page */
		uint64_t program;	 /* ns to write one */
		uint64_t spread;	 /* percent of a service time that is left to chance */
		uint64_t cache;		 /* bytes that may wait to be programmed */
		uint64_t cache_write;	 /* ns into the cache */
		uint64_t volatile_cache; /* 1: a flush waits until it is empty */
		uint64_t discard;	 /* ns */
	} ssd;
	struct {
		uint64_t rpm;
		uint64_t outer, inner; /* bytes a second under the head, at either end */
		uint64_t zones;	       /* steps between them */
		uint64_t seek_track;   /* ns to the next track */
		uint64_t seek_full;    /* ns from one end to the other */
		uint64_t read_ahead;   /* bytes that it reads on when idle */
		uint64_t order;	       /* enum sim_hdd_order */
		uint64_t max_wait;     /* ns after which a command goes first; 0: never */
	} hdd;
};

/* The text of the built-in drive NAME ("nvme", "sata", "hdd"), or NULL. */
const char *sim_preset(const char *name);

/*
 * Reads the drive that NAME means: a built-in one, or the path of a file. 0 or -errno with
 * weir_error() set: -EINVAL for what it says, -ENOENT and such for the file itself.
 */
int sim_config_load(struct sim_config *c, const char *name);

#endif
