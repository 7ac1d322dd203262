/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_bench.c - what `weir bench` measured under several schedulers, as tables and plots. See
 * page.h.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/html.h"
#include "cli/page.h"
#include "cli/page_percentiles.h"
#include "cli/plot.h"

#define BARS_MAX 32
/* So many jobs and directions have a section; a page of thousands would help nobody. */
#define ROWS_MAX 64

struct bench_column {
	const char *key, *head;
};

static const struct bench_column row_columns[] = {
	{ "iops", "io/s" },	{ "mbps", "MB/s" },	  { "p50_ns", "p50" }, { "p99_ns", "p99" },
	{ "p999_ns", "p99.9" }, { "p9999_ns", "p99.99" }, { "max_ns", "max" },
};
static const struct bench_column entry_columns[] = {
	{ "runs", "rounds" },
	{ "cpu_ns_per_io", "CPU ns an io" },
	{ "cpu_wait", "waited for a CPU" },
	{ "p99_to_floor", "p99 to floor" },
	{ "p999_to_floor", "p99.9 to floor" },
	{ "flood_mbps", "flood MB/s" },
	{ "flood_to_alone", "flood to alone" },
};
static const struct bench_column fair_columns[] = {
	{ "jain_5ms", "Jain 5 ms" },	     { "jain_20ms", "20 ms" },
	{ "jain_100ms", "100 ms" },	     { "least_share", "least share" },
	{ "most_share", "most share" },	     { "converge_ms", "ms until it has its share" },
	{ "converged_rounds", "in rounds" }, { "mbps", "MB/s" },
};

#define COLUMNS(of) (sizeof(of) / sizeof((of)[0]))

/* Puts those of the N columns in ALL that one of ROWS has into SOME. Returns their number. */
static size_t bench_present(const json_t *rows, const struct bench_column *all, size_t n,
			    struct bench_column *some)
{
	size_t present = 0, i;
	const json_t *row;

	for (size_t k = 0; k < n; k++) {
		bool has = false;

		json_array_foreach(rows, i, row)
			has |= json_object_get(row, all[k].key) != NULL;
		if (has)
			some[present++] = all[k];
	}
	return present;
}

static void bench_head(FILE *out, const char *label, const char *first,
		       const struct bench_column *column, size_t n)
{
	html_table_begin(out, label, n + 1, false);
	fprintf(out, "<thead><tr><th scope=\"col\">%s</th>", first);
	for (size_t k = 0; k < n; k++)
		fprintf(out, "<th scope=\"col\">%s</th>", column[k].head);
	fputs("</tr></thead>\n<tbody>\n", out);
}

