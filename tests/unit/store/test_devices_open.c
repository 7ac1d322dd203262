/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_devices_open.c - opening a store on several devices: all are recovered at once, each that
 * fails is named, and one that cannot be read leaves all as they were. What the devices note about
 * tenants is the same after an open.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "devices.h"
#include "queue/open.h"
#include "store/format/policy.h"
#include "store/log/logs.h"
#include "store/parts.h"
#include "store/tenants.h"

/* What the engine below does, and what it has seen. A recovery begins with a flush. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool holds;	     /* the first read of a recovery waits for those of all devices */
	unsigned came;	     /* devices whose recovery has read */
	unsigned alone;	     /* reads that waited in vain */
	bool fails[DEVICES]; /* reads of a recovery of this device fail */
	unsigned unwritten[DEVICES]; /* so many writes of this device fail */
	bool flushed[DEVICES];	     /* its recovery has begun */
	bool held[DEVICES];
	unsigned writes;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static struct engine_ops gate_engine;

/* An instance, by device. */
static struct {
	void (*complete)(void *owner, struct weir_cmd *cmd);
	void *owner;
	unsigned device;
} gate_lane[DEVICES];

static unsigned gate_device(const struct engine *e)
{
	for (unsigned n = 0; n < DEVICES; n++)
		if (!strcmp(weir_device_path(e->params.dev), file[n]))
			return n;
	fail_msg("%s is no device of the store", weir_device_path(e->params.dev));
	return 0;
}

static void gate_complete(void *owner, struct weir_cmd *cmd)
{
	unsigned n = (unsigned)((char *)owner - (char *)gate_lane) / sizeof(gate_lane[0]);

	pthread_mutex_lock(&gate.lock);
	if (cmd->op == WEIR_OP_READ && gate.flushed[n] && gate.fails[n])
		cmd->result = -EIO;
	if (cmd->op == WEIR_OP_WRITE && gate.unwritten[n]) {
		gate.unwritten[n]--;
		cmd->result = -EIO;
	}
	pthread_mutex_unlock(&gate.lock);
	gate_lane[n].complete(gate_lane[n].owner, cmd);
}

static int gate_open(struct engine **e, const struct engine_params *params)
{
	struct engine_params own = *params;
	struct engine probe = { .params = *params };
	unsigned n = gate_device(&probe);
	int err;

	gate_lane[n].complete = params->complete;
	gate_lane[n].owner = params->owner;
	own.complete = gate_complete;
	own.owner = &gate_lane[n];
	own.ops = &engine_posix;
	err = engine_posix.open(e, &own);
	if (!err)
		(*e)->ops = &gate_engine;
	return err;
}

/* Waits until the recoveries of all devices have read. It gives up after a minute, so that the test
 * fails where they run one after another. */
static void gate_hold(unsigned n)
{
	struct timespec until;
	int err = 0;

	gate.held[n] = true;
	gate.came++;
	pthread_cond_broadcast(&gate.changed);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	while (gate.came < DEVICES && !gate.alone && !err)
		err = pthread_cond_timedwait(&gate.changed, &gate.lock, &until);
	gate.alone += err != 0;
}

static int gate_queue(struct engine *e, struct weir_cmd *cmd)
{
	unsigned n = gate_device(e);

	pthread_mutex_lock(&gate.lock);
	gate.flushed[n] |= cmd->op == WEIR_OP_FLUSH;
	gate.writes += cmd->op == WEIR_OP_WRITE;
	if (cmd->op == WEIR_OP_READ && gate.holds && gate.flushed[n] && !gate.held[n])
		gate_hold(n);
	pthread_mutex_unlock(&gate.lock);
	return engine_posix.queue(e, cmd);
}

static struct weir_device *device[DEVICES];
static struct weir_queue *queue[DEVICES];

