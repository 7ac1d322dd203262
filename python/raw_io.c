/* SPDX-License-Identifier: Apache-2.0 */
#include "raw_io.h"

#include <errno.h>
#include <linux/nvme_ioctl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BOUNCE_ALIGN = 4096 };

struct raw_device {
	struct weir_device *device;
	struct weir_queue *queue;
	int fd;
	pid_t process; /* a child of fork() has no worker, and locks that may be held for ever */
	bool writable;
	uint32_t block;
	uint64_t capacity;
	int nsid;
	/* Held for reading while something is submitted, so that nothing is after `closed`. */
	pthread_rwlock_t open_lock;
	bool closed;
	pthread_mutex_t close_lock; /* held while it is closed: the second one waits, too */
	bool gone;		    /* under close_lock */
	pthread_mutex_t lost_lock;
	char lost[256];
};

struct raw_op {
	struct weir_io io;
	struct iovec iov[2];
	struct raw_item item;
	void *rest; /* what the item has no memory for; or all of it, for the descriptor */
	bool aside; /* it goes to the descriptor */
	struct raw_batch *batch;
};

struct raw_batch {
	struct raw_device *dev;
	struct weir_task task; /* submits what the queue takes */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	size_t running; /* under the lock */
	size_t n;
	int32_t *results;
	struct raw_op ops[];
};

static int open_queue(struct raw_device *dev, const struct raw_opts *opts)
{
	struct weir_queue_opts q = WEIR_QUEUE_OPTS_INIT;
	q.engine = opts->engine;
	q.scheduler = opts->scheduler;
	q.workers = 1;
	q.depth = opts->depth;
	q.retry_merged = 1;
	return weir_queue_open(&dev->queue, dev->device, &q);
}

static int open_device(struct raw_device *dev, const struct raw_opts *opts, int *of_queue)
{
	struct weir_device_opts d = WEIR_DEVICE_OPTS_INIT;
	d.flags = (opts->writable ? 0 : WEIR_DEVICE_READ_ONLY) |
		  (opts->direct ? 0 : WEIR_DEVICE_BUFFERED);
	int err = weir_device_open(&dev->device, opts->path, &d);
	if (err)
		return err;
	const struct weir_device_info *info = weir_device_get_info(dev->device);
	dev->block = info->logical_block_bytes;
	dev->capacity = info->capacity_bytes;
	err = open_queue(dev, opts);
	*of_queue = !!err;
	if (err)
		weir_device_close(dev->device);
	return err;
}

static bool is_inherited(const struct raw_device *dev)
{
	return dev->process != getpid();
}

int raw_open(struct raw_device **out, const struct raw_opts *opts, int *of_queue)
{
	*of_queue = 0;
	struct raw_device *dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	int err = open_device(dev, opts, of_queue);
	if (err) {
		free(dev);
		return err;
	}
	dev->fd = opts->fd;
	dev->process = getpid();
	int nsid = ioctl(dev->fd, NVME_IOCTL_ID);
	dev->nsid = nsid < 0 ? -errno : nsid;
	dev->writable = opts->writable;
	pthread_rwlock_init(&dev->open_lock, NULL);
	pthread_mutex_init(&dev->close_lock, NULL);
	pthread_mutex_init(&dev->lost_lock, NULL);
	*out = dev;
	return 0;
}

/* A task that tells that the worker had a turn. */
struct turn {
	struct weir_task task; /* first */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ran;
};

static void turn_ran(struct weir_task *task)
{
	struct turn *turn = task->user;
	pthread_mutex_lock(&turn->lock);
	turn->ran = true;
	pthread_cond_signal(&turn->changed);
	pthread_mutex_unlock(&turn->lock);
}

static int wait_turn(struct weir_queue *q)
{
	struct turn turn = { .task = { .fn = turn_ran, .user = &turn },
			     .lock = PTHREAD_MUTEX_INITIALIZER,
			     .changed = PTHREAD_COND_INITIALIZER };
	int err = weir_queue_post(q, 0, &turn.task);
	if (err)
		return err;
	pthread_mutex_lock(&turn.lock);
	while (!turn.ran)
		pthread_cond_wait(&turn.changed, &turn.lock);
	pthread_mutex_unlock(&turn.lock);
	return 0;
}

