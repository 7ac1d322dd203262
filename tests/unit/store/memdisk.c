/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memdisk.c - a drive that loses, reorders and fails. See memdisk.h. It is global: there is one at
 * a time, on one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "memdisk.h"
#include "proof.h"
#include "queue/open.h"
#include "store/fsck.h"

#define HELD_MAX 512u

struct memdisk memdisk;

enum memdisk_fault {
	MEMDISK_READ,
	MEMDISK_WRITE,
	MEMDISK_FLUSH,
	MEMDISK_LOST_READ,
	MEMDISK_CUT,
	MEMDISK_KILL,
	MEMDISK_LOST,
	MEMDISK_REORDER,
};

/* What the drive did to commands, and how often in this process. */
static struct {
	const char *name;
	uint64_t count;
} memdisk_fired[] = {
	[MEMDISK_READ] = { "memdisk: failed read", 0 },
	[MEMDISK_WRITE] = { "memdisk: failed write, done in part", 0 },
	[MEMDISK_FLUSH] = { "memdisk: failed flush", 0 },
	[MEMDISK_LOST_READ] = { "memdisk: read that succeeds and brings no data", 0 },
	[MEMDISK_CUT] = { "memdisk: power cut", 0 },
	[MEMDISK_KILL] = { "memdisk: kill", 0 },
	[MEMDISK_LOST] = { "memdisk: sector that a power cut lost", 0 },
	[MEMDISK_REORDER] = { "memdisk: completion out of order", 0 },
};
static pid_t memdisk_process;

/* Adds what happened to the proof. A child of a test does not. */
static void memdisk_report(void)
{
	if (getpid() != memdisk_process)
		return;
	proof_begin(program_invocation_short_name);
	for (size_t n = 0; n < sizeof(memdisk_fired) / sizeof(memdisk_fired[0]); n++)
		proof_count("faults", memdisk_fired[n].name, memdisk_fired[n].count);
}

/* A command in flight. A flush stores what it covers: contents by sector. */
struct held {
	struct weir_cmd *cmd;
	uint64_t sectors;
	uint64_t *sector;
	uint8_t *contents;
};

struct memdisk_instance {
	struct engine e;
	struct held held[HELD_MAX];
	unsigned count;
};

static int memdisk_engine_open(struct engine **e, const struct engine_params *params)
{
	struct memdisk_instance *m = engine_new(sizeof(*m), params);

	if (!m)
		return -ENOMEM;
	*e = &m->e;
	return 0;
}

static void memdisk_engine_close(struct engine *e)
{
	assert_int_equal(((struct memdisk_instance *)e)->count, 0);
	free(e);
}

static void move(struct weir_cmd *cmd, int in)
{
	uint8_t *at = memdisk.now + cmd->offset;

	for (uint32_t i = 0; i < cmd->iovcnt; i++) {
		if (in)
			memcpy(at, cmd->iov[i].iov_base, cmd->iov[i].iov_len);
		else
			memcpy(cmd->iov[i].iov_base, at, cmd->iov[i].iov_len);
		at += cmd->iov[i].iov_len;
	}
}

static void count_writes(const struct weir_cmd *cmd, int n)
{
	uint64_t s;

	for (s = cmd->offset / memdisk.sector; s < (cmd->offset + cmd->length) / memdisk.sector;
	     s++)
		memdisk.writes[s] += (uint32_t)n;
}

/* Takes memory. A test may let an allocation fail, which is not to be one of the drive's. */
static void *take_memory(size_t bytes)
{
	void *memory = malloc(bytes);

	if (!memory)
		memory = malloc(bytes);
	assert_non_null(memory);
	return memory;
}

/* Stores what a flush covers: the writes that had completed before it was submitted. */
static void cover(struct held *h)
{
	uint64_t s, n = memdisk.bytes / memdisk.sector;

	h->sector = take_memory(n * sizeof(*h->sector));
	h->contents = take_memory(memdisk.bytes);
	for (s = 0; s < n; s++) {
		uint8_t *now = memdisk.now + s * memdisk.sector;

		if (memdisk.writes[s] ||
		    !memcmp(now, memdisk.medium + s * memdisk.sector, memdisk.sector))
			continue;
		memcpy(h->contents + h->sectors * memdisk.sector, now, memdisk.sector);
		h->sector[h->sectors++] = s;
	}
}

