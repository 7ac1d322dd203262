/* SPDX-License-Identifier: Apache-2.0 */
/* series.c - writes tables of windows. See series.h. */
#include "sim/series.h"

#include <inttypes.h>
#include <string.h>

static const char *const series_dirs[] = { "reads", "writes", "trims" };

const char *sim_series_name(const char *name, char buf[static SIM_SERIES_NAME_MAX])
{
	char *to = buf;

	if (!strpbrk(name, ",\""))
		return name;
	*to++ = '"';
	for (; *name; name++) {
		if (*name == '"')
			*to++ = '"';
		*to++ = *name;
	}
	*to++ = '"';
	*to = '\0';
	return buf;
}

void sim_series_head(FILE *out)
{
	fprintf(out, "begin_ns,end_ns,job,direction,ios,bytes,iops,mbps,mean_ns,p50_ns,p99_ns,"
		     "max_ns\n");
}

void sim_series_line(FILE *out, const struct sim_series_line *l)
{
	double seconds = (double)(l->end_ns - l->begin_ns) / 1e9;
	struct weir_latency latency;
	char name[SIM_SERIES_NAME_MAX];

	hist_summary(l->latency, &latency);
	fprintf(out,
		"%" PRIu64 ",%" PRIu64 ",%s,%s,%" PRIu64 ",%" PRIu64 ",%.1f,%.3f,%" PRIu64
		",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		l->begin_ns, l->end_ns, sim_series_name(l->job, name), series_dirs[l->dir], l->ios,
		l->bytes, (double)l->ios / seconds, (double)l->bytes / 1e6 / seconds,
		latency.count ? latency.sum_ns / latency.count : 0, latency.p50_ns, latency.p99_ns,
		latency.max_ns);
}
