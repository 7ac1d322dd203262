/* SPDX-License-Identifier: Apache-2.0 */
/* tracing.c - the one trace that a command can have. See tracing.h. */
#include "cli/tracing.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/report.h"
#include "cli/temporary.h"

static struct weir_trace *tracing_now;
static const char *tracing_made; /* its file, if that was not there before; NULL: it was */

static void tracing_forget(void)
{
	if (tracing_made)
		temporary_forget(tracing_made);
	tracing_made = NULL;
}

int tracing_check(const struct tracing *t)
{
	if (t->as && !t->path)
		return report_usage("--trace-as needs --trace FILE");
	if (t->path && (!*t->path || !strcmp(t->path, "-")))
		return report_usage("--trace: name a file: it is written in parts, which standard "
				    "output cannot be");
	if (t->as && strcmp(t->as, "perfetto") != 0 && strcmp(t->as, "blktrace") != 0)
		return report_usage("--trace-as: there is no \"%s\": there are perfetto, blktrace",
				    t->as);
	return 0;
}

int tracing_begin(const struct tracing *t, struct weir_trace **trace)
{
	struct weir_trace_opts opts = WEIR_TRACE_OPTS_INIT;
	int err = 0;

	if (t->as)
		opts.format = strcmp(t->as, "perfetto") ? WEIR_TRACE_BLKTRACE : WEIR_TRACE_PERFETTO;
	if (t->path && !tracing_now) {
		tracing_made = access(t->path, F_OK) ? t->path : NULL;
		if (tracing_made)
			temporary_note(tracing_made);
		err = weir_trace_open(&tracing_now, t->path, &opts);
		if (err)
			tracing_forget();
	}
	*trace = tracing_now;
	return err;
}

struct weir_trace *tracing_current(void)
{
	return tracing_now;
}

int tracing_end(int exit_code)
{
	struct weir_trace_report report = WEIR_TRACE_REPORT_INIT;
	struct weir_trace *trace = tracing_now;
	int err;

	tracing_now = NULL;
	if (!trace)
		return exit_code;
	err = weir_trace_close(trace, &report);
	tracing_forget();
	if (err)
		return exit_code ? exit_code : report_error("%s", weir_error());
	if (report.lost)
		report_note("the trace lacks %" PRIu64 " of %" PRIu64 " records: its disk was too "
			    "slow for them",
			    report.lost, report.lost + report.requests);
	return exit_code;
}