/* Returns true if CMD is not to blocks that are bad. The first command makes its own bad. */
static int fails_elsewhere(const struct weir_cmd *cmd)
{
	if (!memdisk.fail_sticks)
		return 0;
	if (!memdisk.stuck_to) {
		memdisk.stuck_from = cmd->offset;
		memdisk.stuck_to = cmd->offset + cmd->length;
	}
	return cmd->offset >= memdisk.stuck_to || cmd->offset + cmd->length <= memdisk.stuck_from;
}

static int fails(const struct weir_cmd *cmd)
{
	if (memdisk.off || (memdisk.fails_too && memdisk.fails_too(cmd)))
		return 1;
	if (!memdisk.fails || cmd->op != memdisk.fail_op ||
	    (cmd->op != WEIR_OP_FLUSH &&
	     (cmd->offset < memdisk.fail_from || cmd->offset >= memdisk.fail_to)))
		return 0;
	if (memdisk.fail_skip) {
		memdisk.fail_skip--;
		return 0;
	}
	if (fails_elsewhere(cmd))
		return 0;
	memdisk.fails--;
	memdisk_fired[cmd->op == WEIR_OP_READ	 ? MEMDISK_READ
		      : cmd->op == WEIR_OP_WRITE ? MEMDISK_WRITE
						 : MEMDISK_FLUSH]
		.count++;
	return 1;
}

/* Chooses what the medium holds from now on. */
static void switch_off(void)
{
	uint64_t s, sectors = memdisk.bytes / memdisk.sector;

	memdisk.off = 1;
	memdisk_fired[memdisk.keep ? MEMDISK_KILL : MEMDISK_CUT].count++;
	for (s = 0; s < sectors; s++) {
		uint8_t *now = memdisk.now + s * memdisk.sector;
		uint8_t *medium = memdisk.medium + s * memdisk.sector;

		if ((memdisk.keep && !memdisk.writes[s]) || rig_random(&memdisk.state) % 2)
			memcpy(medium, now, memdisk.sector);
		else
			memdisk_fired[MEMDISK_LOST].count +=
				memcmp(medium, now, memdisk.sector) != 0;
	}
}

/* Moves some of a failed write: it may have reached the medium in part. */
static void move_some(struct weir_cmd *cmd)
{
	uint8_t *old = take_memory(cmd->length);
	uint64_t at, left;

	memcpy(old, memdisk.now + cmd->offset, cmd->length);
	move(cmd, 1);
	for (at = 0; at < cmd->length; at += memdisk.sector) {
		left = cmd->length - at; /* a logical block may be less than a sector */
		if (rig_random(&memdisk.state) % 2)
			memcpy(memdisk.now + cmd->offset + at, old + at,
			       left < memdisk.sector ? left : memdisk.sector);
	}
	free(old);
}

static int memdisk_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct memdisk_instance *m = (struct memdisk_instance *)e;
	struct held *h = &m->held[m->count];

	if (m->count == HELD_MAX)
		return -EBUSY;
	m->count++;
	*h = (struct held){ .cmd = cmd };
	if (++memdisk.commands == memdisk.off_at)
		switch_off();
	cmd->result = fails(cmd) ? memdisk.fail_error : 0;
	/* A write may reach the medium from the moment when it is submitted. */
	if (cmd->op == WEIR_OP_WRITE && !cmd->result) {
		move(cmd, 1);
		count_writes(cmd, 1);
	}
	if (cmd->op == WEIR_OP_WRITE && cmd->result && !memdisk.off && !memdisk.fail_leaves)
		move_some(cmd);
	if (cmd->op == WEIR_OP_FLUSH && !cmd->result)
		cover(h);
	if (memdisk.watch)
		memdisk.watch(cmd, 0);
	return 0;
}

