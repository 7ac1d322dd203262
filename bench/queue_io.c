/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_io.c - measures how much a queue moves on a real file or device: random ios of one size at
 * a fixed depth, one thread, registered buffers. Compare it with fio on the same file.
 *
 *   weir-bench-queue PATH read|write|mixed IO_BYTES DEPTH SPAN_BYTES SECONDS
 *                    [ENGINE [SCHED [TAGS]]]
 *
 * With `mixed`, half of the ios are writes. With fewer TAGS than DEPTH, the other ios wait in the
 * scheduler. Prints one JSON line. All but `read` overwrite PATH.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "base/clock.h"
#include "base/prng.h"

static struct weir_queue *queue;
static uint64_t io_bytes, blocks, ended, left_running;
static struct prng prng;
static unsigned writes_in_64; /* writes among 64 ios */
static int stopping;

static void on_end(struct weir_io *io);

static void submit(struct weir_io *io, void *memory)
{
	uint64_t offset = prng_next(&prng) % blocks * io_bytes;

	if (prng_next(&prng) % 64 < writes_in_64)
		weir_io_write(io, offset, memory, io_bytes);
	else
		weir_io_read(io, offset, memory, io_bytes);
	io->end = on_end;
	if (weir_queue_submit(queue, io))
		errx(1, "%s", weir_error());
}

static void on_end(struct weir_io *io)
{
	char text[160];

	if (io->result)
		errx(1, "%s", weir_io_strerror(io, text, sizeof(text)));
	ended++;
	if (stopping)
		left_running--;
	else
		submit(io, io->buf);
}

static void poll_for(double seconds)
{
	double until = clock_seconds() + seconds;

	do {
		if (weir_queue_poll_wait(queue, 100000000) < 0)
			errx(1, "%s", weir_error());
	} while (clock_seconds() < until);
}

static void open_queue(char **argv, int argc, uint32_t depth)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev;

	opts.depth = depth;
	if (argc > 9) {
		opts.depth = (uint32_t)atoi(argv[9]);
		opts.nr_requests = 256; /* the kernel's value for a scheduler above so many tags */
	}
	opts.engine = argc > 7 ? argv[7] : NULL;
	opts.scheduler = argc > 8 ? argv[8] : NULL;
	opts.depth_bytes = UINT64_MAX; /* as fio, which limits only the depth */
	if (weir_device_open(&dev, argv[1], NULL) || weir_queue_open(&queue, dev, &opts))
		errx(1, "%s", weir_error());
}

int main(int argc, char **argv)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;
	uint32_t depth;
	double seconds, before;
	struct weir_io *ios;
	char *memory;

	if (argc < 7)
		errx(2, "usage: weir-bench-queue PATH read|write|mixed IO_BYTES DEPTH SPAN_BYTES "
			"SECONDS [ENGINE [SCHED [TAGS]]]");
	writes_in_64 = !strcmp(argv[2], "write") ? 64 : !strcmp(argv[2], "mixed") ? 32 : 0;
	prng_seed(&prng, 1);
	io_bytes = strtoull(argv[3], NULL, 10);
	depth = (uint32_t)atoi(argv[4]);
	blocks = strtoull(argv[5], NULL, 10) / io_bytes;
	seconds = atof(argv[6]);
	memory = aligned_alloc(4096, depth * io_bytes);
	ios = calloc(depth, sizeof(*ios));
	if (!memory || !ios || !blocks)
		errx(1, "no memory, or a span smaller than one io");
	for (uint64_t i = 0; i < depth * io_bytes / 8; i++)
		((uint64_t *)(void *)memory)[i] = prng_next(&prng);
	open_queue(argv, argc, depth);
	/* Go on if the kernel refuses some of it (RLIMIT_MEMLOCK): that costs a little speed and is
	 * counted. */
	(void)weir_queue_register(queue, memory, depth * io_bytes);
	for (uint32_t i = 0; i < depth; i++)
		submit(&ios[i], memory + i * io_bytes);
	poll_for(seconds / 5);
	ended = 0;
	before = clock_seconds();
	poll_for(seconds);
	before = clock_seconds() - before;
	if (weir_queue_get_stats(queue, &stats))
		errx(1, "%s", weir_error());
	printf("{\"mbps\":%.1f,\"kiops\":%.2f,\"registered\":%s,\"batch\":%.1f}\n",
	       (double)(ended * io_bytes) / before / 1e6, (double)ended / before / 1e3,
	       stats.registered == stats.requests ? "true" : "false",
	       (double)stats.requests / (double)stats.batches);
	stopping = 1;
	left_running = depth;
	while (left_running)
		poll_for(0);
	if (weir_queue_close(queue))
		errx(1, "%s", weir_error());
	free(ios);
	free(memory);
	return 0;
}
