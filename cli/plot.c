/* SPDX-License-Identifier: Apache-2.0 */
/* plot.c - draws plots. See plot.h. */
#include "cli/plot.h"

#include <inttypes.h>
#include <math.h>

#include "base/parse.h"
#include "cli/html.h"

#define WIDTH 480.0
#define HEIGHT 280.0
#define LEFT 72.0
#define RIGHT 14.0
#define TOP 12.0
#define BOTTOM 44.0

/* Values beyond these are no figures of a run, and what is computed with them can be infinite. */
#define PLOT_LEAST 1e-12
#define PLOT_MOST 1e18

/* Where the values of a plot are. */
struct scale {
	double x0, x1, y0, y1;
	bool log_y;
};

static bool plot_has(const struct plot *p, const struct plot_line *l, size_t i)
{
	return fabs(l->x[i]) <= PLOT_MOST && l->y[i] <= PLOT_MOST &&
	       l->y[i] >= (p->log_y ? PLOT_LEAST : 0);
}

/* Finds the range of all points. Returns false if there are none. */
static bool plot_range(const struct plot *p, struct scale *s)
{
	bool any = false;

	for (size_t k = 0; k < p->lines; k++)
		for (size_t i = 0; i < p->line[k].n; i++) {
			double x = p->line[k].x[i], y = p->line[k].y[i];

			if (!plot_has(p, &p->line[k], i))
				continue;
			s->x0 = !any || x < s->x0 ? x : s->x0;
			s->x1 = !any || x > s->x1 ? x : s->x1;
			s->y0 = !any || y < s->y0 ? y : s->y0;
			s->y1 = !any || y > s->y1 ? y : s->y1;
			any = true;
		}
	s->log_y = p->log_y;
	if (p->log_y) {
		s->y0 = floor(log10(s->y0));
		s->y1 = ceil(log10(s->y1) + 1e-9);
	} else {
		s->y0 = 0;
		s->y1 = s->y1 > 0 ? s->y1 * 1.05 : 1;
	}
	/* Room for the names of the first and the last. */
	if (p->x_tick) {
		s->x0 = -0.35;
		s->x1 = (double)p->nr_ticks - 0.6;
	}
	if (s->x1 <= s->x0)
		s->x1 = s->x0 + 1;
	return any;
}

static double plot_x(const struct scale *s, double x)
{
	return LEFT + (x - s->x0) / (s->x1 - s->x0) * (WIDTH - LEFT - RIGHT);
}

static double plot_y(const struct scale *s, double y)
{
	double at = s->log_y ? log10(y) : y;

	return HEIGHT - BOTTOM - (at - s->y0) / (s->y1 - s->y0) * (HEIGHT - TOP - BOTTOM);
}

/* Returns a step of 1, 2 or 5 times a power of ten, of which about four make SPAN. */
static double plot_step(double span)
{
	double power = pow(10, floor(log10(span / 4))), over = span / 4 / power;

	return (over < 1.5 ? 1 : over < 3.5 ? 2 : over < 7.5 ? 5 : 10) * power;
}

static void plot_number(FILE *out, const struct plot *p, double y)
{
	char text[32];

	/* Decades of a time have no fraction: 10 us and not 10.00 us. */
	if (!p->y_unit && y >= 1e9)
		snprintf(text, sizeof(text), "%g s", y / 1e9);
	else if (!p->y_unit && y >= 1e6)
		snprintf(text, sizeof(text), "%g ms", y / 1e6);
	else if (!p->y_unit)
		snprintf(text, sizeof(text), y >= 1e3 ? "%g us" : "%g ns", y >= 1e3 ? y / 1e3 : y);
	else
		snprintf(text, sizeof(text), "%g", y);
	fputs(text, out);
}

