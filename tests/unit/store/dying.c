/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dying.c - see dying.h. An engine's state belongs to the owner of its lane; only the moment of
 * death is read by several threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "dying.h"
#include "proof.h"
#include "queue/open.h"
#include "store/parts.h"

#define DYING_HELD 1024u

struct dying_device {
	const struct weir_device *dev;
	int64_t left;	 /* atomic; commands until it dies; negative: it does not */
	uint64_t failed; /* atomic */
	/* Commands that it failed and that have not completed. */
	struct weir_cmd *held[DYING_HELD];
	unsigned count;
};

static struct dying_device devices[DYING_DEVICES];

static struct dying_device *device_of(const struct engine *e)
{
	uint32_t n = 0;

	while (devices[n].dev != e->params.dev)
		assert_true(++n < DYING_DEVICES);
	return &devices[n];
}

static int is_dead(struct dying_device *d)
{
	int64_t left = __atomic_load_n(&d->left, __ATOMIC_ACQUIRE);

	/* A test may kill or revive it meanwhile, and wins. */
	if (left > 0)
		__atomic_compare_exchange_n(&d->left, &left, left - 1, 0, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE);
	return left == 0;
}

static int dying_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct dying_device *d = device_of(e);

	if (!is_dead(d))
		return engine_posix.queue(e, cmd);
	if (d->count == DYING_HELD)
		return -EBUSY;
	cmd->result = -EIO;
	d->held[d->count++] = cmd;
	__atomic_add_fetch(&d->failed, 1, __ATOMIC_RELAXED);
	return 0;
}

static unsigned dying_reap(struct engine *e, uint64_t now)
{
	struct dying_device *d = device_of(e);
	unsigned n = d->count;
	struct weir_cmd *held[DYING_HELD];

	memcpy(held, d->held, n * sizeof(held[0]));
	d->count = 0;
	for (unsigned i = 0; i < n; i++)
		e->params.complete(e->params.owner, held[i]);
	return n + engine_posix.reap(e, now);
}

static void dying_wait(struct engine *e, uint64_t deadline)
{
	engine_posix.wait(e, device_of(e)->count ? 0 : deadline);
}

/* Commands that failed complete by themselves, at once. */
static uint64_t dying_next_event(struct engine *e)
{
	return device_of(e)->count ? 0 : UINT64_MAX;
}

static struct engine_ops dying_engine;

static int dying_engine_open(struct engine **e, const struct engine_params *params)
{
	int err = engine_posix.open(e, params);

	if (!err)
		(*e)->ops = &dying_engine;
	return err;
}

static void dying_report(void)
{
	uint64_t failed = 0;

	for (uint32_t n = 0; n < DYING_DEVICES; n++)
		failed += dying_failed(n);
	proof_begin(program_invocation_short_name);
	proof_count("faults", "dying: command of a device that died", failed);
}

void dying_make(struct dying *d, uint64_t bytes, uint64_t segment)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	const char *dir = getenv("TMPDIR");

	if (!dying_engine.name)
		atexit(dying_report);
	dying_engine = engine_posix;
	dying_engine.name = "dying";
	dying_engine.open = dying_engine_open;
	dying_engine.queue = dying_queue;
	dying_engine.reap = dying_reap;
	dying_engine.wait = dying_wait;
	dying_engine.next_event = dying_next_event;
	memset(d, 0, sizeof(*d));
	for (uint32_t n = 0; n < DYING_DEVICES; n++) {
		int fd;

		snprintf(d->file[n], sizeof(d->file[n]), "%s/weir-dying-XXXXXX",
			 dir ? dir : "/tmp");
		fd = mkstemp(d->file[n]);
		assert_true(fd >= 0);
		assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
		close(fd);
	}
	snprintf(d->all, sizeof(d->all), "%s,%s,%s", d->file[0], d->file[1], d->file[2]);
	opts.segment_bytes = segment;
	opts.force = 2;
	if (weir_store_format(d->all, &opts))
		fail_msg("format: %s", weir_error());
}

void dying_open(struct dying *d, int workers)
{
	struct weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	device.flags = WEIR_DEVICE_LOCK;
	queue.workers = workers ? 1 : 0;
	opts.attach = !workers;
	opts.batch_bytes = 64 << 10;
	for (uint32_t n = 0; n < DYING_DEVICES; n++) {
		dying_revive(n);
		assert_int_equal(weir_device_open(&d->dev[n], d->file[n], &device), 0);
		devices[n].dev = d->dev[n];
		assert_int_equal(queue_open(&d->queue[n], d->dev[n], &queue, &dying_engine, NULL),
				 0);
	}
	if (weir_store_open_queues(&d->rig.s, d->queue, DYING_DEVICES, &opts))
		fail_msg("open: %s", weir_error());
}

int dying_close(struct dying *d)
{
	char words[512] = "";
	int err = weir_store_close(d->rig.s);

	if (err)
		snprintf(words, sizeof(words), "%s", weir_error());
	d->rig.s = NULL;
	for (uint32_t n = 0; n < DYING_DEVICES; n++) {
		assert_int_equal(weir_queue_close(d->queue[n]), 0);
		weir_device_close(d->dev[n]);
	}
	return err ? error_set(err, "%s", words) : 0;
}

void dying_remove(struct dying *d)
{
	for (uint32_t n = 0; n < DYING_DEVICES; n++)
		unlink(d->file[n]);
}

void dying_kill(uint32_t n, uint64_t after)
{
	__atomic_store_n(&devices[n].left, (int64_t)after, __ATOMIC_RELEASE);
}

void dying_revive(uint32_t n)
{
	__atomic_store_n(&devices[n].left, -1, __ATOMIC_RELEASE);
}

uint64_t dying_failed(uint32_t n)
{
	return __atomic_load_n(&devices[n].failed, __ATOMIC_RELAXED);
}

uint32_t dying_device_of(struct dying *d, uint64_t key)
{
	return parts_find(d->rig.s, &key, sizeof(key))->io.super.device_index;
}