/* Opens the store through the engine, and returns the result. */
static int gate_open_store(uint32_t degraded)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_queue_opts queue_opts = WEIR_QUEUE_OPTS_INIT;

	gate_engine = engine_posix;
	gate_engine.open = gate_open;
	gate_engine.queue = gate_queue;
	queue_opts.workers = 1;
	queue_opts.nomerges = 2;
	for (unsigned n = 0; n < DEVICES; n++) {
		gate.flushed[n] = gate.held[n] = false;
		assert_int_equal(weir_device_open(&device[n], file[n], NULL), 0);
		assert_int_equal(queue_open(&queue[n], device[n], &queue_opts, &gate_engine, NULL),
				 0);
	}
	gate.came = gate.alone = gate.writes = 0;
	opts.degraded = degraded;
	rig.s = NULL;
	return weir_store_open_queues(&rig.s, queue, DEVICES, &opts);
}

static void gate_close_store(void)
{
	if (rig.s)
		close_all();
	for (unsigned n = 0; n < DEVICES; n++) {
		assert_int_equal(weir_queue_close(queue[n]), 0);
		weir_device_close(device[n]);
	}
	gate.holds = false;
	memset(gate.fails, 0, sizeof(gate.fails));
	memset(gate.unwritten, 0, sizeof(gate.unwritten));
}

static int set_up_keys(void **state)
{
	set_up(state);
	open_all(all);
	put_keys(1);
	close_all();
	return 0;
}

/* Each device is read while the others are. */
static void at_once(void **state)
{
	(void)state;
	gate.holds = true;
	if (gate_open_store(0))
		fail_msg("open: %s", weir_error());
	assert_int_equal(gate.alone, 0);
	assert_int_equal(gate.came, DEVICES);
	get_keys(1);
	gate_close_store();
}

/* A device that cannot be read: no device was written to, and the store opens when the device is
 * readable again. */
static void nothing_written(void **state)
{
	(void)state;
	for (unsigned n = 0; n < DEVICES; n++) {
		gate.fails[n] = true;
		says(gate_open_store(0), -EIO, file[n]);
		assert_null(strstr(weir_error(), file[(n + 1) % DEVICES]));
		assert_int_equal(gate.writes, 0);
		gate_close_store();
	}
	open_all(all);
	get_keys(1);
	close_all();
}

/* Several devices that cannot be read: each is named. */
static void all_named(void **state)
{
	(void)state;
	gate.fails[0] = gate.fails[2] = true;
	says(gate_open_store(0), -EIO, file[0]);
	assert_non_null(strstr(weir_error(), file[2]));
	assert_null(strstr(weir_error(), file[1]));
	assert_int_equal(gate.writes, 0);
	gate_close_store();
}

/* The store opens without the devices that cannot be read, where that is allowed. */
static void without(void **state)
{
	(void)state;
	gate.fails[1] = true;
	if (gate_open_store(1))
		fail_msg("open: %s", weir_error());
	assert_int_equal(rig.s->parts->missing, 1);
	assert_non_null(strstr(rig.s->parts->why[1], file[1]));
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, 1, 5000 + key),
				 device_of(key) == UINT32_MAX ? -ENODEV : 1);
	gate_close_store();
	gate.fails[0] = gate.fails[1] = gate.fails[2] = true;
	says(gate_open_store(1), -ENODEV, "no device of the store can be used");
	assert_int_equal(gate.writes, 0);
	gate_close_store();
}

/* Fails the test unless device N has the marks LOW and HIGH, in percent, in force. */
static void marks_in_force(uint32_t n, uint32_t low, uint32_t high)
{
	const struct logs *ls = rig.s->parts->part[n]->logs;
	struct policy_marks want = policy_marks(low, high, ls->segs.count);
	uint32_t is_low, is_high;

	logs_get_marks(ls, &is_low, &is_high);
	assert_int_equal(is_low, SEGMENTS_RESERVED + want.low);
	assert_int_equal(is_high, SEGMENTS_RESERVED + want.high);
}

static uint32_t share_on(uint32_t device_index, uint32_t stream)
{
	return le32toh(rig.s->parts->part[device_index]->io.super.stream[stream].share);
}

/* What is set while a device is missing, whichever that is, is known to it when it is back, though
 * its superblock was written more often before. */
