/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drive.c - see drive.h. It owns the contents of the drive and the commands in flight.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "drive.h"

#define DRIVE_HELD 512u
/* Places in a segment header (docs/format.md). */
#define DRIVE_HEADER_MAGIC "weirSEG1"
#define DRIVE_HEADER_STATE 56u
#define DRIVE_STATE_FREE 2u
#define DRIVE_TRAILER_MAGIC "weirFOT1"
#define DRIVE_TRAILER_BYTES 128u

struct drive drive;
uint64_t drive_time;

struct drive_held {
	struct weir_cmd *cmd;
	uint64_t offset; /* where the device begins, and in it the command */
	uint32_t begun;
};

struct drive_instance {
	struct engine e;
	uint32_t device;
	struct drive_held held[DRIVE_HELD];
	unsigned count;
};

uint64_t drive_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

const char *drive_fault_name(enum drive_fault fault)
{
	static const char *const names[DRIVE_FAULTS] = {
		"failed read",	  "failed write, done in part",	 "failed flush",
		"failed discard", "discard that zeroes at once", "completion out of order"
	};

	return names[fault];
}

static void drive_touch(uint64_t offset, uint64_t length)
{
	for (uint64_t s = offset / DRIVE_SECTOR; s < (offset + length) / DRIVE_SECTOR; s++) {
		if (drive.is_touched[s])
			continue;
		drive.is_touched[s] = 1;
		drive.touched[drive.touched_count++] = (uint32_t)s;
	}
}

/* Notes an event. Returns its number. DATA is copied; BEGUN is UINT32_MAX where a command comes. */
static uint32_t drive_note(enum drive_kind kind, uint32_t begun, uint64_t offset, uint64_t length,
			   const uint8_t *data)
{
	struct journal *j = drive.journal;
	struct drive_event *e;

	if (!j)
		return 0;
	if (j->count == j->room) {
		j->room = j->room ? 2 * j->room : 256;
		j->events = realloc(j->events, j->room * sizeof(*j->events));
		CHECK(j->events);
	}
	e = &j->events[j->count];
	*e = (struct drive_event){ kind, begun == UINT32_MAX ? j->count : begun, offset, length,
				   NULL };
	if (data) {
		e->data = malloc(length);
		CHECK(e->data);
		memcpy(e->data, data, length);
	}
	return j->count++;
}

void journal_reset(struct journal *j)
{
	for (uint32_t i = 0; i < j->count; i++)
		free(j->events[i].data);
	j->count = 0;
}

static void drive_move(const struct drive_held *h, bool in)
{
	const struct weir_cmd *cmd = h->cmd;
	uint8_t *at = drive.now + h->offset;

	for (uint32_t i = 0; i < cmd->iovcnt; i++) {
		if (in)
			memcpy(at, cmd->iov[i].iov_base, cmd->iov[i].iov_len);
		else
			memcpy(cmd->iov[i].iov_base, at, cmd->iov[i].iov_len);
		at += cmd->iov[i].iov_len;
	}
}

/* Counts the segments that a write frees or seals; it may fail afterwards. */
static void drive_recognise(const struct drive_held *h)
{
	const struct weir_cmd *cmd = h->cmd;
	const uint8_t *at = cmd->iov[0].iov_base;
	const struct iovec *last = &cmd->iov[cmd->iovcnt - 1];

	if (!memcmp(at, DRIVE_HEADER_MAGIC, 8) && at[DRIVE_HEADER_STATE] == DRIVE_STATE_FREE) {
		drive.free_marks++;
		if (drive.freeing)
			drive.freeing(h->offset);
	}
	at = (const uint8_t *)last->iov_base + last->iov_len - DRIVE_TRAILER_BYTES;
	drive.footers += !memcmp(at, DRIVE_TRAILER_MAGIC, 8);
}

static void drive_write(struct drive_held *h)
{
	drive_move(h, true);
	drive_touch(h->offset, h->cmd->length);
	h->begun = drive_note(DRIVE_WRITE, UINT32_MAX, h->offset, h->cmd->length,
			      drive.now + h->offset);
}

