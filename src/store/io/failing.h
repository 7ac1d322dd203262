/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing.h - the ios of a store that its device did not do.
 */
#ifndef STORE_IO_FAILING_H
#define STORE_IO_FAILING_H

#include <weir/queue.h>

#define FAILING_WORDS_BYTES 320u

struct store_io;

/* Owned by failing.c; the loop's. */
struct failing {
	uint64_t ios;			 /* that failed since the store was opened */
	uint64_t row;			 /* of these, since one went well */
	char first[FAILING_WORDS_BYTES]; /* the first of them, in words; never changes again */
};

/* Notes how IO ended. A discard is a hint, and a cancelled io says nothing about the device. */
void failing_note(struct store_io *store, const struct weir_io *io);

#endif
