/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_placement.c - placement updates on their way through a queue, and placement ids on a drive
 * that has them: the test gives the device a list of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op_stats.h"
#include "device/state.h"
#include "rig.h"

#define IOS 8u
#define IDS 3u

static char memory[4096] __attribute__((aligned(4096)));
static struct weir_io ios[IOS];

/* Makes the answer of a drive: ids that are neither indexes nor in order. */
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

static void placement_updates_reach_the_engine_unchanged(void **state)
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
	assert_int_equal(weir_queue_get_stats(rig.q, &stats), 0);
	assert_int_equal(op_stats(rig.q, WEIR_OP_PLACEMENT_UPDATE).ios, 4);
	assert_int_equal(op_stats(rig.q, WEIR_OP_PLACEMENT_UPDATE).bytes, 0);
	assert_int_equal(op_stats(rig.q, WEIR_OP_PLACEMENT_UPDATE).device.count, 4);
	assert_int_equal(stats.requests, 4);
}

/* No scheduler sees a placement update, and no write that waits for room delays it. */
static void placement_updates_skip_the_scheduler(void **state)
{
	static const char *const names[] = { "none", "mq-deadline", "kyber", "bfq",
					     "noop", "deadline",    "cfq",   "pace" };

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

static unsigned told; /* how often a scheduler was told of a request */

static void told_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	told++;
	sched_find("noop")->insert(s, list, now);
}

static void told_completed(struct sched *s, struct sched_rq *rq, uint64_t now)
{
	(void)s;
	(void)rq;
	(void)now;
	told++;
}

static void told_finish(struct sched *s, struct sched_rq *rq)
{
	(void)s;
	(void)rq;
	told++;
}

static int told_init(struct sched **s, const struct sched_env *env)
{
	static struct sched_ops ops;
	int err = sched_find("noop")->init(s, env);

	ops = *sched_find("noop");
	ops.insert = told_insert;
	ops.completed = told_completed;
	ops.finish = told_finish;
	if (!err)
		(*s)->ops = &ops;
	return err;
}

static void no_scheduler_is_told(void **state)
{
	static struct sched_ops ops; /* used by the queue until teardown() */

	(void)state;
	ops = *sched_find("noop");
	ops.init = told_init;
	rig_open(NULL, &ops);
	told = 0;
	assert_int_equal(submit_update(0, 7), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(told, 0);
	submit_write(1, 7);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(told, 3); /* inserted, completed, finished */
}

static void placement_updates_need_a_tag(void **state)
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
	assert_int_equal(weir_io_wait(rig.q, &ios[1], UINT64_MAX), 0);
}

static void data_goes_after_the_flush_that_it_asks_for(void **state)
{
	(void)state;
	rig.info.write_cache = 1;
	rig_open(NULL, NULL);
	weir_io_placement_update(&ios[0], 7);
	ios[0].flags = WEIR_IO_PREFLUSH;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
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
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
	assert_int_equal(rig.nr_log, 1);
}

static void errors_name_the_placement_id(void **state)
{
	char words[128];

	(void)state;
	rig.fail_error = -EIO;
	rig_open(NULL, NULL);
	assert_int_equal(submit_update(0, 300), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), -EIO);
	assert_string_equal(weir_io_strerror(&ios[0], words, sizeof(words)),
			    "placement update of id 300: Input/output error");
}

static void an_unknown_placement_id(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(submit_update(0, 1), -EINVAL);
	assert_non_null(strstr(weir_error(), "no placement id 1: there are 3"));
	assert_int_equal(rig.nr_log, 0);
}

static void placement_updates_have_no_offset(void **state)
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
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
}

static void other_engines_refuse_updates(void **state)
{
	(void)state;
	rig.engine_flags = 0;
	rig_open(NULL, NULL);
	check_refused(-EOPNOTSUPP, "engine rig cannot update a placement id: it takes uring_cmd");
}

static void no_updates_without_fdp(void **state)
{
	(void)state;
	weir_fdp_free(rig.dev->fdp);
	rig.dev->fdp = drive(false);
	rig_open(NULL, NULL);
	check_refused(-EOPNOTSUPP, "FDP is not enabled here");
}

static void no_updates_on_a_read_only_device(void **state)
{
	(void)state;
	rig.dev->flags |= WEIR_DEVICE_READ_ONLY;
	rig_open(NULL, NULL);
	check_refused(-EROFS, "read-only");
}

static struct weir_placement_stats placement_stats(size_t index)
{
	struct weir_placement_stats stats = WEIR_PLACEMENT_STATS_INIT;

	assert_int_equal(weir_queue_get_placement_stats(rig.q, index, &stats), 0);
	assert_int_equal(stats.size, sizeof(stats));
	return stats;
}

static void check_placement_counts(size_t index, uint32_t id, uint64_t n, uint64_t errors)
{
	struct weir_placement_stats stats = placement_stats(index);

	assert_int_equal(stats.id, id);
	assert_int_equal(stats.ios, n);
	assert_int_equal(stats.errors, errors);
	assert_int_equal(stats.bytes, (n - errors) * sizeof(memory));
}