static void set_without_one(void **state)
{
	uint32_t stream = 0, again;

	(void)state;
	for (unsigned gone = 0; gone < DEVICES; gone++) {
		char some[1024];

		snprintf(some, sizeof(some), "%s,%s", file[(gone + 1) % DEVICES],
			 file[(gone + 2) % DEVICES]);
		open_all(all);
		assert_true(weir_store_add_tenant(rig.s, "one", &stream) >= 0);
		for (uint32_t n = 0; n < 20; n++) {
			struct share_question ask = {
				{ tenant_run_share }, stream, 80 + n % 2, false
			};

			assert_int_equal(wait_inner(rig.s->parts->part[gone], &ask.inner), 0);
		}
		assert_int_equal(weir_store_set_share(rig.s, stream, 60), 0);
		close_all();
		assert_int_equal(try_open(some, 1), 0);
		assert_int_equal(weir_store_set_share(rig.s, stream, 30 + gone), 0);
		assert_int_equal(weir_store_set_write_budget(rig.s, (900 + gone) * MIB), 0);
		assert_int_equal(weir_store_set_free_marks(rig.s, 5 + gone, 20 + gone), 0);
		close_all();
		open_all(all);
		for (uint32_t n = 0; n < DEVICES; n++) {
			const struct super *super = &rig.s->parts->part[n]->io.super;

			assert_int_equal(share_on(n, stream), 30 + gone);
			assert_int_equal(super->write_budget, (900 + gone) * MIB / DEVICES);
			assert_int_equal(super->free_low, 5 + gone);
			assert_int_equal(super->free_high, 20 + gone);
			marks_in_force(n, 5 + gone, 20 + gone);
			assert_int_equal(super->epoch, rig.s->io.super.epoch);
		}
		close_all();
	}
	open_all(all);
	assert_int_equal(weir_store_add_tenant(rig.s, "one", &again), 0);
	assert_int_equal(again, stream);
	close_all();
}

/* The options of a life count in it, also on a device that gets to know other marks. */
static void marks_of_this_life(void **state)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	char some[1024];

	(void)state;
	snprintf(some, sizeof(some), "%s,%s", file[0], file[2]);
	assert_int_equal(try_open(some, 1), 0);
	assert_int_equal(weir_store_set_free_marks(rig.s, 5, 20), 0);
	close_all();
	opts.free_low_percent = 9;
	opts.free_high_percent = 30;
	assert_int_equal(weir_store_open(&rig.s, all, &opts), 0);
	for (uint32_t n = 0; n < DEVICES; n++) {
		marks_in_force(n, 9, 30);
		assert_int_equal(rig.s->parts->part[n]->io.super.free_low, 5);
	}
	close_all();
}

/* Gives device N alone a stream with a tenant. */
static void add_stream_on(unsigned n, uint32_t stream)
{
	struct tenant_question ask = {
		.inner = { tenant_run }, .id = 77, .name = "far", .length = 3, .wanted = stream
	};

	assert_int_equal(wait_inner(rig.s->parts->part[n], &ask.inner), 0);
}

/* A device had failed when a tenant was added: the share of its stream is set on all devices. */
static void a_share_where_a_stream_is_missing(void **state)
{
	(void)state;
	open_all(all);
	add_stream_on(1, 5);
	says(weir_store_set_share(rig.s, 9, 30), -ENOENT, "no stream 9");
	assert_int_equal(weir_store_set_share(rig.s, 5, 30), 0);
	for (uint32_t n = 0; n < DEVICES; n++) {
		assert_int_equal(share_on(n, 5), 30);
		assert_int_equal(rig.s->parts->part[n]->io.super.streams, 6);
	}
	close_all();
	open_all(all);
	for (uint32_t n = 0; n < DEVICES; n++)
		assert_int_equal(share_on(n, 5), 30);
	close_all();
}

