/* SPDX-License-Identifier: Apache-2.0 */
/* ring.c - chunks of records go from lanes to a file. See ring.h. */
#include "trace/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"

/* One that a lane fills, and one on its way to the disk. */
#define RING_LANE_CHUNKS 2u

/* Writes LENGTH bytes at FROM. 0 or -errno. */
static int ring_write(int fd, const char *from, size_t length)
{
	while (length) {
		ssize_t n = write(fd, from, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		from += n;
		length -= (size_t)n;
	}
	return 0;
}

static int ring_write_chunk(int fd, const struct ring_chunk *chunk)
{
	size_t length = sizeof(*chunk) - (RING_RECORDS - chunk->count) * sizeof(*chunk->record);

	return ring_write(fd, (const char *)chunk, length);
}

/* Takes a full chunk; NULL: there will be none. Under the lock. */
static struct ring_chunk *ring_take_full(struct ring *ring)
{
	struct ring_chunk *chunk;

	while (!(chunk = TAILQ_FIRST(&ring->full)) && !ring->stop) {
		ring->writer_waits = true;
		pthread_cond_wait(&ring->filled, &ring->lock);
		ring->writer_waits = false;
	}
	if (chunk)
		TAILQ_REMOVE(&ring->full, chunk, link);
	return chunk;
}

/* Finds when the first thing of CHUNK happened. */
static void ring_look(struct ring_chunk *chunk)
{
	chunk->first_queued = UINT64_MAX;
	for (uint32_t i = 0; i < chunk->count; i++) {
		const struct trace_record *r = &chunk->record[i];
		bool has_begin = r->kind <= TRACE_JOINED;
		uint64_t at = has_begin && r->queued < r->at ? r->queued : r->at;

		chunk->first_queued = at < chunk->first_queued ? at : chunk->first_queued;
	}
}

static void *ring_run(void *arg)
{
	struct ring *ring = arg;
	struct ring_chunk *chunk;

	pthread_mutex_lock(&ring->lock);
	while ((chunk = ring_take_full(ring))) {
		int err = ring->err;

		pthread_mutex_unlock(&ring->lock);
		ring_look(chunk);
		if (!err)
			err = ring_write_chunk(ring->fd, chunk);
		pthread_mutex_lock(&ring->lock);
		if (err && !ring->err)
			ring->err = err;
		if (err)
			ring->lost += chunk->count;
		TAILQ_INSERT_HEAD(&ring->free, chunk, link);
		pthread_cond_signal(&ring->emptied);
	}
	pthread_mutex_unlock(&ring->lock);
	return NULL;
}

int ring_init(struct ring *ring, int fd, uint64_t buffer_bytes)
{
	int err;

	ring->fd = fd;
	ring->most = (uint32_t)(buffer_bytes / sizeof(struct ring_chunk));
	TAILQ_INIT(&ring->full);
	TAILQ_INIT(&ring->free);
	pthread_mutex_init(&ring->lock, NULL);
	pthread_cond_init(&ring->filled, NULL);
	pthread_cond_init(&ring->emptied, NULL);
	err = thread_start(&ring->writer, "weir-trace", ring_run, ring);
	ring->runs = !err;
	return err;
}

int ring_finish(struct ring *ring)
{
	if (!ring->runs)
		return ring->err;
	pthread_mutex_lock(&ring->lock);
	ring->stop = true;
	pthread_cond_signal(&ring->filled);
	pthread_mutex_unlock(&ring->lock);
	pthread_join(ring->writer, NULL);
	ring->runs = false;
	pthread_cond_destroy(&ring->filled);
	pthread_cond_destroy(&ring->emptied);
	pthread_mutex_destroy(&ring->lock);
	return ring->err;
}

static void ring_free_list(struct ring_chunks *list)
{
	struct ring_chunk *chunk;

	while ((chunk = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, chunk, link);
		free(chunk);
	}
}

void ring_destroy(struct ring *ring)
{
	ring_free_list(&ring->full);
	ring_free_list(&ring->free);
}

/* Takes an empty chunk; NULL: there is none now. Under the lock. */
static struct ring_chunk *ring_take_free(struct ring *ring, bool wait)
{
	struct ring_chunk *chunk;

	while (!(chunk = TAILQ_FIRST(&ring->free)) && ring->nr >= ring->most && wait)
		pthread_cond_wait(&ring->emptied, &ring->lock);
	if (chunk) {
		TAILQ_REMOVE(&ring->free, chunk, link);
	} else if (ring->nr < ring->most) {
		chunk = aligned_alloc(64, sizeof(*chunk));
		ring->nr += chunk != NULL;
	}
	return chunk;
}

/* L goes on with its chunk, or, if it has none, with memory that nobody reads. */
static void ring_lane_begin(struct ring_lane *l)
{
	struct ring_chunk *chunk = l->chunk ? l->chunk : l->scratch;

	chunk->lane = l->lane;
	l->at = chunk->record;
	l->end = chunk->record + RING_RECORDS;
}

int ring_lane_init(struct ring_lane *l, struct ring *ring, uint32_t lane, bool lossless)
{
	*l = (struct ring_lane){ .ring = ring, .lane = lane, .lossless = lossless };
	l->scratch = aligned_alloc(64, sizeof(*l->scratch));
	if (!l->scratch)
		return -ENOMEM;
	pthread_mutex_lock(&ring->lock);
	ring->most += RING_LANE_CHUNKS; /* a lane that waits for a chunk must not wait for lanes */
	l->chunk = ring_take_free(ring, lossless);
	pthread_mutex_unlock(&ring->lock);
	ring_lane_begin(l);
	return 0;
}

/* Gives away what L has. Under the lock. */
static void ring_lane_give(struct ring_lane *l)
{
	struct ring *ring = l->ring;
	uint32_t count = RING_RECORDS - (uint32_t)(l->end - l->at);

	if (!l->chunk) {
		ring->lost += count;
		return;
	}
	l->chunk->count = count;
	TAILQ_INSERT_TAIL(count ? &ring->full : &ring->free, l->chunk, link);
	if (ring->writer_waits)
		pthread_cond_signal(&ring->filled);
	l->chunk = NULL;
}

void ring_lane_next(struct ring_lane *l)
{
	pthread_mutex_lock(&l->ring->lock);
	ring_lane_give(l);
	l->chunk = ring_take_free(l->ring, l->lossless);
	pthread_mutex_unlock(&l->ring->lock);
	ring_lane_begin(l);
}

void ring_lane_flush(struct ring_lane *l)
{
	pthread_mutex_lock(&l->ring->lock);
	ring_lane_give(l);
	pthread_mutex_unlock(&l->ring->lock);
}

void ring_lane_destroy(struct ring_lane *l)
{
	free(l->chunk);
	free(l->scratch);
}
