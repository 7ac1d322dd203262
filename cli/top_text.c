/* SPDX-License-Identifier: Apache-2.0 */
/* top_text.c - the figures of `weir top` as lines of text. See top.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"

static const char *const top_sorts[TOP_SORTS] = { "gets", "get-mb", "puts", "put-mb", "keys" };

int top_sort_find(const char *name)
{
	for (int i = 0; i < TOP_SORTS; i++)
		if (!strcmp(name, top_sorts[i]))
			return i;
	return -1;
}

const char *top_sort_name(enum top_sort order)
{
	return top_sorts[order];
}

static double top_sort_value(const struct top_stream *s, enum top_sort order)
{
	switch (order) {
	case TOP_SORT_GETS:
		return (double)top_count(&s->took[TOP_READ]);
	case TOP_SORT_GET_MB:
		return (double)s->bytes[TOP_READ];
	case TOP_SORT_PUTS:
		return (double)top_count(&s->took[TOP_WRITE]);
	case TOP_SORT_PUT_MB:
		return (double)s->bytes[TOP_WRITE];
	default:
		return (double)s->keys;
	}
}

unsigned top_streams(const struct top_view *v, unsigned order[TOP_STREAMS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < TOP_STREAMS; i++) {
		const struct top_stream *s = &v->sample->stream[i];
		unsigned at = n;

		/* A stream that nobody ever used says nothing. */
		if (!s->there ||
		    (!s->keys && !s->tenants[0] && i && !top_count(&s->took[TOP_READ]) &&
		     !top_count(&s->took[TOP_WRITE])))
			continue;
		while (at &&
		       (top_sort_value(s, v->sort) >
			top_sort_value(&v->sample->stream[order[at - 1]], v->sort)) != v->reverse &&
		       top_sort_value(s, v->sort) !=
			       top_sort_value(&v->sample->stream[order[at - 1]], v->sort)) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		n++;
	}
	return n;
}

