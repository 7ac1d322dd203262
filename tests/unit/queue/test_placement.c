/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_placement.c - placement updates on their way through a queue, and placement ids on a drive
 * that has some: the device is given a list of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/state.h"
#include "rig.h"

#define IOS 8u
#define IDS 3u

static char memory[4096] __attribute__((aligned(4096)));
static struct weir_io ios[IOS];

/* What the drive says: ids that are neither positions nor in order. */
static struct weir_fdp *drive(bool enabled)
{
	static const uint16_t ids[IDS] = { 7, 0, 300 };
	struct {
		struct weir_fdp fdp;
		struct weir_fdp_placement placements[IDS];
	} *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->fdp.supported = 1;
	d->fdp.enabled = enabled;
	for (unsigned i = 0; enabled && i < IDS; i++)
		d->placements[i].id = ids[i];
	d->fdp.placements = d->placements;
	d->fdp.nr_placements = enabled ? IDS : 0;
	return &d->fdp;
}

static int setup(void **state)
{
	(void)state;
	rig_init();
	rig.engine_flags = ENGINE_PLACEMENT_UPDATE;
	rig.dev->fdp = drive(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static int submit_update(unsigned i, uint16_t id)
{
	weir_io_placement_update(&ios[i], id);
	return weir_queue_submit(rig.q, &ios[i]);
}

static void submit_write(unsigned i, uint16_t id)
{
	weir_io_write(&ios[i], i * sizeof(memory), memory, sizeof(memory));
	ios[i].placement = id;
	assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
}

static void check_refused(int err, const char *words)
{
	assert_int_equal(submit_update(0, 7), err);
	if (!strstr(weir_error(), words))
		fail_msg("%s", weir_error());
	assert_int_equal(rig.nr_log, 0);
}

static void reaches_the_engine_as_it_is(void **state)
{
	static const uint16_t ids[] = { 300, 0, 300, 7 };
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	(void)state;
	rig.nomerges = 0;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(submit_update(i, ids[i]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.nr_log, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(rig.log[i].op, WEIR_OP_PLACEMENT_UPDATE);
		assert_int_equal(rig.log[i].placement, ids[i]);
		assert_int_equal(rig.log[i].length, 0);
		assert_int_equal(rig.log[i].buf_index, -1);
		assert_int_equal(ios[i].result, 0);
	}
	assert_int_equal(weir_queue_stats(rig.q, &stats), 0);
	assert_int_equal(stats.op[WEIR_OP_PLACEMENT_UPDATE].ios, 4);
	assert_int_equal(stats.op[WEIR_OP_PLACEMENT_UPDATE].bytes, 0);
	assert_int_equal(stats.op[WEIR_OP_PLACEMENT_UPDATE].device.count, 4);
	assert_int_equal(stats.requests, 4);
}

/* Whatever the scheduler: it never sees one, nor does a write that waits for room hold it back. */
static void passes_the_scheduler_by(void **state)
{
	static const char *const names[] = { "none", "mq-deadline", "kyber", "bfq",
					     "noop", "deadline",    "cfq" };

	(void)state;
	for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

		opts.scheduler = names[n];
		opts.depth_bytes = 1;
		rig.hold = true;
		rig_open(&opts, NULL);
		submit_write(0, 7);
		weir_queue_poll(rig.q);
		submit_write(2, 7);
		assert_int_equal(submit_update(1, 7), 0);
		weir_queue_poll(rig.q);
		assert_int_equal(rig.nr_log, 2);
		assert_int_equal(rig.log[0].op, WEIR_OP_WRITE);
		assert_int_equal(rig.log[1].op, WEIR_OP_PLACEMENT_UPDATE);
		rig.hold = false;
		assert_int_equal(weir_queue_wait(rig.q), 0);
		assert_int_equal(rig.nr_log, 3);
		if (n + 1 < sizeof(names) / sizeof(names[0])) {
			teardown(NULL);
			setup(NULL);
		}
	}
}

static void needs_a_tag(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 1;
	rig.hold = true;
	rig_open(&opts, NULL);
	submit_write(0, 0);
	weir_queue_poll(rig.q);
	assert_int_equal(submit_update(1, 0), 0);
	weir_io_placement_update(&ios[2], 0);
	ios[2].flags = WEIR_IO_NOWAIT;
	assert_int_equal(weir_queue_submit(rig.q, &ios[2]), 0);
	weir_queue_poll(rig.q);
	assert_int_equal(ios[2].result, -EAGAIN);
	assert_int_equal(rig.nr_log, 1);
	rig_complete(1);
	assert_int_equal(rig.nr_log, 2);
	rig_complete(1);
	assert_int_equal(weir_io_wait(rig.q, &ios[1]), 0);
}

static void after_a_flush_where_it_asks_for_one(void **state)
{
	(void)state;
	rig.info.write_cache = 1;
	rig_open(NULL, NULL);
	weir_io_placement_update(&ios[0], 7);
	ios[0].flags = WEIR_IO_PREFLUSH;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0]), 0);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].op, WEIR_OP_FLUSH);
	assert_int_equal(rig.log[1].op, WEIR_OP_PLACEMENT_UPDATE);
}

static void refused_by_the_engine_it_goes_again(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	rig.offers = 1;
	rig.refuse_every = 2;
	assert_int_equal(submit_update(0, 7), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0]), 0);
	assert_int_equal(rig.nr_log, 1);
}

static void an_error_is_said_with_the_id(void **state)
{
	char words[128];

	(void)state;
	rig.fail_error = -EIO;
	rig_open(NULL, NULL);
	assert_int_equal(submit_update(0, 300), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0]), -EIO);
	assert_string_equal(weir_io_strerror(&ios[0], words, sizeof(words)),
			    "placement update of id 300: Input/output error");
}

static void an_id_that_is_not_there(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(submit_update(0, 1), -EINVAL);
	assert_non_null(strstr(weir_error(), "no placement id 1: there are 3"));
	assert_int_equal(rig.nr_log, 0);
}

static void has_no_place(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	weir_io_placement_update(&ios[0], 7);
	ios[0].offset = 4096;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), -EINVAL);
	ios[0].offset = 0;
	ios[0].length = 4096;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), -EINVAL);
	ios[0].length = 0;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0]), 0);
}

static void other_engines_cannot(void **state)
{
	(void)state;
	rig.engine_flags = 0;
	rig_open(NULL, NULL);
	check_refused(-EOPNOTSUPP, "engine rig cannot update a placement id: it takes uring_cmd");
}

static void without_fdp_neither(void **state)
{
	(void)state;
	weir_fdp_free(rig.dev->fdp);
	rig.dev->fdp = drive(false);
	rig_open(NULL, NULL);
	check_refused(-EOPNOTSUPP, "FDP is not enabled here");
}

static void nor_read_only(void **state)
{
	(void)state;
	rig.dev->flags |= WEIR_DEVICE_READ_ONLY;
	rig_open(NULL, NULL);
	check_refused(-EROFS, "read-only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(reaches_the_engine_as_it_is),
		T(passes_the_scheduler_by),
		T(needs_a_tag),
		T(after_a_flush_where_it_asks_for_one),
		T(refused_by_the_engine_it_goes_again),
		T(an_error_is_said_with_the_id),
		T(an_id_that_is_not_there),
		T(has_no_place),
		T(other_engines_cannot),
		T(without_fdp_neither),
		T(nor_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
