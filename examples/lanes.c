/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes.c - a lane for each thread: two threads read one file, and nothing is shared between them.
 *
 * Each thread attaches to a lane and polls it. Ring, tags and callbacks of the lane are used by
 * that thread only, so they need no lock. With opts.workers = 1 the queue would run the lanes on
 * threads of its own instead, and nobody would have to poll.
 *
 * Prints
 *     512 reads, 2097152 bytes, 0 errors
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <weir/weir.h>

#define BLOCK ((size_t)4096)
#define BLOCKS 512
#define DEPTH 16
#define LANES_MAX 2

/* A thread: the number of its lane, its share of the blocks, and its counters. */
struct reader {
	pthread_t thread;
	struct weir_queue *q;
	uint32_t lane;
	uint64_t next, last; /* blocks */
	unsigned reads, bytes, errors;
	struct weir_io ios[DEPTH];
	char *memory;
};

static void on_end(struct weir_io *io);

/* Uses IO, whose buffer stays the same, for the next block. */
static void submit_next(struct reader *r, struct weir_io *io, void *buf)
{
	if (r->next == r->last)
		return;
	weir_io_read(io, r->next++ * BLOCK, buf, BLOCK);
	io->end = on_end;
	io->user = r;
	if (weir_queue_submit(r->q, io) < 0)
		errx(1, "%s", weir_error());
}

/* Runs on the thread that owns the lane. It may submit, but it may not wait. */
static void on_end(struct weir_io *io)
{
	struct reader *r = io->user;

	r->reads++;
	r->bytes += io->result ? 0 : (unsigned)io->length;
	r->errors += io->result != 0;
	submit_next(r, io, io->buf);
}

static void *read_blocks(void *arg)
{
	struct reader *r = arg;

	if (weir_queue_attach(r->q, r->lane) < 0)
		errx(1, "%s", weir_error());
	for (int i = 0; i < DEPTH; i++)
		submit_next(r, &r->ios[i], r->memory + i * BLOCK);
	/* This call runs the lane until all ios have ended, also those that callbacks submit. */
	if (weir_queue_wait(r->q) < 0 || weir_queue_detach(r->q) < 0)
		errx(1, "%s", weir_error());
	return NULL;
}

static void run(struct weir_queue *q, uint32_t lanes)
{
	static struct reader readers[LANES_MAX];
	unsigned reads = 0, bytes = 0, errors = 0;

	for (uint32_t i = 0; i < lanes; i++) {
		struct reader *r = &readers[i];

		r->q = q;
		r->lane = i;
		r->next = (uint64_t)BLOCKS * i / lanes;
		r->last = (uint64_t)BLOCKS * (i + 1) / lanes;
		r->memory = aligned_alloc(BLOCK, DEPTH * BLOCK);
		if (!r->memory || pthread_create(&r->thread, NULL, read_blocks, r))
			errx(1, "cannot start a thread");
	}
	for (uint32_t i = 0; i < lanes; i++) {
		pthread_join(readers[i].thread, NULL);
		reads += readers[i].reads;
		bytes += readers[i].bytes;
		errors += readers[i].errors;
		free(readers[i].memory);
	}
	printf("%u reads, %u bytes, %u errors\n", reads, bytes, errors);
}

int main(void)
{
	struct weir_device_opts file = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev;
	struct weir_queue *q;

	file.flags = WEIR_DEVICE_CREATE;
	file.create_bytes = BLOCKS * BLOCK;
	/* A queue has at most one lane for each CPU. */
	opts.lanes = sysconf(_SC_NPROCESSORS_ONLN) < LANES_MAX ? 1 : LANES_MAX;
	if (weir_device_open(&dev, "lanes.img", &file) < 0 || weir_queue_open(&q, dev, &opts) < 0)
		errx(1, "%s", weir_error());
	run(q, opts.lanes);
	if (weir_queue_close(q) < 0)
		errx(1, "%s", weir_error());
	weir_device_close(dev);
	return 0;
}
