/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - the options of the command by what the library calls them. Owns the table. */
#include <weir/base.h>

#include "base/check.h"
#include "cli/names.h"

/* What the command has no option for keeps the library's name. */
static const struct {
	const char *option, *name;
} names_table[] = {
	{ "block_bytes", "--block-bytes" },
	{ "degraded", "--degraded" },
	{ "force", "--force" },
	{ "free_high_percent", "--free-high" },
	{ "free_low_percent", "--free-low" },
	{ "lock_wait_ns", "--wait 10s" },
	{ "max_value_bytes", "--max-value" },
	{ "rewrite_percent", "--rewrite" },
	{ "salvage", "--salvage" },
	{ "segment_bytes", "--segment-bytes" },
	{ "WEIR_PLACEMENT_NONE", "--placement none" },
	{ "weir_store_format()", "weir format" },
	{ "weir_store_set_write_budget()", "weir set --write-budget" },
};

void names_begin(void)
{
	for (size_t i = 0; i < sizeof(names_table) / sizeof(names_table[0]); i++)
		CHECK(!weir_error_name(names_table[i].option, names_table[i].name));
}
