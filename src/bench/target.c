/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - opens what is measured. See target.h. What is there is asked with the same look that
 * formatting a store takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/queue.h>

#include "base/error.h"
#include "base/prng.h"
#include "bench/target.h"
#include "store/empty.h"

#define TARGET_FILL_BYTES (1ull << 20)
#define TARGET_FILL_DEPTH 8u

struct fill {
	struct weir_queue *q;
	uint64_t next, done, total;
	int err;
	bool stopped;
};

static void target_fill_end(struct weir_io *io)
{
	struct fill *f = io->user;

	if (io->result && !f->err)
		f->err = error_sys(io->result, "cannot fill the file");
	f->done += io->length;
}

/* Submits the next write of F with IO. */
static int target_fill_next(struct fill *f, struct weir_io *io, void *memory)
{
	uint64_t left = f->total - f->next;
	uint64_t bytes = left < TARGET_FILL_BYTES ? left : TARGET_FILL_BYTES;
	int err;

	weir_io_write(io, f->next, memory, bytes);
	io->end = target_fill_end;
	io->user = f;
	err = weir_queue_submit(f->q, io);
	f->next += bytes;
	return err;
}

/* Writes the whole file of F, in waves: what is left of a wave matters little. */
static int target_fill_waves(struct fill *f, const struct bench_target_opts *opts, void *memory)
{
	struct weir_io ios[TARGET_FILL_DEPTH];
	int err = 0;

	while (!err && !f->err && f->next < f->total && !f->stopped) {
		for (uint32_t i = 0; i < TARGET_FILL_DEPTH && f->next < f->total && !err; i++)
			err = target_fill_next(f, &ios[i], memory);
		if (!err)
			err = weir_queue_wait(f->q);
		f->stopped = opts->progress && opts->progress(opts->user, f->done, f->total);
	}
	if (f->stopped)
		return error_set(-EINTR, "interrupted while the file was written");
	return err < 0 ? err : f->err;
}

/*
 * Writes the file of T once: where nothing was written, a filesystem gives zeroes without asking
 * the drive, and the first write of each place costs more than the next.
 */
static int target_fill(struct bench_target *t, const struct bench_target_opts *opts)
{
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	struct fill f = { .total = weir_device_get_info(t->dev)->capacity_bytes };
	uint64_t *memory = aligned_alloc(4096, TARGET_FILL_BYTES);
	struct prng prng;
	int err;

	if (!memory)
		return error_sys(-ENOMEM, "no memory to fill a file");
	prng_seed(&prng, 1);
	for (size_t i = 0; i < TARGET_FILL_BYTES / sizeof(*memory); i++)
		memory[i] = prng_next(&prng);
	queue.scheduler = "none";
	err = weir_queue_open(&f.q, t->dev, &queue);
	if (!err)
		err = target_fill_waves(&f, opts, memory);
	if (f.q)
		weir_queue_close(f.q);
	free(memory);
	return err;
}

static int target_check_empty(struct bench_target *t)
{
	struct weir_queue *q = NULL;
	int err = weir_queue_open(&q, t->dev, NULL);

	if (!err)
		err = empty_check(q);
	if (q)
		weir_queue_close(q);
	return err;
}

bool bench_target_is_new(const char *path)
{
	struct stat st;

	return strcmp(path, "null") != 0 && strncmp(path, "null:", 5) != 0 && stat(path, &st) &&
	       errno == ENOENT;
}

int bench_target_open(struct bench_target *t, const char *path,
		      const struct bench_target_opts *opts)
{
	struct weir_device_opts dev = WEIR_DEVICE_OPTS_INIT;
	int err;

	*t = (struct bench_target){ .path = path, .made = bench_target_is_new(path) };
	dev.flags = WEIR_DEVICE_LOCK;
	if (t->made) {
		dev.flags |= WEIR_DEVICE_CREATE;
		dev.create_bytes = opts->bytes;
	} else if (!opts->writes) {
		dev.flags |= WEIR_DEVICE_READ_ONLY;
	}
	err = weir_device_open(&t->dev, path, &dev);
	if (err) {
		t->made = false;
		return err;
	}
	if (t->made)
		err = target_fill(t, opts);
	else if (opts->writes && !opts->force &&
		 weir_device_get_info(t->dev)->kind != WEIR_DEVICE_NULL)
		err = target_check_empty(t);
	if (err)
		bench_target_close(t);
	return err;
}

void bench_target_close(struct bench_target *t)
{
	weir_device_close(t->dev);
	t->dev = NULL;
	if (t->made)
		unlink(t->path);
	t->made = false;
}
