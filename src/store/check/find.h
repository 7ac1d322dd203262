/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find.h - reports what a check finds.
 */
#ifndef STORE_CHECK_FIND_H
#define STORE_CHECK_FIND_H

#include "store/check/check.h"

enum find_damage { FIND_NOTE = 0, FIND_DAMAGE = 1 };

/* Where a finding is: in the segment of the content. */
struct find_place {
	uint32_t block, blocks; /* 0 blocks: the length is not known */
	const struct content_record *record;
};

/* Reports a finding in the segment that is checked. */
void find_segment(struct check *k, enum weir_finding_kind kind, enum find_damage damage,
		  struct find_place at, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Reports a finding at OFFSET of the device. */
void find_device(struct check *k, enum weir_finding_kind kind, enum find_damage damage,
		 uint64_t offset, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Reports that device N (from 0 on) of the store was not named. */
void find_absent(struct check *k, uint32_t n);

#endif
