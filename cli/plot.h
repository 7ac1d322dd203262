/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plot.h - plots as SVG in a page: lines over time or percentiles, and bars. Colours and dashes are
 * those of the page's style, so a plot is readable in light, dark and on paper. One thread.
 */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_SERIES_MAX 8

struct plot_line {
	const char *name;
	const double *x, *y; /* N points; the caller's */
	size_t n;
};

struct plot {
	const char *title;
	const char *y_unit;	   /* "MB/s"; NULL: y is a time in ns */
	const char *x_unit;	   /* below the plot */
	bool log_y;		   /* points that are not above 0 are left out */
	const char *const *x_tick; /* names of x = 0, 1, ...; NULL: x is a number */
	size_t nr_ticks;
	struct plot_line line[PLOT_SERIES_MAX];
	size_t lines;
};

/* Draws the lines of P. Nothing is drawn if there is no point. */
void plot_draw(FILE *out, const struct plot *p);

/* A bar, with a mark where it should end; DUE below 0: none. */
struct plot_bar {
	char name[64];
	double value, due;
};

/* Draws N bars from left to right; UNIT follows each value. */
void plot_bars(FILE *out, const char *title, const char *unit, const struct plot_bar *bar,
	       size_t n);

#endif