static void plot_grid_y(FILE *out, const struct plot *p, const struct scale *s, double y)
{
	fprintf(out, "<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
		WIDTH - RIGHT, plot_y(s, y), plot_y(s, y));
	fprintf(out, "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, plot_y(s, y) + 5);
	plot_number(out, p, y);
	fputs("</text>\n", out);
}

/* Draws lines at 2 and 5 times a power of ten, which help if there are few powers. */
static void plot_grid_between(FILE *out, const struct plot *p, const struct scale *s)
{
	int decades = (int)(s->y1 - s->y0 + 0.5);

	for (int i = 0; p->log_y && decades <= 2 && i < decades; i++) {
		plot_grid_y(out, p, s, 2 * pow(10, s->y0 + i));
		plot_grid_y(out, p, s, 5 * pow(10, s->y0 + i));
	}
}

static void plot_axes(FILE *out, const struct plot *p, const struct scale *s)
{
	double step = p->log_y ? (s->y1 - s->y0 > 6 ? 2 : 1) : plot_step(s->y1 - s->y0);
	double x_step = plot_step(s->x1 - s->x0);
	unsigned n = (unsigned)((s->y1 - s->y0) / step + 1e-9);

	for (unsigned i = 0; i <= n; i++) {
		double at = s->y0 + i * step;

		plot_grid_y(out, p, s, p->log_y ? pow(10, at) : at);
	}
	plot_grid_between(out, p, s);
	n = p->x_tick ? (unsigned)p->nr_ticks - 1 : (unsigned)((s->x1 - s->x0) / x_step + 1e-9);
	for (unsigned i = 0; i <= n; i++) {
		double x = p->x_tick ? i : (ceil(s->x0 / x_step - 1e-9) + i) * x_step;

		if (!(x <= s->x1 + 1e-9))
			break;
		fprintf(out, "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">", plot_x(s, x),
			HEIGHT - BOTTOM + 18);
		if (p->x_tick)
			html_text(out, p->x_tick[i]);
		else
			fprintf(out, "%g", x);
		fputs("</text>", out);
	}
	fprintf(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">", WIDTH - RIGHT, HEIGHT - 6);
	html_text(out, p->x_unit);
	fputs("</text>\n", out);
}

static void plot_lines(FILE *out, const struct plot *p, const struct scale *s)
{
	for (size_t k = 0; k < p->lines; k++) {
		const struct plot_line *l = &p->line[k];

		fprintf(out, "<polyline class=\"s s%zu\" points=\"", k % PLOT_SERIES_MAX);
		for (size_t i = 0; i < l->n; i++)
			if (plot_has(p, l, i))
				fprintf(out, "%.1f,%.1f ", plot_x(s, l->x[i]), plot_y(s, l->y[i]));
		fputs("\"/>\n", out);
	}
}

static void plot_keys(FILE *out, const struct plot *p)
{
	fputs("<ul class=\"keys\">", out);
	for (size_t k = 0; k < p->lines; k++) {
		fprintf(out,
			"<li><svg viewBox=\"0 0 32 12\" aria-hidden=\"true\"><line class=\"s "
			"s%zu\" "
			"x1=\"0\" x2=\"32\" y1=\"6\" y2=\"6\"/></svg>",
			k % PLOT_SERIES_MAX);
		html_text(out, p->line[k].name);
		fputs("</li>", out);
	}
	fputs("</ul>\n", out);
}

static void plot_open(FILE *out, const char *title, const char *unit, double height)
{
	fputs("<figure><figcaption>", out);
	html_text(out, title);
	if (unit) {
		fputs(" <span class=\"soft\">", out);
		html_text(out, unit);
		fputs("</span>", out);
	}
	fprintf(out, "</figcaption><svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"", WIDTH,
		height);
	html_text(out, title);
	fputs("\">\n", out);
}

void plot_draw(FILE *out, const struct plot *p)
{
	struct scale s = { .x0 = 0 };

	if (!plot_range(p, &s))
		return;
	plot_open(out, p->title, p->y_unit, HEIGHT);
	plot_axes(out, p, &s);
	plot_lines(out, p, &s);
	fputs("</svg>\n", out);
	plot_keys(out, p);
	fputs("</figure>\n", out);
}

void plot_bars(FILE *out, const char *title, const char *unit, const struct plot_bar *bar, size_t n)
{
	double most = 0, left = 130, width = WIDTH - left - 105;

	for (size_t i = 0; i < n; i++) {
		most = bar[i].value > most ? bar[i].value : most;
		most = bar[i].due > most ? bar[i].due : most;
	}
	if (!(most >= PLOT_LEAST && most <= PLOT_MOST))
		return;
	plot_open(out, title, NULL, 26.0 * (double)n + 8);
	for (size_t i = 0; i < n; i++) {
		double y = 26.0 * (double)i + 4;
		double end = left + width * fmax(bar[i].value, 0) / most;
		double due = left + width * bar[i].due / most;

		fprintf(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"end\">", left - 6, y + 16);
		html_text(out, bar[i].name);
		fprintf(out,
			"</text><rect class=\"b0\" x=\"%g\" y=\"%g\" width=\"%.1f\" "
			"height=\"18\"/>",
			left, y + 2, end - left);
		if (bar[i].due >= 0)
			fprintf(out,
				"<line class=\"due\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" "
				"y2=\"%g\"/>",
				due, due, y, y + 22);
		fprintf(out, "<text x=\"%.1f\" y=\"%g\">%.4g", (end > due ? end : due) + 5, y + 16,
			bar[i].value);
		html_text(out, unit);
		fputs("</text>\n", out);
	}
	fputs("</svg></figure>\n", out);
}
