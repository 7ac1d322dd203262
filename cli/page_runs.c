/* SPDX-License-Identifier: Apache-2.0 */
/* page_runs.c - what is known of simulations and suites, as tables and plots. See page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/html.h"
#include "cli/page.h"
#include "cli/page_percentiles.h"
#include "cli/plot.h"

#define BARS_MAX 32

static void page_latencies(FILE *out, const json_t *jobs)
{
	struct percentiles *p = calloc(1, sizeof(*p));
	const json_t *job;
	size_t i;

	json_array_foreach(jobs, i, job)
		if (p)
			page_add(p, page_text(job, "name"), json_object_get(job, "latency"));
	if (p)
		page_draw(out, p, "Latency");
	free(p);
}

/* Returns the sum of the weights in JOBS; a job without one counts as 100. 0: none has one. */
static double page_weights(const json_t *jobs)
{
	double sum = 0;
	bool any = false;
	const json_t *job;
	size_t i;

	json_array_foreach(jobs, i, job) {
		double weight = page_get(job, "weight");

		any |= weight > 0;
		sum += weight > 0 ? weight : 100;
	}
	return any ? sum : 0;
}

static void page_shares(FILE *out, const json_t *jobs)
{
	double weights = page_weights(jobs);
	struct plot_bar bar[BARS_MAX];
	const json_t *job;
	size_t i, n = 0;

	json_array_foreach(jobs, i, job) {
		double weight = page_get(job, "weight"), share = page_get(job, "share");

		if (n == BARS_MAX || share < 0)
			continue;
		bar[n].value = 100 * share;
		bar[n].due = weights > 0 ? 100 * (weight > 0 ? weight : 100) / weights : -1;
		snprintf(bar[n++].name, sizeof(bar[0].name), "%.18s", page_text(job, "name"));
	}
	if (n > 1)
		plot_bars(out,
			  weights > 0 ? "Share of the bytes; the mark is the share by weight"
				      : "Share of the bytes",
			  " %", bar, n);
}

static const struct {
	const char *key, *head;
} job_columns[] = {
	{ "iops", "io/s" },	{ "mbps", "MB/s" },	    { "share", "share" },
	{ "weight", "weight" }, { "mean_ns", "mean" },	    { "p50_ns", "p50" },
	{ "p95_ns", "p95" },	{ "p99_ns", "p99" },	    { "p999_ns", "p99.9" },
	{ "max_ns", "max" },	{ "late_ios", "late ios" },
};

#define JOB_COLUMNS (sizeof(job_columns) / sizeof(job_columns[0]))

static void page_job_head(FILE *out, const char *first)
{
	html_table_begin(out, "jobs", JOB_COLUMNS + 1, false);
	fprintf(out, "<thead><tr><th scope=\"col\">%s</th>", first);
	for (size_t k = 0; k < JOB_COLUMNS; k++)
		fprintf(out, "<th scope=\"col\">%s</th>", job_columns[k].head);
	fputs("</tr></thead>\n<tbody>\n", out);
}