/* A failed write reaches the medium in part: each sector that does is a write of its own. */
static void drive_write_some(const struct drive_held *h)
{
	uint64_t length = h->cmd->length, at;
	uint8_t *old = malloc(length);
	uint32_t begun;

	CHECK(old);
	memcpy(old, drive.now + h->offset, length);
	drive_move(h, true);
	drive_touch(h->offset, length);
	for (at = 0; at < length; at += DRIVE_SECTOR) {
		uint8_t *to = drive.now + h->offset + at;

		if (drive_random(&drive.random) % 2) {
			begun = drive_note(DRIVE_WRITE, UINT32_MAX, h->offset + at, DRIVE_SECTOR,
					   to);
			drive_note(DRIVE_WRITTEN, begun, h->offset + at, DRIVE_SECTOR, NULL);
		} else {
			memcpy(to, old + at, DRIVE_SECTOR);
		}
	}
	free(old);
}

static void drive_discard(struct drive_held *h)
{
	const struct weir_cmd *cmd = h->cmd;

	CHECK(!cmd->iovcnt);
	/* One that fails may have been done. */
	if (drive_random(&drive.random) % 4 == 0) {
		h->cmd->result = -EIO;
		drive.fired[DRIVE_FAIL_DISCARD]++;
	}
	h->begun = drive_note(DRIVE_DISCARD, UINT32_MAX, h->offset, cmd->length, NULL);
	if (drive_random(&drive.random) % 2)
		return;
	drive.fired[DRIVE_ZERO_DISCARD]++;
	memset(drive.now + h->offset, 0, cmd->length);
	drive_touch(h->offset, cmd->length);
}

void drive_fail(enum drive_fault fault, unsigned skip, unsigned times)
{
	drive.fault = fault;
	drive.fault_skip = skip;
	drive.fault_times = times;
}

static bool drive_is_faulty(const struct weir_cmd *cmd)
{
	static const uint8_t ops[] = { [DRIVE_FAIL_READ] = WEIR_OP_READ,
				       [DRIVE_FAIL_WRITE] = WEIR_OP_WRITE,
				       [DRIVE_FAIL_FLUSH] = WEIR_OP_FLUSH };

	if (!drive.fault_times || cmd->op != ops[drive.fault])
		return false;
	if (drive.fault_skip) {
		drive.fault_skip--;
		return false;
	}
	drive.fault_times--;
	drive.fired[drive.fault]++;
	return true;
}

static void drive_begin(struct drive_held *h)
{
	struct weir_cmd *cmd = h->cmd;

	if (!drive.off && cmd->op == WEIR_OP_WRITE)
		drive_recognise(h);
	if (drive.off) {
		cmd->result = -EIO;
	} else if (drive_is_faulty(cmd)) {
		cmd->result = -EIO;
		if (cmd->op == WEIR_OP_WRITE)
			drive_write_some(h);
	} else if (cmd->op == WEIR_OP_WRITE) {
		drive_write(h);
	} else if (cmd->op == WEIR_OP_FLUSH) {
		h->begun = drive_note(DRIVE_FLUSH, UINT32_MAX, h->offset, drive.device_bytes, NULL);
	} else if (cmd->op == WEIR_OP_DISCARD) {
		drive_discard(h);
	}
}

static void drive_finish(const struct drive_held *h)
{
	struct weir_cmd *cmd = h->cmd;

	if (drive.off)
		cmd->result = -EIO;
	if (cmd->result)
		return;
	if (cmd->op == WEIR_OP_READ)
		drive_move(h, false);
	else if (cmd->op == WEIR_OP_WRITE)
		drive_note(DRIVE_WRITTEN, h->begun, h->offset, cmd->length, NULL);
	else if (cmd->op == WEIR_OP_FLUSH)
		drive_note(DRIVE_FLUSHED, h->begun, h->offset, drive.device_bytes, NULL);
	else
		drive_note(DRIVE_DISCARDED, h->begun, h->offset, cmd->length, NULL);
}

/* The engine of a device is a table of its own: an instance knows its device by that. */
static int drive_engine_open(struct engine **e, const struct engine_params *params)
{
	struct drive_instance *d = engine_new(sizeof(*d), params);

	if (!d)
		return -ENOMEM;
	while (params->ops != drive_engine(d->device))
		d->device++;
	*e = &d->e;
	return 0;
}

