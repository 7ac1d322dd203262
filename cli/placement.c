/* SPDX-License-Identifier: Apache-2.0 */
/* placement.c - reads the value of --placement. Owns nothing. */
#include <string.h>

#include <weir/store.h>

#include "cli/placement.h"
#include "cli/report.h"

int placement_read(const char *name, uint32_t *placement)
{
	*placement = WEIR_PLACEMENT_DEFAULT;
	if (!name)
		return 0;
	if (!strcmp(name, "stream"))
		*placement = WEIR_PLACEMENT_STREAM;
	else if (!strcmp(name, "none"))
		*placement = WEIR_PLACEMENT_NONE;
	else
		return report_usage("--placement: there is no \"%s\": there are none and stream",
				    name);
	return 0;
}
