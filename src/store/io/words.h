/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - the result of an operation as a sentence.
 */
#ifndef STORE_IO_WORDS_H
#define STORE_IO_WORDS_H

#include <weir/store.h>

struct store_io;

/* What -ENOSPC of an io means, and what to do. */
#define WORDS_FULL                                                                                 \
	"no space left on the file system below it: free some, or preallocate the file "           \
	"(fallocate)"

/* Notes that IO, which OP needed, has failed. */
void words_note_io(struct weir_store_op *op, const struct weir_io *io);
/* Notes what the words of OP, which ends with RESULT, will need to know of its store. */
void words_note(struct store_io *io, struct weir_store_op *op, int result);
/* Returns the result of OP, which has ended. If it is an error, weir_error() says what it means.
 * Any thread. */
int words_set(struct store_io *io, const struct weir_store_op *op);

#endif
