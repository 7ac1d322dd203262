/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null_io.c - measures the cost of one io: the null engine, one thread, 4 KiB, depth 128, batches
 * of 32.
 *
 * It counts everything that an io needs: preparing, submitting, tags, the scheduler, statistics,
 * completion and callback; only the drive is missing. It prints one JSON line. Instructions are
 * counted by the processor if the kernel allows it (including the warm-up); otherwise they are
 * null, and bench/run counts them with callgrind.
 *
 *   weir-bench-null [SCHED [SECONDS [LANES]]]   by time; each lane on a thread of its own
 *   weir-bench-null SCHED ios=N                 exactly N ios, for counting under callgrind
 *
 * After these, in any order: submitters=N (ios come from so many in turn; 1), burst=N (ios of each
 * in a row; 1), random (offsets), depth=N (128, which is also the maximum), nomerges=N (2: each io
 * is a request of its own), trace=FILE (each io is written down; the file gets what was kept).
 */
#include <err.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weir/weir.h>

#include "base/clock.h"

#define DEPTH 128u
#define SPAN (1ull << 30)

static struct weir_queue *queue;
static char memory[4096] __attribute__((aligned(4096)));
static double seconds = 1;
static uint32_t submitters = 1, burst = 1;
static bool random_offsets;
static uint32_t depth = DEPTH, nomerges = 2;
static const char *trace_path;

/* One thread and its lane, in a cache line of its own. */
struct runner {
	struct weir_io ios[DEPTH];
	uint64_t next_offset, ended, count, dice;
	uint32_t submitter, in_turn;
	double took, cpu; /* seconds, and those of this thread on a CPU */
	pthread_t thread;
} __attribute__((aligned(128)));

static int counter_open(uint64_t config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void on_end(struct weir_io *io);

static uint64_t next_offset(struct runner *r)
{
	if (!random_offsets)
		return (r->next_offset + sizeof(memory)) % SPAN;
	r->dice = r->dice * 6364136223846793005ull + 1442695040888963407ull;
	return (r->dice >> 33) * sizeof(memory) % SPAN;
}

static void submit(struct runner *r, struct weir_io *io)
{
	weir_io_read(io, r->next_offset, memory, sizeof(memory));
	r->next_offset = next_offset(r);
	io->submitter = r->submitter;
	if (++r->in_turn >= burst) {
		r->in_turn = 0;
		r->submitter = r->submitter + 1 < submitters ? r->submitter + 1 : 0;
	}
	io->end = on_end;
	io->user = r;
	if (weir_queue_submit(queue, io))
		errx(1, "%s", weir_error());
}

static void on_end(struct weir_io *io)
{
	struct runner *r = io->user;

	r->ended++;
	if (r->ended != r->count)
		submit(r, io);
}

/* Polls until r->count ios have completed, or, if that is 0, for PERIOD seconds. */
static void poll_until(struct runner *r, double period)
{
	double until = clock_seconds() + period;

	do {
		for (int i = 0; i < 256 && !(r->count && r->ended >= r->count); i++)
			if (weir_queue_poll(queue) < 0)
				errx(1, "%s", weir_error());
	} while (r->count ? r->ended < r->count : clock_seconds() < until);
}

/* The time that this thread ran: others that want its CPU do not count. */
static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void *run(void *arg)
{
	struct runner *r = arg;
	double before, cpu;

	if (weir_queue_attach(queue, WEIR_LANE_ANY))
		errx(1, "%s", weir_error());
	for (unsigned i = 0; i < depth; i++)
		submit(r, &r->ios[i]);
	if (!r->count) {
		poll_until(r, seconds / 4); /* warm up */
		r->ended = 0;
	}
	before = clock_seconds();
	cpu = cpu_seconds();
	poll_until(r, seconds);
	r->took = clock_seconds() - before;
	r->cpu = cpu_seconds() - cpu;
	return NULL;
}

static void open_queue(const char *sched, uint32_t lanes)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev;

	opts.scheduler = sched;
	opts.depth = DEPTH;
	opts.nomerges = nomerges;
	opts.lanes = lanes;
	if (trace_path && weir_trace_open(&opts.trace, trace_path, NULL))
		errx(1, "%s", weir_error());
	if (weir_device_open(&dev, "null:1g", NULL) || weir_queue_open(&queue, dev, &opts))
		errx(1, "%s", weir_error());
}

/* Removes the options at the end of ARGV and applies them. */
static int take_options(int argc, char **argv)
{
	for (; argc > 1; argc--) {
		if (!strcmp(argv[argc - 1], "random"))
			random_offsets = true;
		else if (!strncmp(argv[argc - 1], "submitters=", 11))
			submitters = (uint32_t)atoi(argv[argc - 1] + 11);
		else if (!strncmp(argv[argc - 1], "burst=", 6))
			burst = (uint32_t)atoi(argv[argc - 1] + 6);
		else if (!strncmp(argv[argc - 1], "trace=", 6))
			trace_path = argv[argc - 1] + 6;
		else if (!strncmp(argv[argc - 1], "depth=", 6))
			depth = (uint32_t)atoi(argv[argc - 1] + 6);
		else if (!strncmp(argv[argc - 1], "nomerges=", 9))
			nomerges = (uint32_t)atoi(argv[argc - 1] + 9);
		else
			break;
	}
	return argc;
}

static void print_per_io(const char *name, int fd, uint64_t ended)
{
	uint64_t value;

	if (fd >= 0 && read(fd, &value, sizeof(value)) == sizeof(value) && value)
		printf(",\"%s\":%.1f", name, (double)value / (double)ended);
	else
		printf(",\"%s\":null", name);
}

int main(int nr_args, char **argv)
{
	int argc = take_options(nr_args, argv);
	const char *sched = argc > 1 ? argv[1] : "none";
	uint32_t lanes = argc > 3 ? (uint32_t)atoi(argv[3]) : 1;
	struct runner *runners = aligned_alloc(128, lanes * sizeof(*runners));
	double mega_ios = 0;
	int instructions;

	if (!runners || !lanes)
		errx(1, "no memory for %u lanes", lanes);
	if (!depth || depth > DEPTH)
		errx(1, "depth goes from 1 to %u", DEPTH);
	memset(runners, 0, lanes * sizeof(*runners));
	if (argc > 2 && !strncmp(argv[2], "ios=", 4))
		runners[0].count = strtoull(argv[2] + 4, NULL, 10);
	else if (argc > 2)
		seconds = atof(argv[2]);
	open_queue(sched, lanes);
	for (uint32_t i = 1; i < lanes; i++)
		if (pthread_create(&runners[i].thread, NULL, run, &runners[i]))
			errx(1, "cannot start a thread");
	instructions = counter_open(PERF_COUNT_HW_INSTRUCTIONS);
	run(&runners[0]);
	for (uint32_t i = 1; i < lanes; i++)
		pthread_join(runners[i].thread, NULL);
	for (uint32_t i = 0; i < lanes; i++)
		mega_ios += (double)runners[i].ended / runners[i].took / 1e6;
	printf("{\"scheduler\":\"%s\",\"lanes\":%u,\"mega_ios_per_s\":%.3f,\"ns_per_io\":%.2f",
	       sched, lanes, mega_ios, 1e3 / mega_ios);
	printf(",\"cpu_ns_per_io\":%.2f", runners[0].cpu * 1e9 / (double)runners[0].ended);
	print_per_io("instructions_per_io", instructions, runners[0].ended);
	printf("}\n");
	return 0;
}
