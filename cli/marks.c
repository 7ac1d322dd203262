/* SPDX-License-Identifier: Apache-2.0 */
/* marks.c - reads and writes the marks of free segments. Owns nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weir/store.h>

#include "cli/marks.h"
#include "cli/percent.h"
#include "cli/report.h"

#define MARKS_MAX 50u /* percent, of weir_store_format_opts.free_low_percent */

/* Reads the marks one by one. 0 % is "off". */
static int marks_read(const char *low_text, const char *high_text, uint32_t *low, uint32_t *high)
{
	int exit_code = 0;

	if (low_text && !strcmp(low_text, "off"))
		*low = WEIR_FREE_LOW_NONE;
	else if (low_text)
		exit_code = percent_parse("free-low", low_text, MARKS_MAX, low);
	if (!exit_code && high_text)
		exit_code = percent_parse("free-high", high_text, MARKS_MAX, high);
	if (low_text && !*low)
		*low = WEIR_FREE_LOW_NONE;
	return exit_code;
}

int marks_parse(const char *low_text, const char *high_text, uint32_t *low, uint32_t *high)
{
	int exit_code;

	*low = *high = 0;
	exit_code = marks_read(low_text, high_text, low, high);
	if (exit_code)
		return exit_code;
	if (high_text && !*high)
		return report_usage(
			"--free-high: with 0%% nothing is kept free: use --free-low off");
	if (high_text && *low == WEIR_FREE_LOW_NONE)
		return report_usage("--free-high: nothing is reclaimed in the background with "
				    "--free-low off: leave it out");
	if (*high && *low > *high)
		return report_usage("--free-low: %u%% is above --free-high, %u%%: reclaiming "
				    "begins at the low mark and stops at the high one",
				    *low, *high);
	return 0;
}

const char *marks_words(const struct weir_store_info *info, char *text, size_t size)
{
	if (!info->free_low)
		return "what puts need";
	snprintf(text, size, "%" PRIu64 " segments, with garbage %" PRIu64, info->free_low,
		 info->free_high);
	return text;
}