static void drive_engine_close(struct engine *e)
{
	CHECK(!((struct drive_instance *)e)->count);
	free(e);
}

static int drive_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct drive_instance *d = (struct drive_instance *)e;
	struct drive_held *h = &d->held[d->count];

	if (d->count == DRIVE_HELD)
		return -EBUSY;
	d->count++;
	drive.commands++;
	*h = (struct drive_held){ .cmd = cmd,
				  .offset = d->device * drive.device_bytes + cmd->offset };
	cmd->result = 0;
	drive_begin(h);
	return 0;
}

static void drive_submit(struct engine *e)
{
	(void)e;
}

/* Completes some commands, in any order. */
static unsigned drive_reap(struct engine *e, uint64_t now)
{
	struct drive_instance *d = (struct drive_instance *)e;
	unsigned n = 0, many = d->count;

	(void)now;
	if (many > 1)
		many = 1 + (unsigned)(drive_random(&drive.random) % many);
	for (; n < many && d->count; n++) {
		unsigned i = (unsigned)(drive_random(&drive.random) % d->count);
		struct drive_held h = d->held[i];

		drive.fired[DRIVE_REORDER] += i > 0;
		memmove(&d->held[i], &d->held[i + 1], (--d->count - i) * sizeof(h));
		drive_finish(&h);
		e->params.complete(e->params.owner, h.cmd);
	}
	return n;
}

/* With no command in flight, the next thing that happens is the deadline. */
static void drive_wait(struct engine *e, uint64_t deadline)
{
	if (((struct drive_instance *)e)->count)
		return;
	if (deadline != UINT64_MAX)
		drive_time = drive_time < deadline ? deadline : drive_time;
	engine_sleep(-1, e->params.wake_fd, deadline == UINT64_MAX ? deadline : 0);
}

/* A store on several devices does not sleep in an engine. */
static uint64_t drive_next_event(struct engine *e)
{
	return ((struct drive_instance *)e)->count ? 0 : UINT64_MAX;
}

#define DRIVE_ENGINE                                                                               \
	{                                                                                          \
		.name = "drive", .summary = "keeps a journal", .open = drive_engine_open,          \
		.close = drive_engine_close, .queue = drive_queue, .submit = drive_submit,         \
		.reap = drive_reap, .wait = drive_wait, .next_event = drive_next_event             \
	}

const struct engine_ops *drive_engine(uint32_t device)
{
	static const struct engine_ops engines[DRIVE_DEVICES] = { DRIVE_ENGINE, DRIVE_ENGINE,
								  DRIVE_ENGINE };

	CHECK(device < DRIVE_DEVICES);
	return &engines[device];
}

void drive_make(uint32_t count, uint64_t device_bytes)
{
	uint64_t bytes = count * device_bytes;

	drive_free();
	drive.bytes = bytes;
	drive.device_bytes = device_bytes;
	drive.now = calloc(1, bytes);
	drive.touched = calloc(bytes / DRIVE_SECTOR, sizeof(*drive.touched));
	drive.is_touched = calloc(bytes / DRIVE_SECTOR, 1);
	CHECK(drive.now && drive.touched && drive.is_touched);
}

void drive_free(void)
{
	free(drive.now);
	free(drive.touched);
	free(drive.is_touched);
	drive.now = NULL;
	drive.touched = NULL;
	drive.is_touched = NULL;
	drive.touched_count = 0;
}

void drive_load(const uint8_t *image)
{
	memcpy(drive.now, image, drive.bytes);
	memset(drive.is_touched, 0, drive.bytes / DRIVE_SECTOR);
	drive.touched_count = 0;
}

void drive_undo(const uint8_t *image)
{
	while (drive.touched_count) {
		uint32_t s = drive.touched[--drive.touched_count];

		drive.is_touched[s] = 0;
		memcpy(drive.now + (uint64_t)s * DRIVE_SECTOR, image + (uint64_t)s * DRIVE_SECTOR,
		       DRIVE_SECTOR);
	}
}

void drive_poke(uint32_t sector, const uint8_t *data)
{
	drive_touch((uint64_t)sector * DRIVE_SECTOR, DRIVE_SECTOR);
	memcpy(drive.now + (uint64_t)sector * DRIVE_SECTOR, data, DRIVE_SECTOR);
}