/* A stream that the newest device lacks keeps its share, there too. */
static void a_share_that_the_newest_lacks(void **state)
{
	struct share_question share = { { tenant_run_share }, 5, 30, false };

	(void)state;
	open_all(all);
	add_stream_on(1, 5);
	assert_int_equal(wait_inner(rig.s->parts->part[1], &share.inner), 0);
	for (unsigned n = 0; n < 9; n++) {
		share.stream = 0;
		share.percent = 50 + n;
		assert_int_equal(wait_inner(rig.s->parts->part[2], &share.inner), 0);
	}
	close_all();
	open_all(all);
	for (uint32_t n = 0; n < DEVICES; n++) {
		assert_int_equal(share_on(n, 0), 58);
		assert_int_equal(share_on(n, 5), 30);
		assert_int_equal(rig.s->parts->part[n]->io.super.tenants, 1);
	}
	close_all();
}

/* Sets share, budget and marks to the values number N, and returns the first error. */
static int set_each(unsigned n, unsigned which)
{
	if (which == 0)
		return weir_store_set_share(rig.s, 0, 10 + n);
	if (which == 1)
		return weir_store_set_write_budget(rig.s, (900 + n) * MIB);
	return weir_store_set_free_marks(rig.s, 5 + n, 20 + n);
}

/* Fails the test unless all devices have the values number N. */
static void all_have(unsigned n)
{
	for (uint32_t i = 0; i < DEVICES; i++) {
		const struct super *super = &rig.s->parts->part[i]->io.super;

		assert_int_equal(share_on(i, 0), 10 + n);
		assert_int_equal(super->write_budget, (900 + n) * MIB / DEVICES);
		assert_int_equal(super->free_low, 5 + n);
		assert_int_equal(super->free_high, 20 + n);
		marks_in_force(i, 5 + n, 20 + n);
	}
}

/* What is set is set on all devices, or on none, and then the words name the device. */
static void set_on_all_or_none(void **state)
{
	(void)state;
	assert_int_equal(gate_open_store(0), 0);
	for (unsigned which = 0; which < 3; which++)
		assert_int_equal(set_each(0, which), 0);
	for (unsigned which = 0; which < 3; which++) {
		for (unsigned n = 0; n < DEVICES; n++) {
			gate.unwritten[n] = 1;
			says(set_each(1, which), -EIO, file[n]);
			assert_non_null(strstr(weir_error(), "nothing was changed"));
			assert_int_equal(gate.unwritten[n], 0);
			all_have(0);
		}
		/* Not even the old value can be written. */
		gate.unwritten[1] = 2;
		says(set_each(1, which), -EIO, file[1]);
		assert_non_null(strstr(weir_error(), "the devices may differ until"));
		all_have(0);
	}
	gate_close_store();
	open_all(all);
	all_have(0);
	close_all();
}

/* A thread that sets share and budget to its own value, again and again. */
struct setter {
	pthread_t thread;
	unsigned own;
	uint32_t *turn; /* atomic: how often somebody has come to a meeting */
};

/* Waits until both have come here for the Nth time. */
static void setter_meet(struct setter *x, uint32_t n)
{
	__atomic_add_fetch(x->turn, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(x->turn, __ATOMIC_SEQ_CST) < n * 2)
		(void)weir_store_poll(rig.s); /* the other one may need the loops of this one */
}

static bool all_are_alike(void)
{
	bool alike = true;

	for (uint32_t n = 1; n < DEVICES; n++)
		alike &= share_on(n, 0) == share_on(0, 0) &&
			 rig.s->parts->part[n]->io.super.write_budget ==
				 rig.s->parts->part[0]->io.super.write_budget;
	return alike;
}

/* Returns NULL, or ARG if a call failed or the devices differ after it. */
static void *setter_run(void *arg)
{
	struct setter *x = arg;
	bool good = true;

	for (unsigned round = 1; round <= 60; round += 2) {
		setter_meet(x, round);
		good &= !set_each(x->own, 0) && !set_each(x->own, 1);
		setter_meet(x, round + 1);
		good &= x->own > 1 || all_are_alike();
	}
	return good ? NULL : arg;
}