static void finish(struct held *h)
{
	struct weir_cmd *cmd = h->cmd;
	uint64_t n;

	if (cmd->op == WEIR_OP_WRITE && !cmd->result)
		count_writes(cmd, -1);
	/* A command that the power cut hit has not completed. */
	if (memdisk.off)
		cmd->result = -EIO;
	if (cmd->op == WEIR_OP_READ && !cmd->result) {
		if (memdisk.lost && cmd->length <= memdisk.lost_length) {
			/* It brings no data of the drive's; what comes is always the same. */
			for (uint32_t i = 0; i < cmd->iovcnt; i++)
				memset(cmd->iov[i].iov_base, 0x77, cmd->iov[i].iov_len);
			memdisk.lost--;
			memdisk_fired[MEMDISK_LOST_READ].count++;
		} else {
			move(cmd, 0);
		}
	}
	for (n = 0; n < h->sectors && !cmd->result; n++)
		memcpy(memdisk.medium + h->sector[n] * memdisk.sector,
		       h->contents + n * memdisk.sector, memdisk.sector);
	if (memdisk.watch && !cmd->result)
		memdisk.watch(cmd, 1);
	free(h->sector);
	free(h->contents);
}

static int is_held(const struct held *h)
{
	if (h->cmd->op == WEIR_OP_WRITE)
		return !memdisk.off &&
		       (memdisk.hold_writes ||
			(memdisk.hold_end && h->cmd->offset + h->cmd->length == memdisk.hold_end));
	return memdisk.hold_length && h->cmd->op == WEIR_OP_READ &&
	       h->cmd->length == memdisk.hold_length &&
	       (!memdisk.hold_buf || h->cmd->iov[0].iov_base == memdisk.hold_buf);
}

static unsigned memdisk_reap(struct engine *e, uint64_t now)
{
	struct memdisk_instance *m = (struct memdisk_instance *)e;
	unsigned n = 0, tries = m->count, i;

	(void)now;
	if (memdisk.shuffle && tries > 1)
		tries = 1 + (unsigned)(rig_random(&memdisk.state) % tries);
	for (i = 0; tries && m->count; tries--) {
		struct held h;

		i = memdisk.shuffle ? (unsigned)(rig_random(&memdisk.state) % m->count) : i;
		h = m->held[i];
		if (is_held(&h))
			continue;
		memdisk_fired[MEMDISK_REORDER].count += i > 0;
		memmove(&m->held[i], &m->held[i + 1], (--m->count - i) * sizeof(h));
		finish(&h);
		e->params.complete(e->params.owner, h.cmd);
		n++;
	}
	return n;
}

static void memdisk_submit(struct engine *e)
{
	(void)e;
}

static void memdisk_wait(struct engine *e, uint64_t deadline)
{
	if (!((struct memdisk_instance *)e)->count)
		engine_sleep(-1, e->params.wake_fd, deadline);
}

const struct engine_ops memdisk_engine = {
	.name = "memdisk",
	.summary = "loses, reorders and fails",
	.open = memdisk_engine_open,
	.close = memdisk_engine_close,
	.queue = memdisk_queue,
	.submit = memdisk_submit,
	.reap = memdisk_reap,
	.wait = memdisk_wait,
};

void memdisk_load(struct rig *rig, uint32_t sector, uint64_t seed)
{
	struct weir_device *dev;

	if (!memdisk_process)
		atexit(memdisk_report);
	memdisk_process = getpid();
	assert_int_equal(weir_device_open(&dev, rig->path, NULL), 0);
	memset(&memdisk, 0, sizeof(memdisk));
	memdisk.bytes = weir_device_get_info(dev)->capacity_bytes;
	weir_device_close(dev);
	memdisk.sector = sector;
	memdisk.fail_error = -EIO;
	memdisk.state = seed;
	memdisk.shuffle = 1;
	memdisk.now = malloc(memdisk.bytes);
	memdisk.medium = malloc(memdisk.bytes);
	memdisk.writes = calloc(memdisk.bytes / sector, sizeof(*memdisk.writes));
	rig_peek(rig, 0, memdisk.now, memdisk.bytes);
	memcpy(memdisk.medium, memdisk.now, memdisk.bytes);
}

void memdisk_free(void)
{
	free(memdisk.now);
	free(memdisk.medium);
	free(memdisk.writes);
}

void memdisk_off(void)
{
	if (!memdisk.off)
		switch_off();
}

void memdisk_restore(const uint8_t *image)
{
	memcpy(memdisk.now, image, memdisk.bytes);
	memcpy(memdisk.medium, image, memdisk.bytes);
}

