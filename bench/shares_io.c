/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shares_io.c - measures what each of several submitters gets of a real drive. Each has its own
 * priority and its own part of the drive, and always has DEPTH reads outstanding. One thread runs
 * them all.
 *
 *   weir-bench-shares PATH random|sequential IO_BYTES DEPTH SPAN_BYTES RAMP_SECONDS SECONDS
 *                     SCHED[,TUNABLE=VALUE...] LEVEL...
 *
 * There is one submitter for each LEVEL of class BE. Prints one JSON line: the bytes of each after
 * the ramp.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/clock.h"
#include "base/prng.h"

enum { MOST = 64 };

struct submitter {
	/* Its part of the drive, in ios, and its next io in order. */
	uint64_t first, blocks, next;
	uint64_t ios, bytes;
	uint32_t id;
	uint16_t prio;
};

static struct weir_queue *queue;
static struct submitter submitters[MOST];
static uint64_t io_bytes, left_running;
static struct prng prng;
static int in_order, stopping;

static void on_end(struct weir_io *io);

static void submit(struct weir_io *io, struct submitter *from, void *memory)
{
	uint64_t block = (in_order ? from->next++ : prng_next(&prng)) % from->blocks;

	weir_io_read(io, (from->first + block) * io_bytes, memory, io_bytes);
	io->end = on_end;
	io->user = from;
	io->submitter = from->id;
	io->prio = from->prio;
	if (weir_queue_submit(queue, io))
		errx(1, "%s", weir_error());
}

static void on_end(struct weir_io *io)
{
	struct submitter *from = io->user;
	char text[160];

	if (io->result)
		errx(1, "%s", weir_io_strerror(io, text, sizeof(text)));
	from->ios++;
	from->bytes += io_bytes;
	if (stopping)
		left_running--;
	else
		submit(io, from, io->buf);
}

static void poll_for(double seconds)
{
	double until = clock_seconds() + seconds;

	do {
		if (weir_queue_poll_wait(queue, 100000000) < 0)
			errx(1, "%s", weir_error());
	} while (clock_seconds() < until);
}

/* Opens the queue with the scheduler and the tunables in CHOICE. */
static void open_queue(const char *path, char *choice)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev;
	char *rest, *tunable;

	opts.engine = "uring";
	opts.scheduler = strtok_r(choice, ",", &rest);
	if (weir_device_open(&dev, path, NULL) || weir_queue_open(&queue, dev, &opts))
		errx(1, "%s", weir_error());
	while ((tunable = strtok_r(NULL, ",", &rest))) {
		char *value = strchr(tunable, '=');

		if (!value)
			errx(2, "%s: a tunable has a value", tunable);
		*value++ = '\0';
		if (weir_queue_set(queue, tunable, value))
			errx(1, "%s", weir_error());
	}
}

static void divide(uint64_t span, char **levels, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		submitters[i].blocks = span / io_bytes / count;
		submitters[i].first = i * submitters[i].blocks;
		submitters[i].id = i + 1;
		submitters[i].prio = WEIR_PRIO_BE(atoi(levels[i]) & 7);
	}
	if (!submitters[0].blocks)
		errx(2, "the span is smaller than an io for each submitter");
}

static void print(uint32_t count, double seconds)
{
	printf("{\"seconds\":%.3f,\"submitters\":[", seconds);
	for (uint32_t i = 0; i < count; i++)
		printf("%s{\"prio\":\"BE%u\",\"ios\":%llu,\"bytes\":%llu}", i ? "," : "",
		       submitters[i].prio & 7u, (unsigned long long)submitters[i].ios,
		       (unsigned long long)submitters[i].bytes);
	printf("]}\n");
}

static void measure(uint32_t count, double ramp, double seconds)
{
	double start;

	poll_for(ramp);
	for (uint32_t i = 0; i < count; i++)
		submitters[i].ios = submitters[i].bytes = 0;
	start = clock_seconds();
	poll_for(seconds);
	print(count, clock_seconds() - start);
}

int main(int argc, char **argv)
{
	uint32_t count;
	size_t many; /* number of ios of all submitters */
	struct weir_io *ios;
	char *memory;

	if (argc < 10 || argc > 9 + MOST)
		errx(2, "usage: weir-bench-shares PATH random|sequential IO_BYTES DEPTH "
			"SPAN_BYTES RAMP_SECONDS SECONDS SCHED[,TUNABLE=VALUE...] LEVEL...");
	in_order = !strcmp(argv[2], "sequential");
	prng_seed(&prng, 1);
	io_bytes = strtoull(argv[3], NULL, 10);
	count = (uint32_t)argc - 9;
	many = strtoul(argv[4], NULL, 10) * count;
	memory = aligned_alloc(4096, many * io_bytes);
	ios = calloc(many, sizeof(*ios));
	if (!memory || !ios || !io_bytes)
		errx(1, "no memory, or ios of nothing");
	divide(strtoull(argv[5], NULL, 10), argv + 9, count);
	open_queue(argv[1], argv[8]);
	for (size_t i = 0; i < many; i++)
		submit(&ios[i], &submitters[i % count], memory + i * io_bytes);
	measure(count, atof(argv[6]), atof(argv[7]));
	stopping = 1;
	left_running = many;
	while (left_running)
		poll_for(0);
	if (weir_queue_close(queue))
		errx(1, "%s", weir_error());
	free(ios);
	free(memory);
	return 0;
}