/* Of two who set the same at once one is the last, on all devices. */
static void set_by_two_at_once(void **state)
{
	(void)state;
	for (uint32_t attach = 0; attach < 2; attach++) {
		uint32_t turn = 0;
		struct setter x[2] = { { .own = 1, .turn = &turn }, { .own = 2, .turn = &turn } };
		void *said;

		rig.attach = attach;
		open_all(all);
		for (unsigned i = attach; i < 2; i++)
			assert_int_equal(pthread_create(&x[i].thread, NULL, setter_run, &x[i]), 0);
		if (attach) /* this thread has the loops */
			assert_null(setter_run(&x[0]));
		for (unsigned i = attach; i < 2; i++) {
			while (attach && pthread_tryjoin_np(x[i].thread, &said))
				assert_int_equal(weir_store_poll(rig.s), 0);
			if (!attach)
				assert_int_equal(pthread_join(x[i].thread, &said), 0);
			assert_null(said);
		}
		close_all();
	}
	rig.attach = 0;
}

static int stop_writing(struct weir_store *s, void *user)
{
	(void)user;
	io_break(&s->io, -EIO);
	return 0;
}

/* A device that has stopped writing cannot be set: neither are the others. */
static void set_beside_a_stopped_device(void **state)
{
	(void)state;
	assert_int_equal(gate_open_store(0), 0);
	for (unsigned which = 0; which < 3; which++)
		assert_int_equal(set_each(0, which), 0);
	assert_int_equal(wait_call(rig.s->parts->part[2], stop_writing, NULL), 0);
	for (unsigned which = 0; which < 3; which++) {
		says(set_each(1, which), -EROFS, file[2]);
		assert_non_null(strstr(weir_error(), "nothing was changed"));
	}
	all_have(0);
	says(weir_store_set_share(rig.s, 9, 30), -ENOENT, "no stream 9");
	assert_int_equal(weir_store_close(rig.s), -EIO);
	rig.s = NULL;
	gate_close_store();
}

/* Two devices are missing, and one that was named is none of the store's: which of the two it
 * should have been is not known. */
static void without_two(void **state)
{
	char some[1024];

	(void)state;
	snprintf(some, sizeof(some), "%s,%s", file[0], file[3]);
	assert_int_equal(try_open(some, 1), 0);
	assert_int_equal(rig.s->parts->missing, 2);
	assert_string_equal(rig.s->parts->why[1], "");
	assert_string_equal(rig.s->parts->why[2], "");
	close_all();
}

/* The newest device has a stream, with a share, that no tenant has any more; the others never had
 * it, and need not. */
static void a_stream_that_one_has_alone(void **state)
{
	struct tenant_question far = {
		.inner = { tenant_run }, .id = 77, .name = "far", .length = 3, .wanted = 5
	};
	struct share_question share = { { tenant_run_share }, 5, 30, false };
	struct weir_store *part;

	(void)state;
	open_all(all);
	part = rig.s->parts->part[1];
	assert_int_equal(wait_inner(part, &far.inner), 0);
	assert_int_equal(wait_inner(part, &share.inner), 0);
	far.replace = true;
	far.wanted = 0;
	assert_int_equal(wait_inner(part, &far.inner), 0);
	close_all();
	open_all(all);
	assert_int_equal(share_on(1, 5), 30);
	for (uint32_t n = 0; n < DEVICES; n++) {
		const struct super *super = &rig.s->parts->part[n]->io.super;

		assert_int_equal(super->streams, n == 1 ? 6 : 1);
		assert_int_equal(super->tenants, 1);
	}
	close_all();
}

/* Two tenants that were added in lives without each other's device got one stream: the later life
 * is right, on all devices. */
static void tenant_moves(void **state)
{
	uint32_t early, late, stream;
	char some[1024];

	(void)state;
	assert_int_equal(try_open(file[0], 1), 0);
	assert_int_equal(weir_store_add_tenant(rig.s, "other", &stream), 1);
	assert_int_equal(weir_store_add_tenant(rig.s, "one", &early), 1);
	close_all();
	snprintf(some, sizeof(some), "%s,%s", file[1], file[2]);
	for (unsigned n = 0; n < 2; n++) { /* a life more than the other device has */
		assert_int_equal(try_open(some, 1), 0);
		assert_true(weir_store_add_tenant(rig.s, "one", &late) >= 0);
		close_all();
	}
	assert_int_not_equal(early, late);
	open_all(all);
	for (uint32_t n = 0; n < DEVICES; n++) {
		struct tenant_question ask = { .inner = { tenant_run },
					       .name = "one",
					       .length = 3,
					       .wanted = TENANT_ANY_STREAM };
		uint64_t hash[2];

		checksum_identity(&rig.s->io.key, "one", 3, hash);
		ask.id = hash[0];
		assert_int_equal(wait_inner(rig.s->parts->part[n], &ask.inner), 0);
		assert_int_equal(ask.created, 0);
		assert_int_equal(ask.stream, late);
		assert_true(rig.s->parts->part[n]->io.super.tenants == 2);
	}
	put_keys(1);
	close_all();
}

