/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - reads and writes write budgets. Owns nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "cli/budget.h"
#include "cli/report.h"

#define BUDGET_DWPD_MAX 1000.0

static int budget_odd(const char *text)
{
	return report_usage("--write-budget: '%s' is no budget: give bytes a day such as 500GiB, "
			    "drive writes a day from 0.01dwpd to %.0fdwpd, or off",
			    text, BUDGET_DWPD_MAX);
}

int budget_parse(const char *text, uint64_t *bytes, uint32_t *percent)
{
	size_t digits = strspn(text, "0123456789.");
	double writes;
	char *end;

	*bytes = *percent = 0;
	if (!strcmp(text, "off") || !strcmp(text, "0"))
		return 0;
	if (!digits)
		return budget_odd(text);
	if (strcmp(text + digits, "dwpd") != 0)
		return parse_size(text, bytes) < 0 || !*bytes ? budget_odd(text) : 0;
	writes = strtod(text, &end);
	if (end != text + digits || writes < 0.01 || writes > BUDGET_DWPD_MAX)
		return budget_odd(text);
	*percent = (uint32_t)(writes * 100 + 0.5);
	return 0;
}

uint64_t budget_of_capacity(uint64_t capacity, uint32_t percent)
{
	return (uint64_t)((unsigned __int128)capacity * percent / 100);
}

const char *budget_words(uint64_t bytes, uint64_t capacity, char *buf, int size)
{
	char text[32];

	if (!bytes)
		return "none";
	snprintf(buf, (size_t)size, "%s a day (%.2f drive writes)",
		 format_size(bytes, text, sizeof(text)),
		 capacity ? (double)bytes / (double)capacity : 0);
	return buf;
}
