/* SPDX-License-Identifier: Apache-2.0 */
/* trace_time.c - converts times of traces. */
#include <errno.h>

#include "base/nsec.h"
#include "cli/trace_lines.h"
#include "text/text.h"

int trace_time(const struct trace_reader *r, const char *field, double value, uint64_t *time_ns)
{
	bool ms = r->trace->format == TRACE_MOONCAKE;
	double unit = (double)(ms ? NSEC_PER_MSEC : NSEC_PER_SEC);
	/* Times are stored in ns, so later ones would overflow. */
	double max = (double)(INT64_MAX / (ms ? (int64_t)NSEC_PER_MSEC : (int64_t)NSEC_PER_SEC));

	if (!(value >= 0 && value <= max))
		return text_error(r->line, -EINVAL, "%s is not a number from 0 to %.0f %s", field,
				  max, ms ? "milliseconds" : "seconds");
	*time_ns = (uint64_t)(value * unit);
	return 0;
}
