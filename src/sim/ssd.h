/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd.h - what the files of the SSD model share. Everything belongs to the thread that runs the
 * simulation.
 */
#ifndef SIM_SSD_H
#define SIM_SSD_H

#include <stdbool.h>

#include "sim/model.h"

/* The part of a command that reads from one channel. */
struct ssd_leg {
	struct sim_cmd *cmd;
	uint64_t pages;
	STAILQ_ENTRY(ssd_leg) link;
};

enum ssd_op { SSD_NOTHING, SSD_READ, SSD_PROGRAM, SSD_ERASE, SSD_FOLD };

struct ssd_channel {
	struct event ev; /* the end of the operation in progress */
	struct ssd *ssd;
	STAILQ_HEAD(, ssd_leg) reads;
	struct ssd_leg *reading; /* the leg of SSD_READ */
	uint64_t programs;	 /* number of pages that wait to be programmed */
	uint64_t until_erase;	 /* pages that its block still has */
	enum ssd_op op;		 /* in progress */
	bool last_read;
	uint64_t began_ns;
	/* What a read has interrupted, the time that it still needs, and how often it was. */
	enum ssd_op paused;
	uint64_t left_ns, pauses;
};

struct ssd {
	struct model m;
	struct ssd_channel *channels;
	/* one entry per channel for each command that the drive can have */
	struct ssd_leg *legs;
	/* Called when a command is read, when a page has left the cache, and when the limit lets a
	 * command on that had to wait for it. */
	void (*read_done)(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now);
	void (*page_done)(struct ssd *ssd, uint64_t now);
	void (*let_on)(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now);
	struct sim_cmds writers; /* writes that wait for room in the cache */
	uint64_t nr_channels, next_channel;
	uint64_t cached; /* number of bytes in the cache */
	/* bytes of the cache that are less than a page and belong to no channel yet */
	uint64_t partial;
	bool draining;	     /* SIM_DRAIN_BURSTS: pages are programmed now */
	uint64_t link_ns[2]; /* when the link is free, for reads and writes */
	uint64_t worked;     /* time of all channels together, ns */
	uint64_t slc_used;   /* bytes that were programmed in the fast way */
	uint64_t slc_moving; /* bytes of these that are on the way to their place */
	struct event fold;   /* the end of the time without writes */
	bool fold_due, folding;
	uint64_t hiccup_begin, hiccup_end; /* the present hiccup or the next one; 0: not known */
	struct sim_cmds limited; /* commands that wait until the bucket of the limit is filled */
	struct event limit_ev;	 /* when it is, while any wait */
	int64_t limit_left;	 /* bytes in it; below 0: the last command took more */
	uint64_t limit_filled;	 /* how often it was filled */
	/* Which part of the map is in memory: the number of a region plus 1, at its place. */
	uint32_t *map;
	uint64_t map_slots;
};

/*
 * Returns a service time: MEAN, of which a share is random. That share is distributed nearly
 * exponentially, computed without libm so that it is the same on all machines.
 */
uint64_t ssd_service(struct ssd *ssd, uint64_t mean);

/* Returns a random time with mean MEAN and a nearly exponential distribution. */
uint64_t ssd_exponential(struct ssd *ssd, uint64_t mean);

/* ssd_channel.c: initialises channel CH of SSD, which C describes. */
void ssd_channel_init(struct ssd_channel *ch, struct ssd *ssd, const struct sim_config *c);

/* ssd_channel.c: returns the mean time to program a page now: in the fast way, if it has room. */
uint64_t ssd_program_ns(const struct ssd *ssd);

/* ssd_channel.c: starts work on CH if it is idle, or lets a read interrupt what it does. */
void ssd_work(struct ssd_channel *ch, uint64_t now);

/* ssd_channel.c: the same for all channels. */
void ssd_work_all(struct ssd *ssd, uint64_t now);

/* ssd_fold.c: notes a write at NOW: moving ends, and begins again some time later. */
void ssd_fold_later(struct ssd *ssd, uint64_t now);

/* ssd_map.c: returns the number of parts of the map that must be read for CMD, and keeps them. */
uint64_t ssd_map_misses(struct ssd *ssd, const struct weir_cmd *cmd);

/* ssd_map.c: makes room for the map. Returns 0 or -ENOMEM. */
int ssd_map_open(struct ssd *ssd, const struct sim_config *c);

/* ssd_limit.c: fills the bucket for the first time. */
void ssd_limit_open(struct ssd *ssd, const struct sim_config *c);

/* ssd_limit.c: returns true if CMD must wait; let_on() gets it later. */
bool ssd_limit_holds(struct ssd *ssd, struct sim_cmd *cmd, uint64_t now);

/* ssd_hiccup.c: ends CMD at DUE, or when the firmware answers again. */
void ssd_end_at(struct ssd *ssd, struct sim_cmd *cmd, uint64_t due);

#endif
