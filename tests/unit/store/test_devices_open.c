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
#include "store/parts.h"
#include "store/tenants.h"

/* What the engine below does, and what it has seen. A recovery begins with a flush. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool holds;	       /* the first read of a recovery waits for those of all devices */
	unsigned came;	       /* devices whose recovery has read */
	unsigned alone;	       /* reads that waited in vain */
	bool fails[DEVICES];   /* reads of a recovery of this device fail */
	bool flushed[DEVICES]; /* its recovery has begun */
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
			struct share_question ask = { { tenant_run_share }, stream, 80 + n % 2 };

			assert_int_equal(wait_inner(rig.s->parts->part[gone], &ask.inner), 0);
		}
		assert_int_equal(weir_store_set_share(rig.s, stream, 60), 0);
		close_all();
		assert_int_equal(try_open(some, 1), 0);
		assert_int_equal(weir_store_set_share(rig.s, stream, 30 + gone), 0);
		assert_int_equal(weir_store_set_write_budget(rig.s, (900 + gone) * MIB), 0);
		close_all();
		open_all(all);
		for (uint32_t n = 0; n < DEVICES; n++) {
			const struct super *super = &rig.s->parts->part[n]->io.super;

			assert_int_equal(share_on(n, stream), 30 + gone);
			assert_int_equal(super->write_budget, (900 + gone) * MIB / DEVICES);
			assert_int_equal(super->epoch, rig.s->io.super.epoch);
		}
		close_all();
	}
	open_all(all);
	assert_int_equal(weir_store_add_tenant(rig.s, "one", &again), 0);
	assert_int_equal(again, stream);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_once, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(nothing_written, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(all_named, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(without, set_up_keys, tear_down),
		cmocka_unit_test_setup_teardown(set_without_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tenant_moves, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("store_devices_open", tests, NULL, NULL);
}
