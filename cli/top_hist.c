/* SPDX-License-Identifier: Apache-2.0 */
/* top_hist.c - histograms of requests as text, one bar for each power of two, as people know them
 * from biolatency. See top.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/top.h"

#define TOP_HIST_ROWS 41u
#define TOP_HIST_BAR 40u

/* Adds the buckets of H to ROW: a row for each power of two of units of UNIT ns. */
static void top_hist_rows(const struct hist *h, uint64_t unit, uint64_t row[TOP_HIST_ROWS])
{
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t least = i < HIST_SUB ? i
					      : (uint64_t)(i % HIST_SUB + HIST_SUB)
							<< (i / HIST_SUB - 1);
		uint64_t value = least / unit;
		unsigned n = value < 2 ? 0 : 63u - (unsigned)__builtin_clzll(value);

		row[n < TOP_HIST_ROWS ? n : TOP_HIST_ROWS - 1] += h->bucket[i];
	}
}

static void top_hist_one(const struct hist *h, const struct top_args *args, const char *title,
			 FILE *out)
{
	uint64_t row[TOP_HIST_ROWS] = { 0 }, most = 0;
	unsigned last = 0;

	top_hist_rows(h, args->millis ? 1000000 : 1000, row);
	for (unsigned i = 0; i < TOP_HIST_ROWS; i++) {
		most = row[i] > most ? row[i] : most;
		last = row[i] ? i : last;
	}
	if (!most)
		return;
	fprintf(out, "\n%s\n     %-20s: count     distribution\n", title,
		args->millis ? "msecs" : "usecs");
	for (unsigned i = 0; i <= last; i++) {
		unsigned bar = (unsigned)(row[i] * TOP_HIST_BAR / most);

		fprintf(out, "%10" PRIu64 " -> %-11" PRIu64 ": %-9" PRIu64 "|%-*.*s|\n",
			i ? (uint64_t)1 << i : 0, ((uint64_t)2 << i) - 1, row[i], TOP_HIST_BAR,
			(int)bar, "****************************************");
	}
}

/* Prints what SUM has for WAIT or the drive; the title begins with WHAT. */
static void top_hist_pair(const struct hist *wait, const struct hist *device,
			  const struct top_args *args, const char *what, FILE *out)
{
	char title[96];

	snprintf(title, sizeof(title), "%sin the drive", what);
	top_hist_one(device, args, title, out);
	snprintf(title, sizeof(title), "%sin the queue", what);
	if (args->queued)
		top_hist_one(wait, args, title, out);
}

/* Adds up the ios of the lane LANE (NULL: all) in the directions of MASK, and prints them. */
static void top_hist_sum(const struct top_view *v, const struct top_args *args,
			 const struct top_lane *lane, unsigned mask, FILE *out)
{
	struct hist *sum = calloc(2, sizeof(*sum));
	char what[64] = "";

	for (unsigned i = 0; sum && i < v->sample->nr_lanes; i++)
		for (int way = 0; way < TOP_WAYS; way++) {
			const struct top_lane *l = &v->sample->lane[i];

			if ((lane && l != lane) || !(mask & 1u << way))
				continue;
			hist_merge(&sum[0], &l->op[way].wait);
			hist_merge(&sum[1], &l->op[way].device);
		}
	if (lane)
		snprintf(what, sizeof(what), "device %u lane %u, ", lane->device, lane->lane);
	if (mask != 3)
		strcat(what, mask == 1 ? "reads, " : "writes, ");
	if (sum)
		top_hist_pair(&sum[0], &sum[1], args, what, out);
	free(sum);
}

void top_hist_print(const struct top_view *v, const struct top_args *args, FILE *out)
{
	unsigned n = args->by_lane ? v->sample->nr_lanes : 1;
	time_t now = time(NULL);
	struct tm tm;
	char stamp[16];

	if (args->stamp && localtime_r(&now, &tm) &&
	    strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm))
		fprintf(out, "%s\n", stamp);
	for (unsigned i = 0; i < n; i++) {
		const struct top_lane *lane = args->by_lane ? &v->sample->lane[i] : NULL;

		if (!args->by_op)
			top_hist_sum(v, args, lane, 3, out);
		for (unsigned way = 0; args->by_op && way < TOP_WAYS; way++)
			top_hist_sum(v, args, lane, 1u << way, out);
	}
	fputc('\n', out);
	fflush(out);
}
