/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_recover.h - recovers the devices of a store at once, each on a thread of its own.
 */
#ifndef STORE_PARTS_RECOVER_H
#define STORE_PARTS_RECOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/open.h"

/* The recovery of one device. The opening thread owns it, and lends it to the thread of a step. */
struct parts_recovery {
	struct weir_store *s; /* NULL: it is left out */
	const struct weir_store_opts *opts;
	const struct superio_found *supers;
	int err;	       /* of the last step */
	char why[ERROR_BYTES]; /* its words */
	/* What follows is for parts_recover.c. */
	struct recover *recovery; /* between the two steps */
	int (*step)(struct parts_recovery *r);
	pthread_t thread;
	bool runs;     /* there is a thread */
	bool attaches; /* the thread of the step becomes the owner of the loop meanwhile */
};

/* Reads what the COUNT devices of ALL hold, and writes nothing. Each `err` says what became of it.
 * Then parts_recover_finish() or parts_recover_drop() must follow. */
void parts_recover_begin(struct parts_recovery *all, uint32_t count);
/* Writes what the recoveries write, and ends them. */
void parts_recover_finish(struct parts_recovery *all, uint32_t count);
/* Gives them up. */
void parts_recover_drop(struct parts_recovery *all, uint32_t count);

/* Returns the error of the first one that failed, with the words of all; 0: none has. */
int parts_recover_error(const struct parts_recovery *all, uint32_t count);

#endif
