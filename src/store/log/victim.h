/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim.h - says which segment is reclaimed next, and what of it survives.
 */
#ifndef STORE_LOG_VICTIM_H
#define STORE_LOG_VICTIM_H

#include <stdbool.h>

#include "store/log/survive.h"

struct victim {
	struct segment *seg;
	struct survive_rule rule;
};

/* Chooses the segment that is reclaimed next: the oldest one of a log. Returns false if none can be
 * reclaimed now. */
bool victim_choose(const struct logs *ls, struct victim *v);

#endif
