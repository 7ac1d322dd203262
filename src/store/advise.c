/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise.c - says how to format a store that takes longer values. Owns nothing; any thread.
 */
#include <weir/store.h>

#include "store/format/layout.h"

const char *weir_store_advise(const struct weir_store_info *info, uint64_t value_bytes, char *buf,
			      size_t size)
{
	struct layout_wish wish = { .capacity_bytes = info->capacity_bytes,
				    .block_bytes = info->block_bytes,
				    .max_value_bytes = value_bytes };

	return layout_advise(&wish, buf, size);
}
