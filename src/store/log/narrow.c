/* SPDX-License-Identifier: Apache-2.0 */
/*
 * narrow.c - makes the window of the drive small while gets and puts are mixed. This file owns
 * struct narrow, and runs on the loop's thread.
 */
#include "store/log/narrow.h"

#include "queue/loop.h"
#include "store/log/logs.h"

/* A second of a drive that writes 1 GB/s. */
#define NARROW_BYTES (1ull << 30)

void logs_note_get(struct logs *ls)
{
	ls->narrow.left = NARROW_BYTES;
	/* Gets alone have all of it. */
	if (ls->room.bytes)
		loop_narrow(ls->io->q, true);
}

void narrow_put(struct logs *ls, uint64_t bytes)
{
	struct narrow *n = &ls->narrow;

	n->left -= bytes < n->left ? bytes : n->left;
	loop_narrow(ls->io->q, n->left > 0);
}

void narrow_end(struct logs *ls)
{
	loop_narrow(ls->io->q, false);
}
