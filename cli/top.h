/* SPDX-License-Identifier: Apache-2.0 */
/* top.h - what the files of `weir top` share. One thread. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "cli/top_sample.h"

enum top_sort { TOP_SORT_GETS, TOP_SORT_GET_MB, TOP_SORT_PUTS, TOP_SORT_PUT_MB, TOP_SORT_KEYS };
enum { TOP_SORTS = TOP_SORT_KEYS + 1 };

struct top_args {
	struct opening store;
	uint64_t interval_ns, count;
	const char *sort;
	unsigned once, json, hist, queued, by_lane, by_op, millis, stamp;
};

/* What is shown: the figures of an interval, and how. */
struct top_view {
	const char *path;
	int pid;
	struct weir_queue_info queue;
	const struct top_sample *sample;
	double seconds;
	enum top_sort sort;
	bool reverse;
	unsigned scroll; /* rows of tenants that are above the first one shown */
	bool waiting;	 /* nobody has the store open, so there are no figures to show */
};

/* A time in which nobody has open what is looked at. */
struct top_again {
	uint64_t limit_ns, deadline; /* how long it may last; UINT64_MAX: without end */
	char words[ERROR_BYTES];     /* who has closed it */
};

#define TOP_AGAIN_STEP_NS (50 * NSEC_PER_MSEC) /* between two tries */

/* top_again.c: fills in whom V looks at, and takes the first sample. Returns 0 or -errno with
 * words: -EPIPE if it was closed. */
int top_begin(struct source *src, struct top_view *v, struct top_sample *before);
/* Returns true if ERR, with its words in weir_error(), says that it was closed and ARGS say that it
 * is to be waited for. */
bool top_again_begin(struct top_again *again, const struct source *src, const struct top_args *args,
		     int err);
/* Looks once for who has it open now. Returns 1 after what top_begin() does, 0 if it is not there
 * yet, or -errno with words. */
int top_again_try(const struct top_again *again, struct source *src, struct top_view *v,
		  const struct top_args *args, struct top_sample *before);

/* top_text.c: writes the figures to OUT, in COLUMNS and at most ROWS lines; 0: as many as there
 * are. */
void top_print(const struct top_view *v, unsigned columns, unsigned rows, FILE *out);
/* Fills in ORDER with the streams that are shown, sorted. Returns how many. */
unsigned top_streams(const struct top_view *v, unsigned order[TOP_STREAMS]);
/* Returns the order named NAME, or -1; and the name of ORDER. */
int top_sort_find(const char *name);
const char *top_sort_name(enum top_sort order);

/* top_json.c: the same as an object; NULL: no memory. */
json_t *top_json(const struct top_view *v);

/* top_hist.c: prints histograms as ARGS say. */
void top_hist_print(const struct top_view *v, const struct top_args *args, FILE *out);

/* top_screen.c: shows the store of SRC on the terminal until the user has enough. Returns the exit
 * code. */
int top_screen(struct source *src, struct top_view *v, const struct top_args *args);

#endif