/* Closes all, once. The caller holds close_lock, or is the only thread of a child. */
static int close_all(struct raw_device *dev)
{
	if (dev->gone)
		return 0;
	if (!is_inherited(dev))
		wait_turn(dev->queue); /* the tasks of all batches have run */
	weir_queue_close(dev->queue);
	weir_device_close(dev->device);
	dev->queue = NULL;
	dev->gone = true;
	return close(dev->fd) ? -errno : 0;
}

int raw_close(struct raw_device *dev)
{
	if (is_inherited(dev))
		return close_all(dev);
	pthread_rwlock_wrlock(&dev->open_lock);
	dev->closed = true;
	pthread_rwlock_unlock(&dev->open_lock);
	pthread_mutex_lock(&dev->close_lock);
	int err = close_all(dev);
	pthread_mutex_unlock(&dev->close_lock);
	return err;
}

void raw_free(struct raw_device *dev)
{
	if (!dev)
		return;
	raw_close(dev);
	if (!is_inherited(dev)) {
		pthread_rwlock_destroy(&dev->open_lock);
		pthread_mutex_destroy(&dev->close_lock);
		pthread_mutex_destroy(&dev->lost_lock);
	}
	free(dev);
}

/* Keeps DEV open until use_end(). Returns 0, -ESHUTDOWN, or in a child of fork(), where a thread of
 * the parent may hold the lock for ever, -ECHILD. */
static int use_begin(struct raw_device *dev)
{
	if (is_inherited(dev))
		return -ECHILD;
	pthread_rwlock_rdlock(&dev->open_lock);
	if (!dev->closed)
		return 0;
	pthread_rwlock_unlock(&dev->open_lock);
	return -ESHUTDOWN;
}

static int use_end(struct raw_device *dev, int err)
{
	pthread_rwlock_unlock(&dev->open_lock);
	return err;
}

int raw_set(struct raw_device *dev, const char *name, const char *value)
{
	int err = use_begin(dev);
	return err ? err : use_end(dev, weir_queue_set(dev->queue, name, value));
}

int raw_get_stats(struct raw_device *dev, struct weir_queue_stats *stats)
{
	int err = use_begin(dev);
	return err ? err : use_end(dev, weir_queue_get_stats(dev->queue, stats));
}

int raw_lost(struct raw_device *dev, char *buf, size_t size)
{
	*buf = '\0';
	if (is_inherited(dev))
		return 0;
	pthread_mutex_lock(&dev->lost_lock);
	snprintf(buf, size, "%s", dev->lost);
	pthread_mutex_unlock(&dev->lost_lock);
	return *buf ? 1 : 0;
}

uint64_t raw_capacity(const struct raw_device *dev)
{
	return dev->capacity;
}

uint32_t raw_block(const struct raw_device *dev)
{
	return dev->block;
}

int raw_nsid(const struct raw_device *dev)
{
	return dev->nsid;
}

int raw_fdp(struct raw_device *dev, struct weir_fdp **fdp)
{
	int err = use_begin(dev);
	return err ? err : use_end(dev, weir_fdp_read(fdp, dev->device));
}

/* Waits until the worker has registered RANGE, or could not. */
static int settle_range(struct weir_queue *q, const struct iovec *range)
{
	for (size_t i = 0;; i++) {
		struct weir_buffer buffer = WEIR_BUFFER_INIT;
		int err = weir_queue_get_buffer(q, i, &buffer);
		if (err)
			return err;
		if (buffer.base != range->iov_base || buffer.length != range->iov_len)
			continue;
		if (buffer.state != WEIR_BUFFER_PENDING)
			return buffer.state == WEIR_BUFFER_REGISTERED ? 0 : buffer.error;
		err = wait_turn(q);
		if (err)
			return err;
		i = SIZE_MAX; /* the list may have changed: from its start again */
	}
}

/* Joins what lies side by side. Returns the number of ranges in TO. */
static size_t join_ranges(struct iovec *to, const struct iovec *from, size_t n)
{
	size_t m = 0;
	for (size_t i = 0; i < n; i++) {
		if (m && (char *)to[m - 1].iov_base + to[m - 1].iov_len == from[i].iov_base)
			to[m - 1].iov_len += from[i].iov_len;
		else
			to[m++] = from[i];
	}
	return m;
}

static int register_ranges(struct weir_queue *q, const struct iovec *ranges, size_t n)
{
	size_t done = 0;
	int err = 0;
	while (!err && done < n) {
		err = weir_queue_register(q, ranges[done].iov_base, ranges[done].iov_len);
		if (!err)
			err = settle_range(q, &ranges[done++]);
	}
	while (err && done)
		weir_queue_unregister(q, ranges[done - 1].iov_base, ranges[done - 1].iov_len),
			done--;
	return err;
}