FILE *memdisk_recover(struct rig *rig)
{
	const char *root = getenv("WEIR_SOURCE_ROOT");
	char command[600];
	FILE *out;

	if (!root)
		return NULL;
	rig_poke(rig, 0, memdisk.now, memdisk.bytes);
	snprintf(command, sizeof(command), "python3 %s/tools/recover.py %s", root, rig->path);
	out = popen(command, "r");
	assert_non_null(out);
	return out;
}

void memdisk_no_fails(void)
{
	memdisk.fails = memdisk.fail_skip = 0;
	memdisk.fail_sticks = memdisk.fail_leaves = 0;
	memdisk.stuck_from = memdisk.stuck_to = 0;
}

void memdisk_cut(void)
{
	memdisk_off();
	memcpy(memdisk.now, memdisk.medium, memdisk.bytes);
	memset(memdisk.writes, 0, memdisk.bytes / memdisk.sector * sizeof(*memdisk.writes));
}

void memdisk_on(uint64_t off_at)
{
	memdisk.off = 0;
	memdisk.commands = 0;
	memdisk.off_at = off_at;
}

/* Opens the drive and a queue on it. */
static void memdisk_open_queue(struct rig *rig)
{
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	char name[64];

	snprintf(name, sizeof(name), "null:%llu", (unsigned long long)memdisk.bytes);
	assert_int_equal(weir_device_open(&rig->device, name, NULL), 0);
	queue.depth_bytes = UINT64_MAX;
	queue.nomerges = memdisk.merge ? 0 : 2;
	assert_int_equal(queue_open(&rig->queue, rig->device, &queue, &memdisk_engine, NULL), 0);
}

int memdisk_check(struct rig *rig, const struct weir_check_opts *opts,
		  struct weir_check_result *result)
{
	int err;

	*result = (struct weir_check_result)WEIR_CHECK_RESULT_INIT;
	memdisk_open_queue(rig);
	assert_int_equal(weir_queue_attach(rig->queue, 0), 0);
	err = fsck_on(&rig->queue, 1, opts, result);
	weir_queue_detach(rig->queue);
	assert_int_equal(weir_queue_close(rig->queue), 0);
	weir_device_close(rig->device);
	rig->queue = NULL;
	rig->device = NULL;
	return err;
}

int memdisk_open(struct rig *rig)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	int err;

	memdisk_open_queue(rig);
	opts.attach = 1;
	opts.salvage = memdisk.salvage;
	opts.policy = rig->policy;
	opts.max_put_bytes = rig->max_put_bytes;
	opts.free_low_percent = rig->free_low;
	opts.free_high_percent = rig->free_high;
	/* A few operations then make several batches. */
	opts.batch_bytes = 16 << 10;
	err = weir_store_open_queues(&rig->s, &rig->queue, 1, &opts);
	if (err) {
		rig->s = NULL;
		memdisk_close(rig);
	} else {
		rig_check_counts(rig->s);
	}
	return err;
}

int memdisk_close(struct rig *rig)
{
	int err;

	if (rig->s)
		rig_check_counts(rig->s);
	err = weir_store_close(rig->s);
	rig->s = NULL;
	assert_int_equal(weir_queue_close(rig->queue), 0);
	weir_device_close(rig->device);
	return err;
}

int memdisk_reopen(struct rig *rig)
{
	int err = memdisk_close(rig);

	assert_int_equal(memdisk_open(rig), 0);
	return err;
}

void memdisk_power_on(struct rig *rig)
{
	memdisk_on(0);
	if (memdisk_open(rig))
		fail_msg("open: %s", weir_error());
}

void memdisk_power_off(struct rig *rig)
{
	memdisk_cut();
	memdisk_close(rig);
	/* The commands in flight when the power went are gone. */
	memset(memdisk.writes, 0, memdisk.bytes / memdisk.sector * sizeof(*memdisk.writes));
}

void memdisk_kill(struct rig *rig)
{
	memdisk.keep = 1;
	memdisk_power_off(rig);
	memdisk.keep = 0;
}

void memdisk_set_up(struct rig *rig, uint64_t bytes, uint64_t segment_bytes, uint64_t seed)
{
	rig_make(rig, bytes, segment_bytes, 4096);
	memdisk_load(rig, 4096, seed);
	assert_int_equal(memdisk_open(rig), 0);
}

void memdisk_tear_down(struct rig *rig)
{
	memdisk_close(rig);
	memdisk_free();
	rig_remove(rig);
}
