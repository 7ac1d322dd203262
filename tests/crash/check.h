/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - looks at images: each is recovered, compared with the promise, given to the second
 * recovery, and recovered once more with a power cut at every command.
 */
#ifndef CRASH_CHECK_H
#define CRASH_CHECK_H

#include "seeds.h"

#define CHECK_LEVELS 3u /* the power goes in a program, in its recovery, and in that one's */

struct coverage {
	uint64_t programs, points, images, distinct, recoveries;
	uint64_t interrupted; /* distinct images that a power cut in a recovery left */
	uint64_t twice;	      /* of these, after two power cuts */
	uint64_t compared;    /* images that the second recovery read too */
	uint64_t torn, lost;  /* images with a torn write; images that lost something unflushed */
	uint64_t discards;    /* images with discarded sectors that do not read as before */
	uint64_t killed;      /* images as a kill leaves them */
	uint64_t split;	      /* images in which one device lost all and another one nothing */
	uint64_t read_faults, footer_faults, move_faults;
	uint64_t fired[DRIVE_FAULTS];
};

/* Which image to look at, where only one is wanted. */
struct target {
	bool set;
	uint32_t life, point;
	struct image_choice choice;
};

struct checker {
	struct run run;
	struct coverage *coverage;
	struct image_limits limits;
	unsigned deep;	    /* each so-manieth image has its recovery interrupted; 0: none */
	unsigned compare;   /* each so-manieth image goes to the second recovery; 0: none */
	uint64_t most;	    /* stop after so many distinct images; 0: never */
	const char *second; /* path of the second recovery; NULL: none */
	struct target target;
	uint32_t life; /* lives of the program that were looked at */

	/* The image being looked at, for the message. */
	uint32_t point;
	struct image_choice choice;
	char trail[256]; /* the power cuts in its recovery, in words */
};

bool check_begin(struct checker *c, const struct seed *seed);
void check_end(struct checker *c);
/* Runs a program from the seed, and looks at everything from step FRESH on. Returns false if
 * something was wrong: c->run.wrong says what. */
bool check_program(struct checker *c, const struct program *p, unsigned fresh);
/* Returns true if there were as many images as wanted. */
bool check_is_enough(const struct checker *c);

#endif
