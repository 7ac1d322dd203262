/* SPDX-License-Identifier: Apache-2.0 */
/*
 * found.h - the segments in use, as recovery found them.
 */
#ifndef STORE_RECOVER_FOUND_H
#define STORE_RECOVER_FOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "store/format/strikes.h"
#include "store/log/log.h"

/* A segment in use. */
struct found {
	struct segment *seg;
	uint32_t stream;
	enum footer_state footer;
	uint32_t footer_blocks;
	bool walked;		 /* its entries are in memory; it gets a new footer */
	bool aside;		 /* it is set aside: only its footer counts */
	bool struck;		 /* an entry of it has lost a conflict */
	bool dropped;		 /* a record of it was dropped */
	struct strikes *strikes; /* in its header; NULL: none */
	uint32_t batches;
	struct logpos mark; /* walked: the highest watermark in its batches */
};

#endif