/* Each write counts once, for the id that it names; other commands do not count. */
static void writes_are_counted_by_id(void **state)
{
	struct weir_placement_stats stats = WEIR_PLACEMENT_STATS_INIT;

	(void)state;
	rig.nomerges = 0;
	rig.fail_error = -EIO;
	rig.fail_offset = 3 * sizeof(memory);
	rig_open(NULL, NULL);
	submit_write(0, 7);
	submit_write(1, 300);
	submit_write(2, 300); /* merged into the one before */
	submit_write(3, 7);
	submit_write(4, 0);
	weir_io_read(&ios[5], 1 << 20, memory, sizeof(memory));
	ios[5].placement = 7;
	assert_int_equal(weir_queue_submit(rig.q, &ios[5]), 0);
	weir_io_write_zeroes(&ios[6], 2 << 20, 4096);
	ios[6].placement = 7;
	assert_int_equal(weir_queue_submit(rig.q, &ios[6]), 0);
	assert_int_equal(submit_update(7, 7), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(ios[3].result, -EIO);
	check_placement_counts(0, 0, 1, 0);
	check_placement_counts(1, 7, 2, 1);
	check_placement_counts(2, 300, 2, 0);
	assert_int_equal(weir_queue_get_placement_stats(rig.q, 3, &stats), -ENOENT);
	stats.size = 0;
	assert_int_equal(weir_queue_get_placement_stats(rig.q, 0, &stats), -EINVAL);
}

static void a_split_write_counts_once(void **state)
{
	const size_t length = 5 * 65536;
	void *buf = aligned_alloc(4096, length);

	(void)state;
	assert_non_null(buf);
	memset(buf, 0, length);
	rig_open(NULL, NULL);
	weir_io_write(&ios[0], 0, buf, length);
	ios[0].placement = 300;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.nr_log, 5);
	assert_int_equal(placement_stats(2).ios, 1);
	assert_int_equal(placement_stats(2).bytes, length);
	free(buf);
}

/* Id 0 may be missing from the list; and the counts of all lanes are added. */
static void all_lanes_together(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	uint32_t lanes = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;

	(void)state;
	opts.lanes = lanes;
	weir_fdp_free(rig.dev->fdp);
	rig.dev->fdp = drive(true);
	/* The list is behind the struct: see drive(). */
	((struct weir_fdp_placement *)(rig.dev->fdp + 1))[1].id = 8;
	rig_open(&opts, NULL);
	for (uint32_t lane = 0; lane < lanes; lane++) {
		assert_int_equal(weir_queue_attach(rig.q, lane), 0);
		for (unsigned i = 0; i < 3; i++)
			submit_write(i, i == 2 ? 0 : 8);
		assert_int_equal(weir_queue_wait(rig.q), 0);
		assert_int_equal(weir_queue_detach(rig.q), 0);
	}
	check_placement_counts(0, 7, 0, 0);
	check_placement_counts(1, 8, 2 * lanes, 0);
	check_placement_counts(2, 300, 0, 0);
}

static void none_without_ids(void **state)
{
	struct weir_placement_stats stats = WEIR_PLACEMENT_STATS_INIT;

	(void)state;
	weir_fdp_free(rig.dev->fdp);
	rig.dev->fdp = NULL;
	rig_open(NULL, NULL);
	submit_write(0, 5);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(weir_queue_get_placement_stats(rig.q, 0, &stats), -ENOENT);
}

static void check_write_refused(const char *words)
{
	weir_io_write(&ios[0], 0, memory, sizeof(memory));
	ios[0].placement = 77;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), words));
}

/* Such ids are not passed on unchecked: a drive takes an unknown id for id 0. */
static void refused_where_ids_cannot_be_learned(void **state)
{
	enum weir_device_kind kind = rig.dev->info.kind;

	(void)state;
	weir_fdp_free(rig.dev->fdp);
	rig.dev->fdp = NULL;
	strcpy(rig.dev->fdp_words, "it does not say");
	rig_open(NULL, NULL);
	rig.dev->info.kind = WEIR_DEVICE_NVME_CHAR;
	check_write_refused("which ids the drive has cannot be learned: it does not say");
	rig.dev->info.kind = WEIR_DEVICE_BLOCK;
	check_write_refused("only an NVMe character device");
	rig.dev->info.kind = kind;
	submit_write(0, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(placement_updates_reach_the_engine_unchanged),
		T(placement_updates_skip_the_scheduler),
		T(no_scheduler_is_told),
		T(placement_updates_need_a_tag),
		T(data_goes_after_the_flush_that_it_asks_for),
		T(refused_by_the_engine_it_goes_again),
		T(errors_name_the_placement_id),
		T(an_unknown_placement_id),
		T(placement_updates_have_no_offset),
		T(other_engines_refuse_updates),
		T(no_updates_without_fdp),
		T(no_updates_on_a_read_only_device),
		T(writes_are_counted_by_id),
		T(a_split_write_counts_once),
		T(all_lanes_together),
		T(none_without_ids),
		T(refused_where_ids_cannot_be_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
