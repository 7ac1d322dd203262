/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter.c - the line that shows how many bytes of a long task are done. One thread.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/nsec.h"
#include "base/parse.h"
#include "cli/line.h"
#include "cli/meter.h"

#define METER_FIRST_NS NSEC_PER_SEC
#define METER_EVERY_NS (200 * NSEC_PER_MSEC)

void meter_begin(struct meter *m, const char *what)
{
	uint64_t now = clock_now();

	*m = (struct meter){ .what = what,
			     .possible = isatty(STDERR_FILENO),
			     .start_ns = now,
			     .next_ns = now + METER_FIRST_NS };
}

void meter_line(const struct meter *m, uint64_t done, uint64_t total, uint64_t ns, char *text,
		size_t size)
{
	double seconds = (double)ns / (double)NSEC_PER_SEC;
	uint64_t rate = seconds > 0 ? (uint64_t)((double)done / seconds) : 0;
	char of[32], all[32], speed[32];

	format_size(done, of, sizeof(of));
	format_size(rate, speed, sizeof(speed));
	if (total)
		snprintf(text, size, "%s: %s of %s, %.0f %%, %s/s, %.0f s left", m->what, of,
			 format_size(total, all, sizeof(all)), 100.0 * (double)done / (double)total,
			 speed, done ? seconds * (double)(total - done) / (double)done : 0.0);
	else
		snprintf(text, size, "%s: %s, %s/s", m->what, of, speed);
}

void meter_show(struct meter *m, uint64_t done, uint64_t total)
{
	uint64_t now = clock_now();
	char text[160];

	if (!m->possible || now < m->next_ns)
		return;
	m->next_ns = now + METER_EVERY_NS;
	m->shown = true;
	meter_line(m, done, total, now - m->start_ns, text, sizeof(text));
	line_show("%s", text);
}

void meter_clear(struct meter *m)
{
	if (!m->shown)
		return;
	line_clear();
	m->shown = false;
}
