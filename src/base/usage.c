/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c - asks the kernel what a thread used of the processors. See usage.h. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/usage.h"

static uint64_t usage_clock(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* The second number in schedstat is the time that the thread waited in a run queue, in ns. */
static uint64_t usage_waited(void)
{
	FILE *in = fopen("/proc/thread-self/schedstat", "re");
	uint64_t ran, waited = 0;

	if (!in)
		return 0;
	if (fscanf(in, "%" SCNu64 " %" SCNu64, &ran, &waited) != 2)
		waited = 0;
	fclose(in);
	return waited;
}

static void usage_read(struct usage *u)
{
	u->wall_ns = clock_now();
	u->cpu_ns = usage_clock(CLOCK_THREAD_CPUTIME_ID);
	u->wait_ns = usage_waited();
	u->process_ns = usage_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void usage_begin(struct usage *u)
{
	usage_read(u);
}

void usage_end(struct usage *u)
{
	struct usage now;

	usage_read(&now);
	u->wall_ns = now.wall_ns - u->wall_ns;
	u->cpu_ns = now.cpu_ns - u->cpu_ns;
	u->wait_ns = now.wait_ns - u->wait_ns;
	u->process_ns = now.process_ns - u->process_ns;
}

double usage_share(const struct usage *u, uint64_t part_ns)
{
	return u->wall_ns ? (double)part_ns / (double)u->wall_ns : 0;
}
