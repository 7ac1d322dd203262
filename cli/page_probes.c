/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_probes.c - what probes measured of a drive, and a model that was fitted to that, as tables
 * and plots. See page.h.
 */
#include <string.h>

#include "cli/html.h"
#include "cli/page.h"
#include "cli/page_percentiles.h"
#include "cli/plot.h"
#include "cli/probes_json.h"

#define BARS_MAX 32
/* Larger than any figure of a drive, and what follows can be counted in 64 bits. */
#define VALUE_MAX 1e18
#define FLOOD_LINES 2 /* the drive and a model */

/* Writes VALUE, whose unit is UNIT, in a cell. */
static void probes_cell(FILE *out, const char *unit, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "–");
	if (value >= 0 && value <= VALUE_MAX) {
		snprintf(text, sizeof(text), "%.4g %.32s", value, unit);
		for (int of = PROBE_P50; of <= PROBE_WRITTEN; of++)
			if (!strcmp(probe_unit((enum probe_of)of), unit))
				probes_json_value((enum probe_of)of, value, text, sizeof(text));
	}
	fputs("<td>", out);
	html_text(out, text);
	fputs("</td>", out);
}

/* Begins a row of the figure FIGURE of PROBE. */
static void probes_row(FILE *out, const char *probe, const char *figure)
{
	fputs("<tr><th scope=\"row\">", out);
	html_text(out, probe);
	fputs("</th><td class=\"text\">", out);
	html_text(out, figure);
	fputs("</td>", out);
}

static void probes_table_begin(FILE *out, const char *label, const char *const *heads, size_t n)
{
	html_table_begin(out, label, n, false);
	fputs("<thead><tr>", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "<th scope=\"col\">%s</th>", heads[i]);
	fputs("</tr></thead>\n<tbody>\n", out);
}

/* The bytes of a flood at its points, of each line; below 0: not known. */
struct flood {
	double bytes[FLOOD_LINES][PROBE_FIGURES_MAX];
};

static void flood_begin(struct flood *f)
{
	for (size_t k = 0; k < FLOOD_LINES; k++)
		for (size_t i = 0; i < PROBE_FIGURES_MAX; i++)
			f->bytes[k][i] = PROBE_NONE;
}

/* Notes BYTES of line K at the point that is called NAME. */
static void flood_add(struct flood *f, size_t k, const char *name, double bytes)
{
	const struct probe_figure *points = probes[PROBE_FLOODED].figure;

	for (size_t i = 0; i < PROBE_FIGURES_MAX && points[i].name; i++)
		if (!strcmp(points[i].name, name))
			f->bytes[k][i] = bytes;
}

/* Computes MB/s from each point of line K to the next one. Returns the number of points. */
static size_t flood_rates(const struct flood *f, size_t k, double *x, double *y)
{
	size_t n = 0;

	for (size_t i = 0; i < PROBE_FIGURES_MAX; i++) {
		double before = i ? f->bytes[k][i - 1] : 0, bytes = f->bytes[k][i];
		uint64_t begin_ns = i ? probe_point_ns(i - 1) : 0;

		if (before < 0 || bytes < before)
			continue;
		x[n] = (double)i;
		y[n++] = (bytes - before) / (double)(probe_point_ns(i) - begin_ns) * 1e3;
	}
	return n;
}

/* Draws how fast the lines NAMES wrote; a drive with a full cache becomes slower. */
static void flood_draw(FILE *out, const struct flood *f, const char *const *names, size_t lines)
{
	static const char *const ticks[PROBE_FIGURES_MAX] = { "4 ms",	"", "", "32 ms", "", "",
							      "256 ms", "", "", "2 s",	 "", "",
							      "16 s",	"", "", "131 s" };
	double x[FLOOD_LINES][PROBE_FIGURES_MAX], y[FLOOD_LINES][PROBE_FIGURES_MAX];
	struct plot p = { .title = "Writes of a flood, since the point before",
			  .y_unit = "MB/s",
			  .x_unit = "since it began",
			  .x_tick = ticks,
			  .nr_ticks = PROBE_FIGURES_MAX };

	for (size_t k = 0; k < lines; k++) {
		size_t n = flood_rates(f, k, x[k], y[k]);

		if (n)
			p.line[p.lines++] = (struct plot_line){ names[k], x[k], y[k], n };
	}
	plot_draw(out, &p);
}

