/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing.c - counts the ios that failed. Runs on the loop's thread.
 */
#include <errno.h>
#include <stdio.h>

#include "store/io/failing.h"
#include "store/io/io.h"

void failing_note(struct store_io *store, const struct weir_io *io)
{
	struct failing *f = &store->failing;
	char words[256];

	if (io->op == WEIR_OP_DISCARD || io->result == -ECANCELED)
		return;
	if (!io->result) {
		f->row = 0;
		return;
	}
	f->row++;
	if (f->ios++)
		return;
	snprintf(f->first, sizeof(f->first), "%s", weir_io_strerror(io, words, sizeof(words)));
}
