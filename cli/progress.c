/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - the progress line. `busy` is its lock: a thread that finds it taken does not print.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/nsec.h"
#include "cli/line.h"
#include "cli/progress.h"
#include "cli/table.h"

#define PROGRESS_EVERY_NS (200 * NSEC_PER_MSEC)

void progress_begin(struct progress *p, uint64_t now_ns)
{
	*p = (struct progress){
		.shown = isatty(STDERR_FILENO),
		.start_ns = now_ns,
		.next_ns = now_ns + PROGRESS_EVERY_NS,
	};
}

bool progress_due(struct progress *p, uint64_t now_ns)
{
	if (!p->shown || now_ns < __atomic_load_n(&p->next_ns, __ATOMIC_RELAXED))
		return false;
	return !__atomic_exchange_n(&p->busy, true, __ATOMIC_ACQUIRE);
}

void progress_line(const struct progress *p, const struct progress_state *state, uint64_t now_ns,
		   char *text, size_t size)
{
	double seconds = (double)(now_ns - p->start_ns) / (double)NSEC_PER_SEC;
	double rate = seconds > 0 ? (double)state->bytes / 1e6 / seconds : 0;
	double hit_rate = state->blocks ? 100.0 * (double)state->hits / (double)state->blocks : 0;
	char done[32], total[32];

	snprintf(text, size, "%s of %s requests, %.1f %% hits, %.0f MB/s, %.0f s left",
		 table_count(state->done, done, sizeof(done)),
		 table_count(state->total, total, sizeof(total)), hit_rate, rate,
		 state->done ? seconds * (double)(state->total - state->done) / (double)state->done
			     : 0.0);
}

void progress_show(struct progress *p, const struct progress_state *state, uint64_t now_ns)
{
	char text[160];

	progress_line(p, state, now_ns, text, sizeof(text));
	line_show("%s", text);
	__atomic_store_n(&p->next_ns, now_ns + PROGRESS_EVERY_NS, __ATOMIC_RELAXED);
	__atomic_store_n(&p->busy, false, __ATOMIC_RELEASE);
}

void progress_end(struct progress *p)
{
	if (!p->shown)
		return;
	line_clear();
	p->shown = false;
}
