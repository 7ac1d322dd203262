/* SPDX-License-Identifier: Apache-2.0 */
/* page_percentiles.c - latencies by percentile. See page_percentiles.h. */
#include "cli/page_percentiles.h"

#include <math.h>
#include <stdlib.h>

static const char *const percentile_keys[PERCENTILES] = { "p50_ns",  "p90_ns",	 "p95_ns", "p99_ns",
							  "p999_ns", "p9999_ns", "max_ns" };
static const char *const percentile_names[PERCENTILES] = { "50 %",   "90 %",	"95 %", "99 %",
							   "99.9 %", "99.99 %", "all" };

double page_number(const json_t *value)
{
	if (json_is_object(value))
		value = json_object_get(value, "median");
	return json_is_number(value) && isfinite(json_number_value(value))
		       ? json_number_value(value)
		       : -1;
}

const char *page_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

double page_get(const json_t *object, const char *key)
{
	return page_number(json_object_get(object, key));
}

void page_add(struct percentiles *p, const char *name, const json_t *latency)
{
	size_t k = p->plot.lines, n = 0;

	if (k == PLOT_SERIES_MAX)
		return;
	for (size_t i = 0; i < PERCENTILES; i++) {
		double ns = page_get(latency, percentile_keys[i]);

		if (ns <= 0)
			continue;
		p->x[k][n] = (double)i;
		p->y[k][n++] = ns;
	}
	if (n > 1)
		p->plot.line[p->plot.lines++] = (struct plot_line){ name, p->x[k], p->y[k], n };
}

void page_draw(FILE *out, struct percentiles *p, const char *title)
{
	p->plot.title = title;
	p->plot.x_unit = "of all ios took no longer";
	p->plot.log_y = true;
	p->plot.x_tick = percentile_names;
	p->plot.nr_ticks = PERCENTILES;
	plot_draw(out, &p->plot);
}

void page_percentiles(FILE *out, const char *title, const json_t *entries)
{
	struct percentiles *p = calloc(1, sizeof(*p));
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
		if (p)
			page_add(p, page_text(entry, "name"), entry);
	if (p && p->plot.lines) {
		fputs("<div class=\"plots\">\n", out);
		page_draw(out, p, title);
		fputs("</div>\n", out);
	}
	free(p);
}
