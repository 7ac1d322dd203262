/* SPDX-License-Identifier: Apache-2.0 */
/* page_series.c - what jobs did in each window, over time. See page.h. */
#include <stdlib.h>

#include "cli/html.h"
#include "cli/page.h"
#include "cli/plot.h"

/* More points than pixels: several windows become one. */
#define POINTS_MAX ((size_t)400)

/* Gathers N points of X and Y into at most POINTS_MAX: the mean of Y, or with MOST the largest. */
static size_t page_gather(const double *x, const double *y, size_t n, bool most, double *gx,
			  double *gy)
{
	size_t each = (n + POINTS_MAX - 1) / POINTS_MAX, points = 0;

	for (size_t i = 0; i < n; i += each) {
		size_t end = i + each < n ? i + each : n;
		double value = 0;

		for (size_t k = i; k < end; k++) {
			if (most)
				value = y[k] > value ? y[k] : value;
			else
				value += y[k] / (double)(end - i);
		}
		gx[points] = x[i];
		gy[points++] = value;
	}
	return points;
}

/* Draws one value of all lines; GET returns its array. */
static void page_over_time(FILE *out, const struct series *s, struct plot *p, bool most,
			   const double *(*get)(const struct series_line *l))
{
	double *room = calloc(POINTS_MAX * 2 * PLOT_SERIES_MAX, sizeof(*room));

	p->x_unit = "seconds";
	for (size_t i = 0; room && i < s->lines && p->lines < PLOT_SERIES_MAX; i++) {
		const struct series_line *l = &s->line[i];
		double *x = room + POINTS_MAX * 2 * p->lines, *y = x + POINTS_MAX;
		size_t n = page_gather(l->end_s, get(l), l->n, most, x, y);

		p->line[p->lines++] = (struct plot_line){ l->name, x, y, n };
	}
	if (room)
		plot_draw(out, p);
	free(room);
}

static const double *page_mbps(const struct series_line *l)
{
	return l->mbps;
}

static const double *page_p99(const struct series_line *l)
{
	return l->p99_ns;
}

static const double *page_p50(const struct series_line *l)
{
	return l->p50_ns;
}

void page_series(FILE *out, const struct series *s)
{
	struct plot mbps = { .title = "Throughput in each window", .y_unit = "MB/s" };
	struct plot p99 = { .title = "p99 in each window", .log_y = true };
	struct plot p50 = { .title = "Median latency in each window", .log_y = true };

	if (s->lines > PLOT_SERIES_MAX)
		fprintf(out, "<p>The first %d of %zu jobs and directions are drawn.</p>\n",
			PLOT_SERIES_MAX, s->lines);
	fputs("<div class=\"plots\">\n", out);
	page_over_time(out, s, &mbps, false, page_mbps);
	page_over_time(out, s, &p99, true, page_p99);
	page_over_time(out, s, &p50, false, page_p50);
	fputs("</div>\n", out);
}
