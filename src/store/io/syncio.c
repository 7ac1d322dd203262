/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncio.c - blocking reads and writes, one or many at a time.
 *
 * It runs on any thread that may wait on the queue. It owns the buffers of the many.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "store/io/syncio.h"
#include "store/io/words.h"

/* A read is tried so often. That it failed says nothing about the bytes. */
#define SYNCIO_READ_TRIES 3u

/* Sets weir_error() for an io that failed: which one, where, and what the drive said. */
static int syncio_words(struct weir_queue *q, const struct weir_io *io)
{
	char text[400];

	if (io->result == -ENOSPC)
		return error_set(io->result, "%s: %s: " WORDS_FULL,
				 weir_device_path(weir_queue_device(q)),
				 weir_io_strerror(io, text, sizeof(text)));
	return error_set(io->result, "%s: %s", weir_device_path(weir_queue_device(q)),
			 weir_io_strerror(io, text, sizeof(text)));
}

static int syncio_wait(struct weir_queue *q, struct weir_io *io)
{
	int err = weir_queue_submit(q, io);

	if (!err)
		err = weir_io_wait(q, io, UINT64_MAX);
	return err && err == io->result ? syncio_words(q, io) : err;
}

/* Returns true if a read that failed with ERR may succeed when it is tried again. */
static bool syncio_again(int err)
{
	return err && err != -ENOMEM && err != -ENODEV && err != -EINVAL;
}

/* Tries a read TRIES times at most. */
static int syncio_try(struct weir_queue *q, uint64_t offset, void *buf, size_t length,
		      unsigned tries)
{
	struct weir_io io;
	int err;

	CHECK(tries && tries <= SYNCIO_READ_TRIES);
	do {
		weir_io_read(&io, offset, buf, length);
		err = syncio_wait(q, &io);
	} while (syncio_again(err) && --tries);
	return err;
}

int syncio_read(struct weir_queue *q, uint64_t offset, void *buf, size_t length)
{
	return syncio_try(q, offset, buf, length, SYNCIO_READ_TRIES);
}

int syncio_write(struct weir_queue *q, uint64_t offset, const void *buf, size_t length)
{
	struct weir_io io;

	weir_io_write(&io, offset, buf, length);
	return syncio_wait(q, &io);
}

int syncio_flush(struct weir_queue *q)
{
	struct weir_io io;

	weir_io_flush(&io);
	return syncio_wait(q, &io);
}

int syncio_placement_update(struct weir_queue *q, uint16_t placement)
{
	struct weir_io io;

	weir_io_placement_update(&io, placement);
	return syncio_wait(q, &io);
}

struct syncio_slot {
	struct weir_io io;
	void *buf;
	size_t room;
	int refused;
	int used; /* 0: left out */
};

static int syncio_room(struct syncio_slot *slot, size_t length)
{
	if (slot->room >= length)
		return 0;
	free(slot->buf);
	slot->buf = NULL;
	slot->room = 0;
	if (posix_memalign(&slot->buf, 65536, length))
		return -ENOMEM;
	slot->room = length;
	return 0;
}

static int syncio_begin(struct syncio_many *m, struct syncio_slot *slot, uint64_t i)
{
	uint64_t offset = 0;
	size_t length = 0;

	m->place(m, i, &offset, &length);
	CHECK(m->op == WEIR_OP_READ || m->op == WEIR_OP_WRITE);
	slot->used = length != 0;
	if (!length)
		return 0;
	if (syncio_room(slot, length))
		return -ENOMEM;
	if (m->op == WEIR_OP_WRITE) {
		m->fill(m, i, slot->buf);
		weir_io_write(&slot->io, offset, slot->buf, length);
	} else {
		weir_io_read(&slot->io, offset, slot->buf, length);
	}
	slot->refused = weir_queue_submit(m->q, &slot->io);
	return 0;
}

/* Waits for the io of SLOT, and tries a read again. */
static int syncio_slot_wait(struct syncio_many *m, struct syncio_slot *slot)
{
	int result;

	if (slot->refused)
		return slot->refused;
	result = weir_io_wait(m->q, &slot->io, UINT64_MAX);
	if (result && result == slot->io.result)
		syncio_words(m->q, &slot->io);
	if (m->op == WEIR_OP_READ && syncio_again(result))
		result = syncio_try(m->q, slot->io.offset, slot->buf, slot->io.length,
				    SYNCIO_READ_TRIES - 1);
	return result;
}

/* Waits for the io of SLOT, whose result does not matter. weir_error() stays as it is. */
static void syncio_slot_drain(struct syncio_many *m, struct syncio_slot *slot)
{
	struct error_scope scope;

	if (slot->refused)
		return;
	error_begin(&scope);
	weir_io_wait(m->q, &slot->io, UINT64_MAX);
	error_end(&scope, 0, "waiting for an io");
}

/* Waits for io number I, and tells the caller unless QUIET. */
static int syncio_end(struct syncio_many *m, struct syncio_slot *slot, uint64_t i, int quiet)
{
	int result = 0;

	if (slot->used && quiet)
		syncio_slot_drain(m, slot);
	else if (slot->used)
		result = syncio_slot_wait(m, slot);
	if (quiet)
		return 0;
	return m->done ? m->done(m, i, slot->used ? slot->buf : NULL, result) : result;
}

static int syncio_run(struct syncio_many *m, struct syncio_slot *slots)
{
	uint64_t begun = 0, ended = 0;
	int err = 0, rc_end;

	while (ended < m->count) {
		if (!err && begun < m->count && begun - ended < m->depth) {
			err = syncio_begin(m, &slots[begun % m->depth], begun);
			begun += !err;
			continue;
		}
		if (ended == begun)
			break;
		CHECK(ended < begun && begun - ended <= m->depth);
		/* After an error the ios under way are still waited for, because their memory is
		 * freed. */
		rc_end = syncio_end(m, &slots[ended % m->depth], ended, err);
		ended++;
		err = err ? err : rc_end;
	}
	return err;
}

int syncio_many(struct syncio_many *m)
{
	struct syncio_slot *slots = calloc(m->depth, sizeof(*slots));
	uint32_t n;
	int err;

	CHECK(m->depth && m->place);
	err = slots ? syncio_run(m, slots) : -ENOMEM;
	for (n = 0; slots && n < m->depth; n++)
		free(slots[n].buf);
	free(slots);
	/* There may be words of a read that has succeeded when it was tried again. */
	return err == -ENOMEM ? error_sys(err, "%s", weir_device_path(weir_queue_device(m->q)))
			      : err;
}
