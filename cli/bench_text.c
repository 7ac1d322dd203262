/* SPDX-License-Identifier: Apache-2.0 */
/* bench_text.c - makes jobs of texts. See bench_text.h. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <weir/base.h>

#include "base/check.h"
#include "cli/bench_text.h"
#include "cli/report.h"

void bench_text_begin(struct bench_text *t)
{
	t->used = 0;
	t->text[0] = '\0';
}

void bench_text_add(struct bench_text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->text + t->used, sizeof(t->text) - t->used, fmt, args);
	va_end(args);
	CHECK(n >= 0 && (size_t)n < sizeof(t->text) - t->used);
	t->used += (size_t)n;
}

int bench_text_jobs(const struct bench_text *t, struct sim_jobs *jobs)
{
	FILE *in = fmemopen((void *)(uintptr_t)t->text, t->used, "r");
	int err;

	if (!in)
		return report_error("out of memory");
	err = sim_jobs_read(jobs, in, "jobs");
	fclose(in);
	return err ? report_usage("%s", weir_error()) : 0;
}
