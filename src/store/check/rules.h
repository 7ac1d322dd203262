/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - what must be true on a device, and the findings where it is not.
 */
#ifndef STORE_CHECK_RULES_H
#define STORE_CHECK_RULES_H

#include "store/check/check.h"

/* Judges the two superblock copies. */
void rules_supers(struct check *k);
/* Judges the header of segment NUMBER, and marks the segment if it is to be freed. The content is
 * empty, and belongs to the segment. */
void rules_header(struct check *k, uint32_t number);
/* Judges the content of a used segment, number N in the order. */
void rules_content(struct check *k, uint32_t n);
/* Reports the keys that live in the streams from STREAM on and in an earlier one. */
void rules_conflicts(struct check *k);
/* Returns true if a repair drops record R of batch B. */
bool rules_drops(const struct content *c, const struct content_batch *b,
		 const struct content_record *r);

#endif
