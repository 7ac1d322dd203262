/* SPDX-License-Identifier: Apache-2.0 */
/* sim_report.c - the results of a simulation as text. See sim.h. */
#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "cli/report.h"
#include "cli/sim.h"
#include "cli/table.h"

double sim_rate(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

uint64_t sim_mean(const struct weir_latency *l)
{
	return l->count ? l->sum_ns / l->count : 0;
}

/* Adds a row to the table: the ios IOS of a job that ran for ACTIVE_NS. SHARE may be "". */
static void sim_report_row(struct table *t, const char *name, const struct sim_ios *ios,
			   uint64_t active_ns, const char *share)
{
	const uint64_t times[] = { sim_mean(&ios->latency),
				   sim_mean(&ios->queued),
				   sim_mean(&ios->drive),
				   ios->latency.p50_ns,
				   ios->p95_ns,
				   ios->latency.p99_ns,
				   ios->latency.p999_ns,
				   ios->latency.max_ns };
	char iops[32], mbps[32], text[8][32];

	table_count((uint64_t)(sim_rate(ios->ios, active_ns) + 0.5), iops, sizeof(iops));
	snprintf(mbps, sizeof(mbps), "%.1f", sim_rate(ios->bytes, active_ns) / 1e6);
	for (int i = 0; i < 8; i++)
		format_time(times[i], text[i], sizeof(text[i]));
	table_row(t, name, iops, mbps, share, text[0], text[1], text[2], text[3], text[4], text[5],
		  text[6], text[7]);
}

const char *const sim_dir_names[SIM_DIRS] = { "reads", "writes", "trims" };

/* Adds the row of a job and, if it has ios in several directions, a row for each direction. */
static void sim_report_rows(struct table *t, const struct sim_job_result *j)
{
	struct sim_ios all = { .ios = j->ios,
			       .bytes = j->bytes,
			       .latency = j->latency,
			       .p95_ns = j->p95_ns,
			       .queued = j->queued,
			       .drive = j->drive };
	char share[32], name[32];
	int dirs = 0;

	snprintf(share, sizeof(share), "%.1f %%", 100 * j->share);
	sim_report_row(t, j->name, &all, j->active_ns, share);
	for (int dir = 0; dir < SIM_DIRS; dir++)
		dirs += j->dir[dir].latency.count > 0;
	for (int dir = 0; dir < SIM_DIRS && dirs > 1; dir++) {
		if (!j->dir[dir].latency.count)
			continue;
		snprintf(name, sizeof(name), "  %s", sim_dir_names[dir]);
		sim_report_row(t, name, &j->dir[dir], j->active_ns, "");
	}
}

void sim_report_notes(const struct remarks *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		report_note("%s", notes->line[i]);
	if (notes->dropped)
		report_note("%zu more notes are not shown", notes->dropped);
}

/* Prints how many ios of each job ended after their deadlines. */
static void sim_report_deadlines(const struct sim_result *res)
{
	char deadline[32];

	for (size_t i = 0; i < res->count; i++) {
		const struct sim_job_result *j = &res->job[i];

		if (j->deadline_ns && j->latency.count)
			printf("%s: %" PRIu64 " of %" PRIu64 " ios (%.2f %%) ended after their "
			       "deadlines, %s\n",
			       j->name, j->missed, j->latency.count,
			       100 * (double)j->missed / (double)j->latency.count,
			       format_time(j->deadline_ns, deadline, sizeof(deadline)));
	}
}

int sim_report_print(const struct sim_report *r)
{
	const struct sim_result *res = r->result;
	struct table t = { .columns = "lrrrrrrrrrrr" };
	char bytes[32], window[32];
	int err;

	sim_report_notes(&res->notes);
	if (res->interrupted)
		printf("INTERRUPTED after %.3f of %.3f s: the figures are of that part only\n",
		       (double)res->duration_ns / 1e9, (double)res->total_ns / 1e9);
	printf("%.3f s on %s, scheduler %s, %u requests and %s at once\n\n",
	       (double)res->duration_ns / 1e9, r->device, res->scheduler, res->depth,
	       format_size(res->depth_bytes, bytes, sizeof(bytes)));
	table_row(&t, "job", "io/s", "MB/s", "share", "mean", "queued", "drive", "p50", "p95",
		  "p99", "p99.9", "max");
	for (size_t i = 0; i < res->count; i++)
		sim_report_rows(&t, &res->job[i]);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	if (err)
		return report_error("out of memory");
	printf("\nthe drive had commands for %.1f %% of the time; on average %.1f %% of its units "
	       "worked\n",
	       100 * res->busy, 100 * res->worked);
	if (res->count > 1)
		printf("fairness (Jain, bytes): %.4f", res->fairness.whole);
	if (res->count > 1 && res->fairness.windows)
		printf("; in %" PRIu64 " windows of %s: median %.4f, minimum %.4f",
		       res->fairness.windows, format_time(res->window_ns, window, sizeof(window)),
		       res->fairness.median, res->fairness.min);
	if (res->count > 1)
		putchar('\n');
	sim_report_deadlines(res);
	return 0;
}

/* Adds a line of the comparison. A name is printed only in the first line of its run. */
static void sim_compare_row(struct table *t, const struct sim_result *res, size_t i)
{
	const struct sim_job_result *j = &res->job[i];
	char text[5][32], rates[2][32], share[32], jain[32] = "";

	table_count((uint64_t)(sim_rate(j->ios, j->active_ns) + 0.5), rates[0], sizeof(rates[0]));
	snprintf(rates[1], sizeof(rates[1]), "%.1f", sim_rate(j->bytes, j->active_ns) / 1e6);
	snprintf(share, sizeof(share), "%.1f %%", 100 * j->share);
	if (!i)
		snprintf(jain, sizeof(jain), "%.4f", res->fairness.whole);
	table_row(t, i ? "" : res->scheduler, j->name, rates[0], rates[1], share,
		  format_time(sim_mean(&j->latency), text[0], sizeof(text[0])),
		  format_time(sim_mean(&j->queued), text[1], sizeof(text[1])),
		  format_time(j->p95_ns, text[2], sizeof(text[2])),
		  format_time(j->latency.p99_ns, text[3], sizeof(text[3])),
		  format_time(j->latency.max_ns, text[4], sizeof(text[4])), jain);
}

/* Prints the notes about RUN that were not printed for the runs BEFORE it. */
static void sim_compare_notes(const struct sim_report *run, const struct sim_report *before)
{
	const struct remarks *notes = &run->result->notes;

	for (size_t i = 0; i < notes->count; i++) {
		bool said = false;

		for (const struct sim_report *r = before; r < run && !said; r++)
			for (size_t j = 0; j < r->result->notes.count && !said; j++)
				said = !strcmp(r->result->notes.line[j], notes->line[i]);
		if (!said)
			report_note("%s: %s", run->result->scheduler, notes->line[i]);
	}
}

int sim_report_compare(const struct sim_report *runs, size_t n)
{
	struct table t = { .columns = "llrrrrrrrrr" };
	int err;

	for (size_t i = 0; i < n; i++)
		sim_compare_notes(&runs[i], runs);
	printf("%.3f s on %s\n\n", (double)runs[0].result->duration_ns / 1e9, runs[0].device);
	table_row(&t, "scheduler", "job", "io/s", "MB/s", "share", "mean", "queued", "p95", "p99",
		  "max", "jain");
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < runs[i].result->count; j++)
			sim_compare_row(&t, runs[i].result, j);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	return err ? report_error("out of memory") : 0;
}
