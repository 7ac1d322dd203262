/* SPDX-License-Identifier: Apache-2.0 */
/* suite_report.c - the results of the isolation suite as text and as JSON. See suite_report.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "cli/line.h"
#include "cli/report.h"
#include "cli/suite_report.h"
#include "cli/table.h"

#define COLUMNS 10
#define CELL 24

struct row {
	char cell[COLUMNS][CELL];
};

static void suite_report_row(struct table *t, const char *name, const struct row *r)
{
	table_row(t, name, r->cell[0], r->cell[1], r->cell[2], r->cell[3], r->cell[4], r->cell[5],
		  r->cell[6], r->cell[7], r->cell[8], r->cell[9]);
}

/* Calls FN for each figure of each case, with the number of its column. */
static void suite_report_each(void (*fn)(struct row *row, size_t column, const struct suite_case *c,
					 const struct suite_figure *f, double value),
			      struct row *row, const struct suite_row *values)
{
	size_t column = 0;

	memset(row, 0, sizeof(*row));
	for (size_t i = 0; i < SUITE_CASES; i++)
		for (size_t k = 0; suite_cases[i].figure[k].name && column < COLUMNS; k++)
			fn(row, column++, &suite_cases[i], &suite_cases[i].figure[k],
			   values ? values->value[i][k] : 0);
}

static void suite_report_case(struct row *row, size_t column, const struct suite_case *c,
			      const struct suite_figure *f, double value)
{
	(void)value;
	if (f == c->figure)
		snprintf(row->cell[column], CELL, "%s", c->name);
}

static void suite_report_name(struct row *row, size_t column, const struct suite_case *c,
			      const struct suite_figure *f, double value)
{
	(void)c;
	(void)value;
	snprintf(row->cell[column], CELL, "%s ", f->name);
}

static void suite_report_bar(struct row *row, size_t column, const struct suite_case *c,
			     const struct suite_figure *f, double value)
{
	(void)c;
	(void)value;
	if (f->low > 0)
		snprintf(row->cell[column], CELL, ">=%.2f ", f->low);
	else if (f->high > 0)
		snprintf(row->cell[column], CELL, "<=%.2f ", f->high);
}

static void suite_report_value(struct row *row, size_t column, const struct suite_case *c,
			       const struct suite_figure *f, double value)
{
	/* What must be nearly 1 has a digit more. */
	int digits = f->low >= 0.95 ? 3 : 2;

	(void)c;
	if (isnan(value))
		snprintf(row->cell[column], CELL, "-%s", suite_meets(f, value) ? " " : "*");
	else
		snprintf(row->cell[column], CELL, "%.*f%s", value < 100 ? digits : 1, value,
			 suite_meets(f, value) ? " " : "*");
}

static void suite_report_words(const struct suite_report *r)
{
	const struct suite_base *b = &r->result->base;
	char alone[32], floor_p999[32];

	printf("\nThe reader has p99 %s alone, and p99.9 %s beside writes that are paced.\n"
	       "The drive reads %.0f times 128 KiB a second and writes %.0f MB/s.\n%s\n\n",
	       format_time((uint64_t)b->alone_p99, alone, sizeof(alone)),
	       format_time((uint64_t)b->floor_p999, floor_p999, sizeof(floor_p999)), b->most_iops,
	       b->flood_mbps, "All figures are ratios. * misses its bar.");
	for (size_t i = 0; i < SUITE_CASES; i++) {
		const struct suite_case *c = &suite_cases[i];

		printf("%-8s %s\n", c->name, c->question);
		for (const struct suite_figure *f = c->figure; f->name; f++)
			printf("           %s: %s\n", f->name, f->what);
	}
}

