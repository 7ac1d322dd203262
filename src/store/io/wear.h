/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wear.h - the write budget of a store: what was spent of it, in this life and in earlier ones.
 *
 * Every byte that the store writes is spent. The superblock says how much was spent at which time.
 * It is written again only now and then, so it says more than was spent: what may be written until
 * the next time is added. So a crash never gives a budget back.
 */
#ifndef STORE_IO_WEAR_H
#define STORE_IO_WEAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/spend.h"
#include "store/format/super.h"

struct wear {
	struct spend spend; /* its time is loop_now() while the store is open */
	uint64_t unsaved;   /* bytes that were written since the superblock was */
	bool saving;	    /* the superblock is being written */
};

/* Begins a life at WALL (CLOCK_REALTIME), NOW (loop_now()) with the budget of SUPER, which is
 * changed to what must be written. */
void wear_begin(struct wear *w, struct super *super, uint64_t wall, uint64_t now);
/* Makes BYTES a day the budget of NEXT, which is to be written at WALL. */
void wear_change(const struct wear *w, struct super *next, uint64_t bytes, uint64_t wall);
/* Sets in NEXT, which is to be written at WALL, NOW, what was spent; w->saving is set. LAST:
 * nothing is written after it. */
void wear_save(struct wear *w, struct super *next, uint64_t wall, uint64_t now, bool last);
/* Makes BYTES a day, which have been written to the superblock, the budget from NOW on. */
void wear_install(struct wear *w, uint64_t bytes, uint64_t now);

/* Notes that BYTES are written. */
static inline void wear_spend(struct wear *w, uint64_t bytes)
{
	spend_take(&w->spend, bytes);
	w->unsaved += bytes;
}

/* Returns true if the superblock should be written, because so much was. */
bool wear_is_due(const struct wear *w);

#endif
