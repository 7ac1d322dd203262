/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.h - the parameters of a model that the probes can show, and how a search changes them. One
 * thread.
 */
#ifndef FIT_PARAMS_H
#define FIT_PARAMS_H

#include "fit/probes.h"

enum param_id {
	PARAM_COMMAND,
	PARAM_LINK,
	PARAM_DUPLEX,
	PARAM_CHANNELS,
	PARAM_PAGE,
	PARAM_READ,
	PARAM_PROGRAM,
	PARAM_SPREAD,
	PARAM_CACHE,
	PARAM_CACHE_WRITE,
	PARAM_VOLATILE,
	PARAM_DRAIN,
	PARAM_SUSPEND,
	PARAM_SLC,
	PARAM_SLC_PROGRAM,
	PARAM_MAP,
	PARAMS,
};

struct param {
	const char *name; /* the key in the description of a drive */
	size_t offset;	  /* in struct sim_config */
	uint64_t min, max;
	unsigned kinds; /* the probes that it can change: bits of enum probe_kind */
	bool choice;	/* its values are a few words or numbers, not a range */
};

extern const struct param params[PARAMS];

/* Return the value of a parameter of C, and set it. */
uint64_t param_get(const struct sim_config *c, enum param_id id);
void param_set(struct sim_config *c, enum param_id id, uint64_t value);

/* Multiplies it by FACTOR, within its limits. 0 stays 0: what a drive has not does not grow. */
void param_scale(struct sim_config *c, enum param_id id, double factor);

/* Makes C a description that can be read: a cache with room for two pages a channel, and so on. */
void params_repair(struct sim_config *c);

/* Takes over FACTS, as far as a model can have them. */
void params_facts(struct sim_config *c, const struct probe_facts *facts);

/* Rounds times and sizes to three digits, which are more than probes tell. */
void params_round(struct sim_config *c);

/*
 * moves.c: a move multiplies several parameters with the same factor or its inverse, so that what
 * the others have found (bytes a second of the flash, for example) stays as it is.
 */
#define MOVE_PARTS 4
struct move {
	struct {
		enum param_id id;
		int power; /* 1 or -1; 0 follows the last part */
	} part[MOVE_PARTS];
	bool shift;	/* the second part, which is a time, gives to the first what it loses */
	double least;	/* the smallest factor that makes sense: 2 for a page; 0: any */
	unsigned kinds; /* the probes that it can change; 0: those of its parts */
	unsigned when; /* it is tried for these probes: others see no more than a part of it; 0: all
			*/
};

extern const struct move moves[];
extern const size_t nr_moves;

void move_make(struct sim_config *c, const struct move *m, double factor);

/* A parameter of which the search tries some values. */
struct choice {
	enum param_id id;
	uint64_t value[3]; /* UINT64_MAX: the choice has no more */
};

extern const struct choice choices[];
extern const size_t nr_choices;

/* guess.c: sets what the read probes (the others) of M say, computed from C's page (and channels).
 */
void guess_reads(struct sim_config *c, const struct probe_set *m);
void guess_writes(struct sim_config *c, const struct probe_set *m);

#endif