int raw_register(struct raw_device *dev, const struct iovec *ranges, size_t n)
{
	struct iovec *joined = calloc(n, sizeof(*joined));
	if (!joined)
		return -ENOMEM;
	size_t m = join_ranges(joined, ranges, n);
	int err = use_begin(dev);
	if (!err)
		err = use_end(dev, register_ranges(dev->queue, joined, m));
	free(joined);
	return err;
}

static void batch_count_down(struct raw_batch *batch)
{
	pthread_mutex_lock(&batch->lock);
	if (!--batch->running)
		pthread_cond_broadcast(&batch->ended);
	pthread_mutex_unlock(&batch->lock);
}

/* Sets the result of OP, which has ended. Nobody else writes it. */
static void op_result(struct raw_op *op, int32_t result)
{
	op->batch->results[op - op->batch->ops] = result;
	batch_count_down(op->batch);
}

/* Tells whether OP is a read beyond the end of a file that has become shorter. */
static bool is_beyond_end(const struct raw_op *op)
{
	struct stat st;
	return !op->item.write && !fstat(op->batch->dev->fd, &st) && S_ISREG(st.st_mode) &&
	       op->item.offset + op->item.total > (uint64_t)st.st_size;
}

static void op_end(struct weir_io *io)
{
	struct raw_op *op = io->user;
	if (io->ring_lost) {
		struct raw_device *dev = op->batch->dev;
		pthread_mutex_lock(&dev->lost_lock);
		weir_io_strerror(io, dev->lost, sizeof(dev->lost));
		pthread_mutex_unlock(&dev->lost_lock);
	}
	bool short_read = io->result == -EIO && !io->ring_lost && is_beyond_end(op);
	op_result(op, short_read ? RAW_EOF : io->result);
}

/* Tells whether the queue cannot take ITEM. */
static bool is_aside(const struct raw_device *dev, const struct raw_item *item)
{
	return item->offset % dev->block || item->total % dev->block ||
	       item->total > dev->capacity || item->offset > dev->capacity - item->total;
}

/* Gets the memory that OP needs besides the item's own. */
static int op_make(struct raw_batch *batch, struct raw_op *op, const struct raw_item *item)
{
	op->batch = batch;
	op->item = *item;
	op->aside = is_aside(batch->dev, item);
	uint64_t bytes = op->aside ? item->total : item->total - item->length;
	if (!bytes)
		return 0;
	/* Aligned, so that the queue need not copy where the item's own memory is aligned. */
	op->rest = NULL;
	if (posix_memalign(&op->rest, BOUNCE_ALIGN, bytes))
		return -ENOMEM;
	if (item->write)
		memset((char *)op->rest + (bytes - (item->total - item->length)), 0,
		       item->total - item->length);
	return 0;
}

/* Moves the whole of OP between its bounce buffer and the descriptor. */
static int32_t move_aside(const struct raw_op *op, int fd)
{
	uint64_t done = 0;
	do { /* once for no bytes, too: the offset may be wrong */
		char *at = op->rest ? (char *)op->rest + done : NULL;
		size_t left = op->item.total - done;
		off_t offset = (off_t)(op->item.offset + done);
		ssize_t n =
			op->item.write ? pwrite(fd, at, left, offset) : pread(fd, at, left, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n && left)
			return op->item.write ? -EIO : RAW_EOF;
		done += (uint64_t)n;
	} while (done < op->item.total);
	return 0;
}

static int32_t run_aside(const struct raw_op *op, int fd)
{
	const struct raw_item *item = &op->item;
	if (item->write && item->length)
		memcpy(op->rest, item->memory, item->length);
	int32_t result = move_aside(op, fd);
	if (!result && !item->write && item->length)
		memcpy(item->memory, op->rest, item->length);
	return result;
}

static int submit_io(struct raw_op *op, struct weir_queue *q)
{
	const struct raw_item *item = &op->item;
	uint32_t n = 0;
	if (item->length)
		op->iov[n++] = (struct iovec){ item->memory, item->length };
	if (op->rest)
		op->iov[n++] = (struct iovec){ op->rest, item->total - item->length };
	if (item->write)
		weir_io_writev(&op->io, item->offset, op->iov, n);
	else
		weir_io_readv(&op->io, item->offset, op->iov, n);
	op->io.placement = (uint16_t)item->placement;
	op->io.end = op_end;
	op->io.user = op;
	return weir_queue_submit(q, &op->io);
}

