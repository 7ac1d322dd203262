/* SPDX-License-Identifier: Apache-2.0 */
/* percent.c - reads percentages that people type. Owns nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/percent.h"
#include "cli/report.h"

int percent_parse(const char *name, const char *text, uint32_t max, uint32_t *percent)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !errno && value <= max &&
	    (!*end || !strcmp(end, "%"))) {
		*percent = (uint32_t)value;
		return 0;
	}
	return report_usage("--%s: '%s' is no percentage from 0%% to %u%%, such as 30%%", name,
			    text, max);
}
