/* SPDX-License-Identifier: Apache-2.0 */
/* bench_show.c - medians and ranges as text and JSON, and the progress. See bench.h. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <weir/base.h>

#include "base/clock.h"
#include "cli/bench.h"
#include "cli/line.h"

json_t *bench_json_spread(const struct bench_samples *s)
{
	struct bench_spread spread = bench_spread_of(s);

	return json_pack("{s:f, s:f, s:f}", "median", spread.median, "min", spread.min, "max",
			 spread.max);
}

json_t *bench_json_machine(void)
{
	struct utsname names;

	if (uname(&names))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I}", "version", weir_version(), "kernel", names.release,
			 "architecture", names.machine, "cpus",
			 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
}

const char *bench_text_spread(const struct bench_samples *s, int digits, char *buf, size_t size)
{
	struct bench_spread spread = bench_spread_of(s);

	if (s->n < 2)
		snprintf(buf, size, "%.*f", digits, spread.median);
	else
		snprintf(buf, size, "%.*f (%.*f-%.*f)", digits, spread.median, digits, spread.min,
			 digits, spread.max);
	return buf;
}

void bench_progress_begin(struct bench_progress *p, size_t all)
{
	*p = (struct bench_progress){ .possible = isatty(STDERR_FILENO),
				      .all = all,
				      .start_ns = clock_now() };
}

void bench_progress_next(struct bench_progress *p, const char *what)
{
	double seconds = (double)(clock_now() - p->start_ns) / 1e9;

	p->done++;
	if (!p->possible)
		return;
	if (p->done > 1)
		line_show("%zu of %zu: %s, %.0f s left", p->done, p->all, what,
			  seconds / (double)(p->done - 1) * (double)(p->all - p->done + 1));
	else
		line_show("%zu of %zu: %s", p->done, p->all, what);
	p->shown = true;
}

void bench_progress_end(struct bench_progress *p)
{
	if (p->shown)
		line_clear();
	p->shown = false;
}