/* Changes both superblock copies of device N: the epoch, unless it is 0, is set; the revision
 * rises, and the write budget is set, unless it is 0. */
static void forge_device(unsigned n, uint64_t epoch, uint64_t more, uint64_t budget)
{
	static uint8_t block[DISK_SUPER_BYTES] __attribute__((aligned(8)));
	struct rig one = { .s = NULL };
	struct super super;
	uint32_t version;

	snprintf(one.path, sizeof(one.path), "%s", file[n]);
	rig_peek(&one, 0, block, sizeof(block));
	assert_int_equal(super_decode(&super, (void *)block, 1, &version), SUPER_VALID);
	super.epoch = epoch ? epoch : super.epoch;
	super.revision += more;
	super.write_budget = budget ? budget : super.write_budget;
	for (uint32_t copy = 0; copy < 2; copy++) {
		memset(block, 0, sizeof(block));
		super_encode((void *)block, &super, copy + 1);
		rig_poke(&one, super.layout.copy_offset[copy], block, sizeof(block));
	}
}

/* A device has a forged epoch, the last of all numbers: that is its own affair. */
static void one_without_an_epoch(void **state)
{
	(void)state;
	open_all(all);
	put_keys(1);
	close_all();
	forge_device(1, UINT64_MAX, 1, 0);
	says(try_open(all, 0), -EBADMSG, "no epoch is left");
	if (try_open(all, 1))
		fail_msg("open: %s", weir_error());
	assert_int_equal(rig.s->parts->missing, 1);
	assert_true(rig.s->io.super.epoch < 100);
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, 1, 5000 + key),
				 device_of(key) == UINT32_MAX ? -ENODEV : 1);
	close_all();
}

/* Power was lost while the budget was changed, in a life that all devices were in: whichever device
 * has the higher revision is right. */
static void changed_on_one(void **state)
{
	(void)state;
	for (unsigned n = 0; n < DEVICES; n++) {
		open_all(all);
		close_all();
		forge_device(n, 0, 1000, (500 + n) * MIB);
		open_all(all);
		for (uint32_t i = 0; i < DEVICES; i++)
			assert_int_equal(rig.s->parts->part[i]->io.super.write_budget,
					 (500 + n) * MIB);
		close_all();
	}
}

/* A caller that owns the loops waits for as long as it said, and not less. */
static void a_wait_with_a_timeout(void **state)
{
	static uint8_t value[5000];

	(void)state;
	rig.attach = 1;
	open_all(all);
	for (uint64_t key = 0; key < 20; key++) {
		struct weir_store_op op = { .kind = WEIR_STORE_PUT,
					    .flags = WEIR_PUT_DURABLE,
					    .key = &key,
					    .key_len = sizeof(key),
					    .value = value,
					    .value_len = sizeof(value) };

		assert_int_equal(weir_store_submit(rig.s, &op), 0);
		assert_int_equal(weir_store_wait(rig.s, &op, 3600 * 1000000000ull), 0);
	}
	close_all();
	rig.attach = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_once, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(nothing_written, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(all_named, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(without, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(set_without_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(marks_of_this_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_share_where_a_stream_is_missing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_share_that_the_newest_lacks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(set_on_all_or_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(set_by_two_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(set_beside_a_stopped_device, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_two, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_that_one_has_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tenant_moves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_without_an_epoch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changed_on_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wait_with_a_timeout, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_devices_open", tests, NULL, NULL);
}