static bool is_for_queue(const struct raw_op *op, const struct raw_device *dev)
{
	return !op->aside && op->item.total && (dev->writable || !op->item.write);
}

/* Runs what does not go to the queue, on the caller's thread. */
static void run_here(struct raw_op *op, const struct raw_device *dev)
{
	/* The descriptor has its own word for what is read-only. */
	if (op->aside)
		op_result(op, run_aside(op, dev->fd));
	else if (op->item.total)
		op_result(op, -EBADF);
	else
		op_result(op, 0);
}

/* Submits the batch from the worker's own thread: there the ios gather, and the kernel gets many of
 * them in one call. From here each would wake the worker, which would take them one by one. */
static void submit_ios(struct weir_task *task)
{
	struct raw_batch *batch = task->user;
	const struct raw_device *dev = batch->dev;
	for (size_t i = 0; i < batch->n; i++) {
		struct raw_op *op = &batch->ops[i];
		if (!is_for_queue(op, dev))
			continue;
		int err = submit_io(op, dev->queue);
		if (err)
			op_result(op, err);
	}
	batch_count_down(batch);
}

static int post_ios(struct raw_batch *batch)
{
	batch->task.fn = submit_ios;
	batch->task.user = batch;
	return weir_queue_post(batch->dev->queue, 0, &batch->task);
}

static struct raw_batch *batch_new(struct raw_device *dev, size_t n)
{
	struct raw_batch *batch = calloc(1, sizeof(*batch) + n * sizeof(batch->ops[0]));
	int32_t *results = calloc(n + 1, sizeof(*results));
	if (!batch || !results) {
		free(batch);
		free(results);
		return NULL;
	}
	batch->dev = dev;
	batch->n = n;
	batch->results = results;
	/* What a child of fork() finds where an io had not ended when it was made. */
	for (size_t i = 0; i < n; i++)
		results[i] = -ECHILD;
	pthread_mutex_init(&batch->lock, NULL);
	pthread_cond_init(&batch->ended, NULL);
	return batch;
}

static int batch_make(struct raw_batch **out, struct raw_device *dev, const struct raw_item *items,
		      size_t n)
{
	struct raw_batch *batch = batch_new(dev, n);
	int err = batch ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < n; i++)
		err = op_make(batch, &batch->ops[i], &items[i]);
	if (err)
		raw_batch_free(batch);
	else
		*out = batch;
	return err;
}

static int submit_batch(struct raw_batch *batch)
{
	const struct raw_device *dev = batch->dev;
	/* One more: the task reads the batch until it has submitted all. */
	batch->running = batch->n + 1;
	int err = post_ios(batch);
	if (err)
		batch->running = 0;
	for (size_t i = 0; !err && i < batch->n; i++)
		if (!is_for_queue(&batch->ops[i], dev))
			run_here(&batch->ops[i], dev);
	return err;
}

int raw_submit(struct raw_device *dev, const struct raw_item *items, size_t n,
	       struct raw_batch **out)
{
	struct raw_batch *batch = NULL;
	int err = is_inherited(dev) ? -ECHILD : batch_make(&batch, dev, items, n);
	if (err)
		return err;
	pthread_rwlock_rdlock(&dev->open_lock);
	err = dev->closed ? -ESHUTDOWN : submit_batch(batch);
	pthread_rwlock_unlock(&dev->open_lock);
	if (err)
		raw_batch_free(batch);
	else
		*out = batch;
	return err;
}

const int32_t *raw_wait(struct raw_batch *batch)
{
	/* In a child of fork() nothing ends. */
	if (is_inherited(batch->dev))
		return batch->results;
	pthread_mutex_lock(&batch->lock);
	while (batch->running)
		pthread_cond_wait(&batch->ended, &batch->lock);
	pthread_mutex_unlock(&batch->lock);
	return batch->results;
}

void raw_batch_free(struct raw_batch *batch)
{
	if (!batch)
		return;
	raw_wait(batch);
	for (size_t i = 0; i < batch->n; i++)
		free(batch->ops[i].rest);
	if (!is_inherited(batch->dev)) {
		pthread_mutex_destroy(&batch->lock);
		pthread_cond_destroy(&batch->ended);
	}
	free(batch->results);
	free(batch);
}