int suite_report_print(const struct suite_report *r)
{
	struct table t = { .columns = "lrrrrrrrrrr" };
	char runtime[32];
	struct row row;
	int err;

	printf("isolation on %s, %s a run\n\n", r->device,
	       format_time(r->runtime_ns, runtime, sizeof(runtime)));
	suite_report_each(suite_report_case, &row, NULL);
	suite_report_row(&t, "", &row);
	suite_report_each(suite_report_name, &row, NULL);
	suite_report_row(&t, "", &row);
	for (size_t i = 0; i < r->result->rows; i++) {
		suite_report_each(suite_report_value, &row, &r->result->row[i]);
		suite_report_row(&t, r->result->row[i].scheduler, &row);
	}
	suite_report_each(suite_report_bar, &row, NULL);
	suite_report_row(&t, "bar", &row);
	err = table_print(&t, 0, stdout);
	table_free(&t);
	if (err)
		return report_error("out of memory");
	suite_report_words(r);
	for (size_t i = 0; i < r->result->rows; i++)
		if (r->result->row[i].bound || r->result->bound)
			report_note("%s: the thread that submits was the bottleneck of a run",
				    r->result->row[i].scheduler);
	if (r->result->interrupted)
		report_note("interrupted: only the schedulers that were complete are shown");
	return 0;
}

static json_t *suite_report_cases(void)
{
	json_t *cases = json_array();

	for (size_t i = 0; i < SUITE_CASES; i++) {
		json_t *figures = json_array();

		for (const struct suite_figure *f = suite_cases[i].figure; f->name; f++) {
			json_t *one = json_pack("{s:s, s:s}", "name", f->name, "what", f->what);

			json_object_set_new(one, "least",
					    f->low > 0 ? json_real(f->low) : json_null());
			json_object_set_new(one, "most",
					    f->high > 0 ? json_real(f->high) : json_null());
			json_array_append_new(figures, one);
		}
		json_array_append_new(
			cases, json_pack("{s:s, s:s, s:o}", "name", suite_cases[i].name, "question",
					 suite_cases[i].question, "figures", figures));
	}
	return cases;
}

static json_t *suite_report_scheduler(const struct suite_row *row, bool bound)
{
	json_t *figures = json_object();
	int missed = 0;

	for (size_t i = 0; i < SUITE_CASES; i++) {
		json_t *one = json_object();

		for (size_t k = 0; suite_cases[i].figure[k].name; k++) {
			const struct suite_figure *f = &suite_cases[i].figure[k];

			json_object_set_new(one, f->name,
					    isnan(row->value[i][k]) ? json_null()
								    : json_real(row->value[i][k]));
			missed += !suite_meets(f, row->value[i][k]);
		}
		json_object_set_new(figures, suite_cases[i].name, one);
	}
	return json_pack("{s:s, s:o, s:i, s:b}", "name", row->scheduler, "cases", figures, "missed",
			 missed, "submitter_bound", (int)(row->bound || bound));
}

json_t *suite_report_json(const struct suite_report *r)
{
	const struct suite_base *b = &r->result->base;
	json_t *schedulers = json_array(), *base;

	for (size_t i = 0; i < r->result->rows; i++)
		json_array_append_new(schedulers,
				      suite_report_scheduler(&r->result->row[i], r->result->bound));
	base = json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "most_iops", b->most_iops,
			 "steady_iops", b->steady_iops, "alone_p99_ns", b->alone_p99, "small_mbps",
			 b->small_mbps, "large_mbps", b->large_mbps, "flood_mbps", b->flood_mbps,
			 "floor_p999_ns", b->floor_p999, "flood_beside_mbps", b->full_mbps);
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:b, s:o, s:o, s:o}", "schema", "weir.suite.v1",
			 "suite", "isolation", "device", report_text(r->device), "seed",
			 (json_int_t)r->seed, "runtime_ns", (json_int_t)r->runtime_ns,
			 "interrupted", (int)r->result->interrupted, "base", base, "cases",
			 suite_report_cases(), "schedulers", schedulers);
}

void suite_report_progress(void *user, const char *scheduler, const char *name, unsigned done,
			   unsigned all)
{
	(void)user;
	line_show("%u of %u: %s, %s", done, all, scheduler, name);
}