/* A time in five columns: "83u", "1.25m", "2.00s"; "-" where there was none. */
static const char *top_time(const struct hist *h, uint32_t permille, char buf[16])
{
	uint64_t ns = hist_permille(h, permille);

	if (!top_count(h))
		snprintf(buf, 16, "-");
	else if (ns < 999500)
		snprintf(buf, 16, "%.3gu", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(buf, 16, "%.3gm", (double)ns / 1e6);
	else
		snprintf(buf, 16, "%.3gs", (double)ns / 1e9);
	return buf;
}

/* A number in at most six columns. */
static const char *top_number(double x, char buf[16])
{
	if (x < 100 && x != floor(x))
		snprintf(buf, 16, "%.1f", x);
	else if (x < 100000)
		snprintf(buf, 16, "%.0f", x);
	else if (x < 1e8)
		snprintf(buf, 16, "%.0fk", x / 1e3);
	else
		snprintf(buf, 16, "%.0fM", x / 1e6);
	return buf;
}

/* The lines that still fit, and the width. */
struct top_page {
	FILE *out;
	unsigned columns, rows; /* rows 0: no limit */
	unsigned used;
};

static bool top_page_has_room(const struct top_page *p)
{
	return !p->rows || p->used < p->rows;
}

/* Prints TEXT, cut at the width, between bytes of one character never. */
static void top_line(struct top_page *p, const char *text)
{
	size_t end = 0, columns = 0;

	if (!top_page_has_room(p))
		return;
	for (; text[end]; end++) {
		if (((unsigned char)text[end] & 0xc0) != 0x80 && columns++ == p->columns)
			break;
	}
	if (p->used++)
		fputc('\n', p->out);
	fwrite(text, 1, end, p->out);
}

/* A queue that is no store's has none. */
static bool top_has_streams(const struct top_view *v)
{
	unsigned order[TOP_STREAMS];

	return top_streams(v, order) > 0;
}

static void top_print_head(struct top_page *p, const struct top_view *v)
{
	char line[512];

	if (v->waiting)
		snprintf(line, sizeof(line), "weir top: waiting for %s: nobody has it open",
			 v->path);
	else if (!top_has_streams(v))
		snprintf(line, sizeof(line), "weir top: %.3g s of pid %d, %s, %s on %s", v->seconds,
			 v->pid, v->queue.scheduler, v->queue.engine, v->path);
	else
		snprintf(line, sizeof(line), "weir top: by %s%s, %.3g s of pid %d, %s, %s on %s",
			 top_sort_name(v->sort), v->reverse ? " reversed" : "", v->seconds, v->pid,
			 v->queue.scheduler, v->queue.engine, v->path);
	top_line(p, line);
}

static void top_print_stream(struct top_page *p, const struct top_view *v, unsigned n)
{
	const struct top_stream *s = &v->sample->stream[n];
	char rate[2][16], mb[2][16], t[2][2][16], keys[16], name[TOP_TENANT + 16], line[512];

	for (int way = 0; way < TOP_WAYS; way++) {
		top_number((double)top_count(&s->took[way]) / v->seconds, rate[way]);
		top_number((double)s->bytes[way] / v->seconds / 1e6, mb[way]);
		top_time(&s->took[way], 500, t[way][0]);
		top_time(&s->took[way], 990, t[way][1]);
	}
	snprintf(name, sizeof(name), "%u %s", n, s->tenants[0] ? s->tenants : "-");
	snprintf(line, sizeof(line), "%-14.14s %6s %6s %5s %5s  %6s %6s %5s %5s  %6s", name,
		 rate[TOP_READ], mb[TOP_READ], t[0][0], t[0][1], rate[TOP_WRITE], mb[TOP_WRITE],
		 t[1][0], t[1][1], top_number((double)s->keys, keys));
	top_line(p, line);
}

static void top_print_streams(struct top_page *p, const struct top_view *v, unsigned keep)
{
	unsigned order[TOP_STREAMS], n = top_streams(v, order), shown = 0;
	char line[128];

	top_line(p, "STREAM TENANT  GETS/s   MB/s   p50   p99  PUTS/s   MB/s   p50   p99    KEYS");
	for (unsigned i = v->scroll; i < n; i++, shown++) {
		if (p->rows && p->used + keep >= p->rows)
			break;
		top_print_stream(p, v, order[i]);
	}
	if (v->scroll + shown < n || v->scroll) {
		snprintf(line, sizeof(line), "  %u of %u streams", shown, n);
		top_line(p, line);
	}
}

static void top_print_lane(struct top_page *p, const struct top_view *v, const struct top_lane *l)
{
	char n[2][16], mb[2][16], t[2][4][16], fly[16], line[512];

	for (int way = 0; way < TOP_WAYS; way++) {
		const struct top_op *op = &l->op[way];

		top_number((double)op->ios / v->seconds, n[way]);
		top_number((double)op->bytes / v->seconds / 1e6, mb[way]);
		top_time(&op->wait, 500, t[way][0]);
		top_time(&op->wait, 990, t[way][1]);
		top_time(&op->device, 500, t[way][2]);
		top_time(&op->device, 990, t[way][3]);
	}
	top_number((double)l->in_flight, fly);
	snprintf(line, sizeof(line), "%2u.%-2u R %6s %6s   %5s %5s   %5s %5s   %4s %8.1f  %s",
		 l->device, l->lane, n[0], mb[0], t[0][0], t[0][1], t[0][2], t[0][3], fly,
		 (double)l->in_flight_bytes / 1048576, l->sched);
	top_line(p, line);
	snprintf(line, sizeof(line), "      W %6s %6s   %5s %5s   %5s %5s", n[1], mb[1], t[1][0],
		 t[1][1], t[1][2], t[1][3]);
	top_line(p, line);
}

/* Writes a figure of the scheduler: "read_window 1.23m" for read_window_ns. */
static int top_gauge(char *to, size_t size, const char *name, int64_t value)
{
	size_t length = strlen(name);

	if (length < 4 || strcmp(name + length - 3, "_ns") != 0)
		return snprintf(to, size, " %s %" PRId64, name, value);
	if (value < 1000000)
		return snprintf(to, size, " %.*s %.3gu", (int)length - 3, name,
				(double)value / 1e3);
	return snprintf(to, size, " %.*s %.3gm", (int)length - 3, name, (double)value / 1e6);
}

/* The reasons of a lane, in percent, and what its scheduler says of itself. */
static void top_print_sched(struct top_page *p, const struct top_lane *l)
{
	char line[512] = "     ";
	size_t used = strlen(line);
	uint64_t all = 0;

	for (unsigned i = 0; i < l->nr_reasons; i++)
		all += l->reason[i].count;
	for (unsigned i = 0; i < l->nr_reasons && used < sizeof(line); i++)
		used += (size_t)snprintf(
			line + used, sizeof(line) - used, " %s %.0f%%", l->reason[i].name,
			all ? 100.0 * (double)l->reason[i].count / (double)all : 0);
	if (l->nr_reasons)
		top_line(p, line);
	used = strlen(strcpy(line, "     "));
	for (unsigned i = 0; i < l->nr_gauges && used < sizeof(line); i++)
		used += (size_t)top_gauge(line + used, sizeof(line) - used, l->gauge[i].name,
					  l->gauge[i].value);
	if (l->nr_gauges)
		top_line(p, line);
}

void top_print(const struct top_view *v, unsigned columns, unsigned rows, FILE *out)
{
	struct top_page p = { .out = out, .columns = columns, .rows = rows };
	/* Lanes stay in view however many streams there are. */
	unsigned keep = rows / 3 < 7 ? rows / 3 : 7;

	top_print_head(&p, v);
	if (v->waiting)
		return;
	top_line(&p, "");
	if (top_has_streams(v)) {
		top_print_streams(&p, v, keep);
		top_line(&p, "");
	}
	top_line(&p, "LANE      IO/s   MB/s   WAIT  p99   DRIVE   p99   CMDS      MiB  SCHEDULER");
	for (unsigned i = 0; i < v->sample->nr_lanes; i++) {
		top_print_lane(&p, v, &v->sample->lane[i]);
		top_print_sched(&p, &v->sample->lane[i]);
	}
}