/* Adds a bar for FIGURE of PROBE if its unit is UNIT. Returns the number of bars. */
static size_t probes_bar(struct plot_bar *bar, size_t n, const json_t *probe, const json_t *figure,
			 const char *unit, double one)
{
	double value = page_get(figure, "value");

	if (n == BARS_MAX || value < 0 || strcmp(page_text(figure, "unit"), unit) != 0)
		return n;
	bar[n].value = value / one;
	bar[n].due = -1;
	snprintf(bar[n].name, sizeof(bar[n].name), "%.11s %.6s", page_text(probe, "name"),
		 page_text(figure, "name"));
	return n + 1;
}

static void probes_bars(FILE *out, const json_t *list)
{
	static const struct {
		const char *unit, *title, *shown;
		double one;
	} kinds[] = {
		{ "ns", "How long", " us", 1e3 },
		{ "ios/s", "How many a second", "", 1 },
		{ "bytes/s", "How much a second", " MB/s", 1e6 },
	};

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		struct plot_bar bar[BARS_MAX];
		const json_t *probe, *figure;
		size_t i, k, n = 0;

		json_array_foreach(list, i, probe) {
			json_array_foreach(json_object_get(probe, "figures"), k, figure)
				n = probes_bar(bar, n, probe, figure, kinds[kind].unit,
					       kinds[kind].one);
		}
		plot_bars(out, kinds[kind].title, kinds[kind].shown, bar, n);
	}
}

static void probes_plots(FILE *out, const json_t *list)
{
	static const char *const names[] = { "the drive" };
	const json_t *probe, *figure;
	struct flood f;
	size_t i, k;

	flood_begin(&f);
	json_array_foreach(list, i, probe) {
		if (strcmp(page_text(probe, "name"), probes[PROBE_FLOODED].name) != 0)
			continue;
		json_array_foreach(json_object_get(probe, "figures"), k, figure)
			flood_add(&f, 0, page_text(figure, "name"), page_get(figure, "value"));
	}
	fputs("<div class=\"plots\">\n", out);
	probes_bars(out, list);
	flood_draw(out, &f, names, 1);
	fputs("</div>\n", out);
}