/* Writes the row of ENTRY, marked if its submitter was the bottleneck, with members of FROM. */
static void bench_row(FILE *out, const json_t *entry, const json_t *from,
		      const struct bench_column *column, size_t n)
{
	bool bound = json_is_true(json_object_get(entry, "submitter_bound"));

	fputs("<tr><th scope=\"row\">", out);
	html_text(out, page_text(entry, "name"));
	fputs(bound ? " <span class=\"bad\">*</span></th>" : "</th>", out);
	for (size_t k = 0; k < n; k++) {
		fputs("<td>", out);
		page_value(out, column[k].key, json_object_get(from, column[k].key));
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

/* Writes the table of ENTRIES with those of the columns in ALL that they have. */
static void bench_table(FILE *out, const char *label, const json_t *entries,
			const struct bench_column *all, size_t n)
{
	struct bench_column column[8];
	const json_t *entry;
	size_t i;

	n = bench_present(entries, all, n, column);
	bench_head(out, label, "", column, n);
	json_array_foreach(entries, i, entry)
		bench_row(out, entry, entry, column, n);
	html_table_end(out);
}

static bool bench_is_like(const json_t *job, const json_t *like)
{
	return !strcmp(page_text(job, "name"), page_text(like, "name")) &&
	       !strcmp(page_text(job, "direction"), page_text(like, "direction"));
}

/* Returns the job of ENTRY that is like LIKE, with PLACE of them before it: in older results
 * two jobs may have the same name. */
static const json_t *bench_job(const json_t *entry, const json_t *like, size_t place)
{
	const json_t *job;
	size_t i;

	json_array_foreach(json_object_get(entry, "jobs"), i, job) {
		if (bench_is_like(job, like) && !place--)
			return job;
	}
	return NULL;
}

/* Returns how many jobs before number N of JOBS are like it. */
static size_t bench_place(const json_t *jobs, size_t n)
{
	size_t place = 0;

	for (size_t i = 0; i < n; i++)
		place += bench_is_like(json_array_get(jobs, i), json_array_get(jobs, n));
	return place;
}

static void bench_heading(FILE *out, const json_t *job, size_t place)
{
	fputs("<h3>", out);
	html_text(out, page_text(job, "name"));
	fputs(", ", out);
	html_text(out, page_text(job, "direction"));
	if (place)
		fprintf(out, " (%zu)", place + 1);
	fputs("</h3>\n", out);
}

/* Writes what became of the job and direction LIKE in each of ENTRIES, with PLACE before it. */
static void bench_compared(FILE *out, const json_t *entries, const json_t *like, size_t place)
{
	struct percentiles *p = calloc(1, sizeof(*p));
	struct plot_bar bar[BARS_MAX];
	const json_t *entry, *job;
	size_t i, n = 0;

	if (!p)
		return;
	bench_heading(out, like, place);
	bench_head(out, "jobs", "", row_columns, COLUMNS(row_columns));
	json_array_foreach(entries, i, entry) {
		job = bench_job(entry, like, place);
		if (!job)
			continue;
		bench_row(out, entry, job, row_columns, COLUMNS(row_columns));
		page_add(p, page_text(entry, "name"), job);
		if (n == BARS_MAX)
			continue;
		bar[n].value = page_get(job, "mbps");
		bar[n].due = -1;
		snprintf(bar[n++].name, sizeof(bar[0].name), "%.18s", page_text(entry, "name"));
	}
	html_table_end(out);
	fputs("<div class=\"plots\">\n", out);
	page_draw(out, p, "Latency");
	plot_bars(out, "Throughput", " MB/s", bar, n);
	fputs("</div>\n", out);
	free(p);
}

/* Returns true if an entry before number N of ENTRIES has the job and direction LIKE at PLACE. */
static bool bench_is_known(const json_t *entries, size_t n, const json_t *like, size_t place)
{
	for (size_t i = 0; i < n; i++)
		if (bench_job(json_array_get(entries, i), like, place))
			return true;
	return false;
}

static void bench_marks(FILE *out, const json_t *entries)
{
	const json_t *entry;
	bool bound = false;
	size_t i;

	json_array_foreach(entries, i, entry)
		bound |= json_is_true(json_object_get(entry, "submitter_bound"));
	json_array_foreach(entries, i, entry) {
		if (!json_object_get(entry, "error"))
			continue;
		fputs("<p class=\"bad\">", out);
		html_text(out, page_text(entry, "name"));
		fputs(" failed: ", out);
		html_text(out, page_text(entry, "error"));
		fputs("</p>\n", out);
	}
	if (bound)
		fputs("<p>* The thread that submits was busy all the time: these figures show the "
		      "processor, and the drive had room.</p>\n",
		      out);
}

/* Writes the members of RUN but NAME, folded. */
static void bench_rest(FILE *out, const json_t *run, const char *name)
{
	json_t *rest = json_copy((json_t *)(uintptr_t)run);

	fputs("<details><summary>Machine, device and rounds</summary>\n", out);
	json_object_del(rest, name);
	if (rest)
		page_tree(out, rest);
	json_decref(rest);
	fputs("</details>\n", out);
}

void page_bench(FILE *out, const json_t *run)
{
	const json_t *entries = json_object_get(run, "entries"), *entry, *jobs, *job;
	size_t i, k, shown = 0;

	fputs("<p>Medians of the rounds, in brackets their range.</p>\n", out);
	bench_table(out, "entries", entries, entry_columns, COLUMNS(entry_columns));
	bench_marks(out, entries);
	json_array_foreach(entries, i, entry) {
		jobs = json_object_get(entry, "jobs");
		json_array_foreach(jobs, k, job) {
			size_t place;

			if (shown == ROWS_MAX)
				break;
			place = bench_place(jobs, k);
			if (!bench_is_known(entries, i, job, place) && ++shown)
				bench_compared(out, entries, job, place);
		}
	}
	bench_rest(out, run, "entries");
}

/* Draws the least and the most that a flow got under each of ENTRIES; 1 is its due. */
static void bench_shares(FILE *out, const json_t *entries)
{
	static const struct bench_column ends[] = { { "least_share", "least" },
						    { "most_share", "most" } };
	struct plot_bar bar[BARS_MAX];
	const json_t *entry;
	size_t i, n = 0;

	json_array_foreach(entries, i, entry) {
		for (size_t k = 0; k < COLUMNS(ends); k++) {
			double share = page_get(entry, ends[k].key);

			if (n == BARS_MAX || share < 0)
				continue;
			bar[n].value = share;
			bar[n].due = 1;
			snprintf(bar[n++].name, sizeof(bar[0].name), "%.12s %s",
				 page_text(entry, "name"), ends[k].head);
		}
	}
	fputs("<div class=\"plots\">\n", out);
	plot_bars(out, "Shares of flows; the mark is what is due", "", bar, n);
	fputs("</div>\n", out);
}

void page_fairness(FILE *out, const json_t *run)
{
	const json_t *cases = json_object_get(run, "cases"), *c, *entries;
	size_t i;

	fputs("<p>Jain's index is the worst of all windows of that length. A share of 1 is what "
	      "is due.</p>\n",
	      out);
	json_array_foreach(cases, i, c) {
		entries = json_object_get(c, "entries");
		fputs("<h3>", out);
		html_text(out, page_text(c, "name"));
		fputs(": ", out);
		html_text(out, page_text(c, "summary"));
		fputs("</h3>\n", out);
		bench_table(out, "case", entries, fair_columns, COLUMNS(fair_columns));
		bench_marks(out, entries);
		bench_shares(out, entries);
	}
	bench_rest(out, run, "cases");
}