static void page_job_row(FILE *out, const char *name, const json_t *job)
{
	fputs("<tr><th scope=\"row\">", out);
	html_text(out, name);
	fputs("</th>", out);
	for (size_t k = 0; k < JOB_COLUMNS; k++) {
		const char *key = job_columns[k].key;
		const json_t *value = json_object_get(job, key);

		if (!value)
			value = json_object_get(json_object_get(job, "latency"), key);
		fputs("<td>", out);
		if (!strcmp(key, "share") && json_is_number(value) &&
		    fabs(json_number_value(value)) <= 1)
			fprintf(out, "%.1f %%", 100 * json_number_value(value));
		else if (!strcmp(key, "iops") && json_is_number(value))
			fprintf(out, "%.0f", json_number_value(value));
		else
			page_value(out, key, value);
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

static const char *page_scheduler(const json_t *run)
{
	return page_text(json_object_get(run, "scheduler"), "name");
}

void page_sim(FILE *out, const json_t *run)
{
	const json_t *jobs = json_object_get(run, "jobs"), *job;
	json_t *rest = json_copy((json_t *)(uintptr_t)run);
	size_t i;

	page_job_head(out, "job");
	json_array_foreach(jobs, i, job)
		page_job_row(out, page_text(job, "name"), job);
	html_table_end(out);
	fputs("<div class=\"plots\">\n", out);
	page_latencies(out, jobs);
	page_shares(out, jobs);
	fputs("</div>\n<details><summary>Drive, queue, tunables and fairness</summary>\n", out);
	json_object_del(rest, "jobs");
	if (rest)
		page_tree(out, rest);
	json_decref(rest);
	fputs("</details>\n", out);
}

/* Returns the job NAME of RUN, with PLACE of them before it: in older results two jobs may have the
 * same name. */
static const json_t *page_job(const json_t *run, const char *name, size_t place)
{
	const json_t *job;
	size_t i;

	json_array_foreach(json_object_get(run, "jobs"), i, job) {
		if (!strcmp(page_text(job, "name"), name) && !place--)
			return job;
	}
	return NULL;
}

static const char *page_device(const json_t *run)
{
	return page_text(json_object_get(run, "device"), "name");
}

/* Returns what run number N of RUNS is called beside the others: by its scheduler, its drive where
 * another run with this scheduler has another one, and a number where both are the same. */
static json_t *page_label(const json_t *runs, size_t n)
{
	const json_t *run = json_array_get(runs, n), *other;
	const char *scheduler = page_scheduler(run), *device = page_device(run);
	bool differs = false;
	size_t before = 0, i;
	char number[32] = "";

	json_array_foreach(runs, i, other) {
		bool same = !strcmp(page_device(other), device);

		if (strcmp(page_scheduler(other), scheduler) != 0)
			continue;
		differs |= !same;
		before += same && i < n;
	}
	if (before)
		snprintf(number, sizeof(number), " (%zu)", before + 1);
	return json_sprintf("%s%s%s%s", scheduler, differs ? " on " : "", differs ? device : "",
			    number);
}

/* Sets the name of BAR, which has little room, to LABEL, or to what is unique of it. */
static void page_name_bar(struct plot_bar *bar, const char *label, const char *scheduler, size_t n)
{
	if (strlen(label) <= 18)
		snprintf(bar->name, sizeof(bar->name), "%s", label);
	else
		snprintf(bar->name, sizeof(bar->name), "%.12s, %zu", scheduler, n + 1);
}

static void page_compare_heading(FILE *out, const char *name, size_t place)
{
	fputs("<h3>", out);
	html_text(out, name);
	if (place)
		fprintf(out, " (%zu)", place + 1);
	fputs("</h3>\n", out);
	page_job_head(out, "scheduler");
}

/* Writes what became of the job NAME, with PLACE before it, in each of the simulations in RUNS,
 * which are called LABELS. */
static void page_compare_job(FILE *out, const json_t *runs, const json_t *labels, const char *name,
			     size_t place)
{
	struct percentiles *p = calloc(1, sizeof(*p));
	struct plot_bar bar[BARS_MAX];
	const json_t *run;
	size_t i, n = 0;

	if (!p)
		return;
	page_compare_heading(out, name, place);
	json_array_foreach(runs, i, run) {
		const json_t *job = page_job(run, name, place);
		const char *label = json_string_value(json_array_get(labels, i));

		if (!job || !label)
			continue;
		page_job_row(out, label, job);
		page_add(p, label, json_object_get(job, "latency"));
		if (n == BARS_MAX)
			continue;
		bar[n].value = page_get(job, "mbps");
		bar[n].due = -1;
		page_name_bar(&bar[n++], label, page_scheduler(run), i);
	}
	html_table_end(out);
	fputs("<div class=\"plots\">\n", out);
	page_draw(out, p, "Latency by scheduler");
	plot_bars(out, "Throughput", " MB/s", bar, n);
	fputs("</div>\n", out);
	free(p);
}

/* Writes the jobs of SIMS, several simulations, side by side: those of the first one. */
static void page_compare_jobs(FILE *out, const json_t *sims)
{
	const json_t *jobs = json_object_get(json_array_get(sims, 0), "jobs");
	json_t *labels = json_array();

	for (size_t i = 0; i < json_array_size(sims); i++)
		json_array_append_new(labels, page_label(sims, i));
	for (size_t i = 0; i < json_array_size(jobs) && i < BARS_MAX; i++) {
		const char *name = page_text(json_array_get(jobs, i), "name");
		size_t place = 0;

		for (size_t k = 0; k < i; k++)
			place += !strcmp(page_text(json_array_get(jobs, k), "name"), name);
		page_compare_job(out, sims, labels, name, place);
	}
	json_decref(labels);
}

bool page_compare(FILE *out, const json_t *runs)
{
	json_t *sims = json_array();
	json_t *run;
	size_t i;
	bool several;

	json_array_foreach(runs, i, run) {
		if (!strcmp(page_text(run, "schema"), "weir.sim.v1"))
			json_array_append(sims, run);
	}
	several = json_array_size(sims) > 1;
	if (several) {
		fputs("<section><h2 id=\"compared\">Schedulers side by side</h2>\n", out);
		page_compare_jobs(out, sims);
		fputs("</section>\n", out);
	}
	json_decref(sims);
	return several;
}

/* Writes a figure of a suite, marked if it misses its bar; one that is null misses each bar. */
static void page_figure(FILE *out, const json_t *figure, const json_t *of)
{
	const json_t *got = json_object_get(of, page_text(figure, "name"));
	double least = page_get(figure, "least"), most = page_get(figure, "most");
	double value = json_number_value(got);
	bool missed = (least > 0 && value < least) || (most > 0 && value > most);

	if (json_is_null(got))
		fputs(least > 0 || most > 0 ? "<td class=\"bad\">- *</td>" : "<td>-</td>", out);
	else
		fprintf(out, missed ? "<td class=\"bad\">%.*f *</td>" : "<td>%.*f</td>",
			value < 100 ? 3 : 1, value);
}

static void page_suite_head(FILE *out, const json_t *cases)
{
	const json_t *c, *figure;
	size_t i, k, figures = 0;

	json_array_foreach(cases, i, c)
		figures += json_array_size(json_object_get(c, "figures"));
	html_table_begin(out, "suite", figures + 1, false);
	fputs("<thead><tr><th scope=\"col\">scheduler</th>", out);
	json_array_foreach(cases, i, c) {
		json_array_foreach(json_object_get(c, "figures"), k, figure) {
			fputs("<th scope=\"col\">", out);
			html_text(out, page_text(c, "name"));
			fputs("<br>", out);
			html_text(out, page_text(figure, "name"));
			fputs("</th>", out);
		}
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

static void page_suite_row(FILE *out, const json_t *cases, const json_t *row)
{
	const json_t *c, *figure;
	size_t i, k;

	fputs("<tr><th scope=\"row\">", out);
	html_text(out, page_text(row, "name"));
	fputs("</th>", out);
	json_array_foreach(cases, i, c) {
		const json_t *of =
			json_object_get(json_object_get(row, "cases"), page_text(c, "name"));

		json_array_foreach(json_object_get(c, "figures"), k, figure)
			page_figure(out, figure, of);
	}
	fputs("</tr>\n", out);
}

void page_suite(FILE *out, const json_t *run)
{
	const json_t *cases = json_object_get(run, "cases"), *row, *c;
	size_t i;

	fputs("<p>All figures are ratios; 1 is what nobody could do better, and * misses its bar."
	      "</p>\n",
	      out);
	page_suite_head(out, cases);
	json_array_foreach(json_object_get(run, "schedulers"), i, row)
		page_suite_row(out, cases, row);
	html_table_end(out);
	fputs("<ul>\n", out);
	json_array_foreach(cases, i, c) {
		fputs("<li><b>", out);
		html_text(out, page_text(c, "name"));
		fputs("</b>: ", out);
		html_text(out, page_text(c, "question"));
		fputs("</li>\n", out);
	}
	fputs("</ul>\n<details><summary>What the drive does without a scheduler</summary>\n", out);
	page_tree(out, json_object_get(run, "base"));
	fputs("</details>\n", out);
}