static void probes_table(FILE *out, const json_t *list)
{
	static const char *const heads[] = { "probe", "figure", "measured", "ran for", "question" };
	const json_t *probe, *figure;
	size_t i, k;

	probes_table_begin(out, "probes", heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(list, i, probe) {
		json_array_foreach(json_object_get(probe, "figures"), k, figure) {
			probes_row(out, page_text(probe, "name"), page_text(figure, "name"));
			probes_cell(out, page_text(figure, "unit"), page_get(figure, "value"));
			probes_cell(out, "ns", page_get(probe, "runtime_ns"));
			fputs("<td class=\"text\">", out);
			html_text(out, k ? "" : page_text(probe, "question"));
			fputs("</td></tr>\n", out);
		}
	}
	html_table_end(out);
}

void page_probes(FILE *out, const json_t *run)
{
	const json_t *list = json_object_get(run, "probes");

	if (json_is_true(json_object_get(run, "simulated")))
		fputs("<p>Simulated: the drive is a model.</p>\n", out);
	if (json_is_true(json_object_get(run, "submitter_bound")))
		fputs("<p class=\"bad\">The thread that submits was the bottleneck of a probe: "
		      "some figures show the processor.</p>\n",
		      out);
	probes_table(out, list);
	probes_plots(out, list);
	fputs("<details><summary>Facts about the drive</summary>\n", out);
	page_tree(out, json_object_get(run, "device"));
	fputs("</details>\n", out);
}

/* Writes a number that has a name, or a dash if there is none. */
static void fit_number(FILE *out, double value)
{
	if (value >= 0 && value <= VALUE_MAX)
		fprintf(out, "%.2f", value);
	else
		fputs("–", out);
}

/* Says how well the model fits, in one sentence. */
static void fit_sum(FILE *out, const json_t *run)
{
	const json_t *worst = json_object_get(run, "worst"), *fits = json_object_get(run, "fits");

	if (json_is_boolean(fits))
		fputs(json_is_true(fits) ? "<p><b>The model fits.</b> "
					 : "<p><b class=\"bad\">The model does not fit.</b> ",
		      out);
	else
		fputs("<p>", out);
	fprintf(out, "Half of %zu figures are within a factor of ",
		json_array_size(json_object_get(run, "figures")));
	fit_number(out, page_get(run, "median"));
	fputs(", nine of ten within ", out);
	fit_number(out, page_get(run, "nine_of_ten"));
	fputs(" (the limit is ", out);
	fit_number(out, page_get(run, "limit"));
	fputs("); the worst is ", out);
	html_text(out, page_text(worst, "figure"));
	fputs(" of ", out);
	html_text(out, page_text(worst, "probe"));
	fputs(": ", out);
	fit_number(out, page_get(worst, "ratio"));
	fputs(" times. * is beyond the limit.</p>\n", out);
}

/* Returns by which factor, 1 or more, RATIO is off; 0: it is no ratio. */
static double fit_off(double ratio)
{
	if (!(ratio > 0 && ratio <= VALUE_MAX))
		return 0;
	return ratio < 1 ? 1 / ratio : ratio;
}

static void fit_table(FILE *out, const json_t *rows, double limit)
{
	static const char *const heads[] = { "probe", "figure", "drive", "model", "model / drive" };
	const json_t *row;
	size_t i;

	probes_table_begin(out, "fit", heads, sizeof(heads) / sizeof(heads[0]));
	json_array_foreach(rows, i, row) {
		double ratio = page_get(row, "ratio");
		bool bad = limit > 0 && fit_off(ratio) > limit;

		probes_row(out, page_text(row, "probe"), page_text(row, "figure"));
		probes_cell(out, page_text(row, "unit"), page_get(row, "measured"));
		probes_cell(out, page_text(row, "unit"), page_get(row, "model"));
		fputs(bad ? "<td class=\"bad\">" : "<td>", out);
		fit_number(out, ratio);
		fputs(bad ? " *</td></tr>\n" : "</td></tr>\n", out);
	}
	html_table_end(out);
}

/* Draws a bar for each probe: that of its figures which is furthest off. */
static void fit_bars(FILE *out, const json_t *rows)
{
	struct plot_bar bar[BARS_MAX];
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(rows, i, row) {
		double ratio = page_get(row, "ratio");
		char name[sizeof(bar[0].name)];
		size_t k = 0;

		snprintf(name, sizeof(name), "%.18s", page_text(row, "probe"));
		while (k < n && strcmp(bar[k].name, name) != 0)
			k++;
		if (k == BARS_MAX || fit_off(ratio) < 1)
			continue;
		if (k == n)
			bar[n++] = (struct plot_bar){ .due = 1 };
		if (fit_off(ratio) > fit_off(bar[k].value))
			bar[k].value = ratio;
		memcpy(bar[k].name, name, sizeof(name));
	}
	plot_bars(out, "Model / drive, the worst figure of each probe; the mark is 1", "", bar, n);
}

static void fit_plots(FILE *out, const json_t *rows)
{
	static const char *const names[FLOOD_LINES] = { "the drive", "the model" };
	const json_t *row;
	struct flood f;
	size_t i;

	flood_begin(&f);
	json_array_foreach(rows, i, row) {
		if (strcmp(page_text(row, "probe"), probes[PROBE_FLOODED].name) != 0)
			continue;
		flood_add(&f, 0, page_text(row, "figure"), page_get(row, "measured"));
		flood_add(&f, 1, page_text(row, "figure"), page_get(row, "model"));
	}
	fputs("<div class=\"plots\">\n", out);
	fit_bars(out, rows);
	flood_draw(out, &f, names, FLOOD_LINES);
	fputs("</div>\n", out);
}

void page_fit(FILE *out, const json_t *run)
{
	const json_t *rows = json_object_get(run, "figures");
	json_t *rest = json_copy((json_t *)(uintptr_t)run);

	fit_sum(out, run);
	fit_table(out, rows, page_get(run, "limit"));
	fit_plots(out, rows);
	fputs("<details><summary>The model's parameters, and which of them the probes tell"
	      "</summary>\n",
	      out);
	json_object_del(rest, "figures");
	if (rest)
		page_tree(out, rest);
	json_decref(rest);
	fputs("</details>\n", out);
}
