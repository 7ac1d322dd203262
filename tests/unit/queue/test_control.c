/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_control.c - changing a queue while it runs: switching schedulers with requests below,
 * attributes and tunables, lanes for reads, and settings of single submitters.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "queue/lane/settings.h"
#include "rig.h"

#define N 64

static struct weir_io ios[N];
static unsigned ends[N];
static char memory[N][4096] __attribute__((aligned(4096)));

static void on_end(struct weir_io *io)
{
	ends[io - ios]++;
}

static void submit(unsigned i, uint8_t op, uint64_t block)
{
	if (op == WEIR_OP_READ)
		weir_io_read(&ios[i], block * 4096, memory[i], 4096);
	else
		weir_io_write(&ios[i], block * 4096, memory[i], 4096);
	ios[i].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[i]), 0);
}

static void check_ended(unsigned from, unsigned to, unsigned n)
{
	for (unsigned i = from; i < to; i++)
		assert_int_equal(ends[i], n);
}

static int set_up(void **state)
{
	(void)state;
	rig_init();
	memset(ends, 0, sizeof(ends));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig.hold = false;
	rig_close();
	return 0;
}

static const char *get(const char *name)
{
	static char value[256];

	assert_int_equal(weir_queue_get(rig.q, name, value, sizeof(value)), 0);
	return value;
}

static void an_idle_queue_switches_at_once(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(strncmp(get("scheduler"), "[none] mq-deadline kyber", 24), 0);
	submit(0, WEIR_OP_WRITE, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_non_null(strstr(get("scheduler"), "[kyber]"));
	assert_string_equal(get("read_lat_nsec"), "2000000");
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "elevator"), -EINVAL);
	assert_non_null(strstr(weir_error(), "elevator"));
	submit(1, WEIR_OP_WRITE, 1);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, 2, 1);
}

/* A queue to which no thread has attached yet. */
static void an_unowned_queue_switches(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "mq-deadline"), 0);
	assert_non_null(strstr(get("scheduler"), "[mq-deadline]"));
	submit(0, WEIR_OP_WRITE, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_ptr_equal(rig.q->lanes[0].sched->ops, &sched_mq_deadline);
}

static void ios_that_arrive_during_a_switch_wait(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.depth = 4;
	opts.scheduler = "mq-deadline";
	rig.hold = true;
	rig_open(&opts, NULL);
	for (unsigned i = 0; i < 20; i++) /* 8 have tags, 4 of them are in the engine */
		submit(i, WEIR_OP_WRITE, 2 * i);
	weir_queue_poll(rig.q);
	assert_int_equal(rig.nr_log, 4);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_queue_set(rig.q, "read_expire", "9"), -EBUSY);
	for (unsigned i = 20; i < 30; i++)
		submit(i, WEIR_OP_READ, 2 * i);
	weir_io_read(&ios[30], 0, memory[30], 4096);
	ios[30].end = on_end;
	ios[30].flags = WEIR_IO_NOWAIT;
	assert_int_equal(weir_queue_submit(rig.q, &ios[30]), 0);
	weir_io_flush(&ios[31]);
	ios[31].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[31]), 0);
	rig_complete(7);
	/* One of those with a tag is left, so no other io has started. */
	assert_int_equal(rig.nr_log, 8);
	assert_non_null(strstr(get("scheduler"), "[mq-deadline]"));
	assert_int_equal(ios[30].result, -EAGAIN);
	check_ended(30, 31, 1);
	rig_complete(1);
	weir_queue_poll(rig.q);
	assert_non_null(strstr(get("scheduler"), "[kyber]"));
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, 32, 1);
}

static void a_second_switch_replaces_the_first(void **state)
{
	(void)state;
	rig.hold = true;
	rig_open(NULL, NULL);
	submit(0, WEIR_OP_WRITE, 0);
	weir_queue_poll(rig.q);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "mq-deadline"), 0);
	submit(1, WEIR_OP_WRITE, 1);
	rig_complete(1);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_non_null(strstr(get("scheduler"), "[mq-deadline]"));
	check_ended(0, 2, 1);
}

/* A write is between its flush steps when the switch comes. */
static void flush_steps_survive_a_switch(void **state)
{
	(void)state;
	rig.hold = true;
	rig_open(NULL, NULL);
	weir_io_write(&ios[0], 0, memory[0], 4096);
	ios[0].flags = WEIR_IO_PREFLUSH;
	ios[0].end = on_end;
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	weir_queue_poll(rig.q);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	rig_complete(1);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, 1, 1);
	assert_int_equal(rig.nr_log, 2);
	assert_int_equal(rig.log[0].op, WEIR_OP_FLUSH);
	assert_int_equal(rig.log[1].op, WEIR_OP_WRITE);
}

static void tunables_change_while_it_runs(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.scheduler = "mq-deadline";
	opts.depth = 8;
	rig_open(&opts, NULL);
	assert_string_equal(get("fifo_batch"), "16");
	assert_int_equal(weir_queue_set(rig.q, "iosched/fifo_batch", "3"), 0);
	assert_string_equal(get("iosched/fifo_batch"), "3");
	submit(0, WEIR_OP_WRITE, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(sched_mq_deadline.get(
				 rig.q->lanes[0].sched,
				 (unsigned)sched_find_tunable(&sched_mq_deadline, "fifo_batch")),
			 3);
	assert_int_equal(weir_queue_set(rig.q, "fifo_batch", "4x"), -EINVAL);
	assert_int_equal(weir_queue_set(rig.q, "fifo_batch", "many"), -EINVAL);
	assert_int_equal(weir_queue_set(rig.q, "fifo_batches", "1"), -ENOENT);
	assert_string_equal(get("async_depth"), "16");
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "40"), 0);
	assert_string_equal(get("nr_requests"), "40");
	assert_string_equal(get("async_depth"), "40");
	/* A switch restores the defaults. */
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "none"), 0);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "mq-deadline"), 0);
	assert_string_equal(get("fifo_batch"), "16");
	assert_string_equal(get("nr_requests"), "16");
}

/* Values out of range have the same effect as in a kernel's sysfs, as seen on 6.18. */
static void out_of_range_is_what_the_kernel_makes_of_it(void **state)
{
	static const struct {
		const char *sched, *name, *given, *got; /* got NULL: it is refused */
	} cases[] = {
		{ "mq-deadline", "fifo_batch", "-1", "0" },
		{ "mq-deadline", "async_depth", "0", "1" },
		{ "mq-deadline", "front_merges", "5", "1" },
		{ "mq-deadline", "front_merges", "-3", "0" },
		{ "mq-deadline", "writes_starved", "-5", "-5" },
		{ "mq-deadline", "iosched/read_expire", "-1", "0" },
		{ "mq-deadline", "fifo_batch", "0x10", "16" },
		{ "mq-deadline", "fifo_batch", "010", "8" },
		{ "mq-deadline", "fifo_batch", "+7\n", "7" },
		{ "mq-deadline", "fifo_batch", " 7", NULL },
		{ "mq-deadline", "fifo_batch", "1.5", NULL },
		{ "mq-deadline", "fifo_batch", "", NULL },
		{ "deadline", "write_expire", "-1", "0" },
		{ "bfq", "low_latency", "7", "1" },
		{ "bfq", "back_seek_penalty", "0", "1" },
		{ "bfq", "max_budget", "99999999999", "2147483647" },
		{ "bfq", "slice_idle", "-1", NULL },
		{ "cfq", "fifo_expire_sync", "0", "1" },
		{ "kyber", "read_lat_nsec", "-1", NULL },
		{ "kyber", "read_lat_nsec", "18446744073709551615", "9223372036854775807" },
		{ "kyber", "nomerges", "5", "1" },
		{ "kyber", "nomerges", "-1", NULL },
		{ "kyber", "depth", "0", NULL },
		{ "kyber", "depth_bytes", "0", NULL },
	};

	(void)state;
	rig_open(NULL, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char before[256];

		assert_int_equal(weir_queue_set(rig.q, "scheduler", cases[i].sched), 0);
		snprintf(before, sizeof(before), "%s", get(cases[i].name));
		assert_int_equal(weir_queue_set(rig.q, cases[i].name, cases[i].given),
				 cases[i].got ? 0 : -EINVAL);
		assert_string_equal(get(cases[i].name), cases[i].got ? cases[i].got : before);
	}
}

/* What counts bytes or time takes the units of the command line, and shows plain numbers. */
static void units_are_those_of_the_command_line(void **state)
{
	static const struct {
		const char *sched, *name, *given, *got;
	} cases[] = {
		{ "none", "depth_bytes", "6m", "6291456" },
		{ "none", "depth_bytes", "8MiB", "8388608" },
		{ "none", "depth_bytes", "4096", "4096" },
		{ "none", "max_sectors_kb", "16k", "16" },
		{ "none", "max_sectors_kb", "1g", "64" },
		{ "mq-deadline", "read_expire", "250ms", "250" },
		{ "mq-deadline", "iosched/write_expire", "1.5s", "1500" },
		{ "deadline", "read_expire", "2s", "2000" },
		{ "kyber", "read_lat_nsec", "3ms", "3000000" },
		{ "bfq", "back_seek_max", "8m", "8192" },
		{ "bfq", "max_budget", "1m", "2048" },
		{ "bfq", "slice_idle_us", "2ms", "2000" },
		{ "cfq", "back_seek_max", "1MiB", "1024" },
		{ "cfq", "slice_sync", "1m", "60000" },
		{ "pace", "chunk", "256k", "256" },
	};

	(void)state;
	rig_open(NULL, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(weir_queue_set(rig.q, "scheduler", cases[i].sched), 0);
		if (weir_queue_set(rig.q, cases[i].name, cases[i].given))
			fail_msg("%s", weir_error());
		assert_string_equal(get(cases[i].name), cases[i].got);
	}
}

static void wrong_units_are_refused_in_words(void **state)
{
	static const struct {
		const char *sched, *name, *given, *words;
	} cases[] = {
		{ "none", "depth_bytes", "6q",
		  "'6q' is not a whole number of bytes, 0 or more, or a size such as 8MiB" },
		{ "none", "depth_bytes", "-1m", "'-1m' is not a whole number of bytes" },
		{ "none", "depth_bytes", "2ms", "'2ms' is not a whole number of bytes" },
		{ "none", "depth_bytes", "99999P", "'99999P' is beyond what 64 bits hold" },
		{ "none", "depth_bytes", "9000P", "'9000P' is beyond what 64 bits hold" },
		{ "none", "depth_bytes", "0k", "it goes from 1 to" },
		{ "none", "max_sectors_kb", "1536B", "'1536B' is not a whole number of KiB" },
		{ "none", "scheduler", "kiber", "no such scheduler: kiber: did you mean kyber?" },
		{ "none", "scheduler", "fair", "there are none, mq-deadline, kyber, bfq" },
		{ "none", "nr_requests", "1k",
		  "'1k' is not a whole number of requests, 0 or more" },
		{ "mq-deadline", "fifo_batch", "4k", "'4k' is not a whole number of requests" },
		{ "mq-deadline", "read_expire", "250us", "is not a whole number of ms" },
		{ "mq-deadline", "read_expire", "-2ms",
		  "'-2ms' is not a whole number of ms, or a time such as 2ms" },
		{ "mq-deadline", "read_expire", "8k", "a time such as 2ms" },
		{ "kyber", "read_lat_nsec", "9999999h", "is beyond what 64 bits hold" },
	};

	(void)state;
	rig_open(NULL, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char before[256];

		assert_int_equal(weir_queue_set(rig.q, "scheduler", cases[i].sched), 0);
		snprintf(before, sizeof(before), "%s", get(cases[i].name));
		assert_int_equal(weir_queue_set(rig.q, cases[i].name, cases[i].given), -EINVAL);
		if (!strstr(weir_error(), cases[i].words))
			fail_msg("%s does not say: %s", weir_error(), cases[i].words);
		assert_string_equal(get(cases[i].name), before);
	}
}

static void wrong_names_are_refused_in_words(void **state)
{
	static const struct {
		const char *name, *words;
	} cases[] = {
		{ "nr_request", "did you mean nr_requests?" },
		{ "iosched/read_lat", "(the scheduler is kyber): did you mean read_lat_nsec?" },
		{ "elevator", "no such attribute: elevator (the scheduler is kyber)" },
	};

	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char value[32];

		assert_int_equal(weir_queue_set(rig.q, cases[i].name, "4"), -ENOENT);
		if (!strstr(weir_error(), cases[i].words))
			fail_msg("%s does not say: %s", weir_error(), cases[i].words);
		assert_int_equal(weir_queue_get(rig.q, cases[i].name, value, 32), -ENOENT);
	}
}

/*
 * Values go up and down while ios wait for tags and in the scheduler, on a drive that completes
 * one at a time: it always has one, and all end.
 */
static void attributes_change_under_load(const char *sched, const char *name, const char *low)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	char high[256];

	rig_init();
	memset(ends, 0, sizeof(ends));
	opts.scheduler = sched;
	opts.depth = 8;
	opts.nr_requests = strcmp(sched, "none") ? 32 : 8;
	rig.hold = true;
	rig.nomerges = 0;
	rig_open(&opts, NULL);
	snprintf(high, sizeof(high), "%s", get(name));
	for (unsigned i = 0; i < N; i++)
		submit(i, i % 3 ? WEIR_OP_WRITE : WEIR_OP_READ, i % 2 ? i : 3 * i);
	weir_queue_poll(rig.q);
	for (unsigned k = 0; k < N && rig.q->lanes[0].ended.nr_done < N; k++) {
		assert_int_equal(weir_queue_set(rig.q, name, k % 4 < 2 ? low : high), 0);
		weir_queue_poll(rig.q);
		assert_true(rig.q->lanes[0].out.commands > 0);
		rig_complete(1);
	}
	assert_int_equal(rig.q->lanes[0].ended.nr_done, N);
	check_ended(0, N, 1);
	assert_int_equal(rig.q->lanes[0].tags.nr_free, rig.q->lanes[0].tags.nr);
	rig_close();
}

static void attributes_go_up_and_down_under_load(void **state)
{
	static const char *const low[][2] = { { "nr_requests", "4" },	 { "depth", "1" },
					      { "depth_bytes", "1" },	 { "nomerges", "2" },
					      { "max_sectors_kb", "4" }, { "nomerges", "1" } };
	static const char *const scheds[] = { "none", "noop", "deadline", "mq-deadline", "kyber" };

	(void)state;
	for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++)
		for (size_t k = 0; k < sizeof(scheds) / sizeof(scheds[0]); k++)
			attributes_change_under_load(scheds[k], low[i][0], low[i][1]);
	rig_init();
	rig_open(NULL, NULL);
}

static void nr_requests_has_the_kernels_bounds(void **state)
{
	(void)state;
	rig.hold = true;
	rig_open(NULL, NULL);
	assert_string_equal(get("nr_requests"), "128");
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "129"), -EINVAL);
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "-1"), -EINVAL);
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "3"), 0);
	assert_string_equal(get("nr_requests"), "4");
	for (unsigned i = 0; i < 8; i++)
		submit(i, WEIR_OP_WRITE, 2 * i);
	weir_queue_poll(rig.q);
	assert_int_equal(rig.nr_log, 4);
	rig_complete(8);
	/* The small driver depth stays, below a queue that is still deep. */
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "mq-deadline"), 0);
	assert_string_equal(get("nr_requests"), "256");
	assert_string_equal(get("depth"), "4");
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "2048"), 0);
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "2049"), -EINVAL);
	/* Lowering the limit waits for nothing: requests keep their tags. */
	for (unsigned i = 0; i < 20; i++)
		submit(i, WEIR_OP_WRITE, 2 * i);
	weir_queue_poll(rig.q);
	assert_int_equal(weir_queue_set(rig.q, "nr_requests", "4"), 0);
	for (unsigned i = 20; i < 30; i++)
		submit(i, WEIR_OP_WRITE, 2 * i);
	weir_queue_poll(rig.q);
	assert_int_equal(rig.q->lanes[0].waiting.nr, 10);
	rig.hold = false;
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(8, 30, 1);
}

static void attributes_describe_themselves(void **state)
{
	struct weir_attr attr = WEIR_ATTR_INIT;
	unsigned settable = 0, tunables = 0;
	char value[64];

	(void)state;
	rig_open(&(struct weir_queue_opts){ .size = sizeof(struct weir_queue_opts),
					    .scheduler = "kyber" },
		 NULL);
	for (size_t i = 0; !weir_queue_get_attr(rig.q, i, &attr); i++) {
		assert_true(strlen(attr.name) && strlen(attr.unit) && strlen(attr.summary));
		assert_true(attr.min <= attr.max);
		assert_int_equal(weir_queue_get(rig.q, attr.name, value, sizeof(value)), 0);
		if (attr.flags & WEIR_ATTR_READ_ONLY) {
			assert_int_equal(weir_queue_set(rig.q, attr.name, value), -EPERM);
			continue;
		}
		settable++;
		tunables += attr.flags & WEIR_ATTR_IOSCHED ? 1 : 0;
		snprintf(value, sizeof(value), "%lld", (long long)attr.min);
		assert_int_equal(weir_queue_set(rig.q, attr.name, value), 0);
		assert_string_equal(get(attr.name), value);
	}
	assert_int_equal(settable, 8);
	assert_int_equal(tunables, 2);
	assert_int_equal(weir_queue_get(rig.q, "nr_requests", value, 1), -ENOSPC);
	assert_int_equal(weir_queue_get(rig.q, "scheduler", value, 5), -ENOSPC);
}

static void a_shorter_longest_command(void **state)
{
	static char large[65536] __attribute__((aligned(4096)));

	(void)state;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", "16"), 0);
	weir_io_write(&ios[0], 0, large, sizeof(large));
	assert_int_equal(weir_queue_submit(rig.q, &ios[0]), 0);
	assert_int_equal(weir_io_wait(rig.q, &ios[0], UINT64_MAX), 0);
	assert_int_equal(rig.nr_log, 4);
	assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", "-1"), -EINVAL);
	assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", "65"), 0);
	assert_string_equal(get("max_sectors_kb"), "64");
	assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", "8"), 0);
	assert_int_equal(weir_queue_set(rig.q, "max_sectors_kb", "0"), 0);
	assert_string_equal(get("max_sectors_kb"), "64");
}

static void policies_change_priorities(void **state)
{
	static const struct {
		enum weir_queue_policy policy;
		uint16_t given, expected;
	} cases[] = {
		{ WEIR_QUEUE_POLICY_NO_CHANGE, WEIR_PRIO_RT(1), WEIR_PRIO_RT(1) },
		{ WEIR_QUEUE_POLICY_NO_CHANGE, 0, WEIR_PRIO_BE(4) },
		{ WEIR_QUEUE_POLICY_NO_CHANGE, 3, WEIR_PRIO_BE(3) },
		{ WEIR_QUEUE_POLICY_PROMOTE_TO_RT, WEIR_PRIO_RT(1), WEIR_PRIO_RT(1) },
		{ WEIR_QUEUE_POLICY_PROMOTE_TO_RT, WEIR_PRIO_BE(0), WEIR_PRIO_RT(4) },
		{ WEIR_QUEUE_POLICY_PROMOTE_TO_RT, WEIR_PRIO_IDLE, WEIR_PRIO_RT(4) },
		{ WEIR_QUEUE_POLICY_RESTRICT_TO_BE, WEIR_PRIO_RT(1), WEIR_PRIO_BE(0) },
		{ WEIR_QUEUE_POLICY_RESTRICT_TO_BE, 0, WEIR_PRIO_BE(0) },
		{ WEIR_QUEUE_POLICY_RESTRICT_TO_BE, WEIR_PRIO_BE(7), WEIR_PRIO_BE(7) },
		{ WEIR_QUEUE_POLICY_RESTRICT_TO_BE, WEIR_PRIO_IDLE, WEIR_PRIO_IDLE },
		{ WEIR_QUEUE_POLICY_IDLE, WEIR_PRIO_RT(0), WEIR_PRIO_IDLE },
	};

	(void)state;
	rig_open(NULL, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(weir_queue_submitter_set_policy(rig.q, 7, cases[i].policy), 0);
		assert_int_equal(settings_prio(rig.q, 7, cases[i].given), cases[i].expected);
		assert_int_equal(settings_prio(rig.q, 8, WEIR_PRIO_RT(2)), WEIR_PRIO_RT(2));
	}
	assert_int_equal(weir_queue_submitter_set_policy(rig.q, 7, 4), -EINVAL);
}

static struct sched_ops weighted;
static uint32_t weights[16];

static int weighted_init(struct sched **s, const struct sched_env *env)
{
	int err = sched_mq_deadline.init(s, env);

	if (!err)
		(*s)->ops = &weighted;
	return err;
}

static int set_weight(struct sched *s, uint32_t submitter, uint32_t weight)
{
	(void)s;
	weights[submitter] = weight;
	return 0;
}

static void weights_reach_the_scheduler(void **state)
{
	(void)state;
	weighted = sched_mq_deadline;
	weighted.init = weighted_init;
	weighted.set_weight = set_weight;
	memset(weights, 0, sizeof(weights));
	rig_open(NULL, &weighted);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 9, 300), 0);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 4, 10), 0);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 9, 301), 0);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 4, 0), -EINVAL);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 4, 1001), -EINVAL);
	submit(0, WEIR_OP_READ, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(weights[9], 301);
	assert_int_equal(weights[4], 10);
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "none"), 0);
	assert_int_equal(weir_queue_submitter_set_weight(rig.q, 4, 10), -EOPNOTSUPP);
}

static unsigned closing, go_on; /* atomic */

/* The owner of lane 1 has left its loop, but is still the owner. */
static void wait_in_close(struct engine *e)
{
	if (e->params.owner != &rig.q->lanes[1])
		return;
	__atomic_store_n(&closing, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void *attach_and_detach(void *arg)
{
	(void)arg;
	assert_int_equal(weir_queue_attach(rig.q, 1), 0);
	assert_int_equal(weir_queue_detach(rig.q), 0);
	return NULL;
}

/* The switch waits for it last, and it does not run the loop any more. */
static void a_detaching_owner_delays_no_switch(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	pthread_t thread;

	(void)state;
	opts.lanes = 2;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		rig_open(NULL, NULL);
		skip();
	}
	closing = go_on = 0;
	rig.on_close = wait_in_close;
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, attach_and_detach, NULL), 0);
	while (!__atomic_load_n(&closing, __ATOMIC_ACQUIRE))
		sched_yield();
	assert_int_equal(weir_queue_set(rig.q, "scheduler", "kyber"), 0);
	assert_non_null(strstr(get("scheduler"), "[none]"));
	__atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_non_null(strstr(get("scheduler"), "[kyber]"));
	submit(0, WEIR_OP_WRITE, 0);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(0, 1, 1);
}

/*
 * Registered memory is used from the next io on, even if the owner has begun to take what others
 * staged.
 */
static void ios_after_a_registration_use_it(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.workers = 1;
	opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
	rig_open(&opts, NULL);
	/*
	 * Not the lock of any thread, as these count from 1; the worker comes here first and
	 * waits.
	 */
	pthread_mutex_lock(&rig.q->ctxs[0].lock);
	assert_int_equal(weir_queue_set_depth(rig.q, 32), 0);
	while (__atomic_load_n(&rig.q->lanes[0].sleep.staged, __ATOMIC_ACQUIRE))
		sched_yield();
	usleep(1000);
	assert_int_equal(weir_queue_register(rig.q, memory[0], 4096), 0);
	submit(0, WEIR_OP_WRITE, 0);
	pthread_mutex_unlock(&rig.q->ctxs[0].lock);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	assert_int_equal(rig.log[0].buf_index, 0);
}

static void *stage(void *first)
{
	for (unsigned i = 0; i < 8; i++)
		submit(*(unsigned *)first + i, i & 1 ? WEIR_OP_READ : WEIR_OP_WRITE, 2 * i);
	return NULL;
}

/*
 * Reads are scheduled on the lanes that are set aside for them, whoever submits, and no other ios
 * are.
 */
static void lanes_for_reads(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	unsigned first = 0;
	pthread_t thread;

	(void)state;
	opts.lanes = 2;
	opts.read_lanes = 1;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		rig_open(NULL, NULL);
		skip();
	}
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, stage, &first), 0);
	pthread_join(thread, NULL);
	for (int i = 0; i < 10; i++)
		weir_queue_poll(rig.q);
	assert_int_equal(rig.nr_log, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rig.log[i].op, WEIR_OP_WRITE);
	assert_int_equal(weir_queue_detach(rig.q), 0);
	assert_int_equal(weir_queue_attach(rig.q, 1), 0);
	assert_int_equal(weir_queue_detach(rig.q), 0);
	assert_int_equal(rig.q->lanes[1].stats->op[WEIR_OP_READ].ios, 4);
	check_ended(0, 8, 1);
}

static void an_owners_reads_go_to_their_lane(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.lanes = 2;
	opts.read_lanes = 1;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		rig_open(NULL, NULL);
		skip();
	}
	rig_open(&opts, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	submit(0, WEIR_OP_WRITE, 0);
	submit(1, WEIR_OP_READ, 0);
	for (int i = 0; i < 10; i++)
		weir_queue_poll(rig.q);
	check_ended(0, 1, 1);
	check_ended(1, 2, 0); /* no thread runs lane 1 */
	assert_int_equal(rig.q->lanes[1].inbox.forwarded.count, 1);
	assert_int_equal(owner_attach(&rig.q->lanes[1]), 0);
	owner_detach(&rig.q->lanes[1]);
	assert_int_equal(weir_queue_wait(rig.q), 0);
	check_ended(1, 2, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_idle_queue_switches_at_once),
		T(an_unowned_queue_switches),
		T(ios_that_arrive_during_a_switch_wait),
		T(a_second_switch_replaces_the_first),
		T(flush_steps_survive_a_switch),
		T(tunables_change_while_it_runs),
		T(out_of_range_is_what_the_kernel_makes_of_it),
		T(units_are_those_of_the_command_line),
		T(wrong_units_are_refused_in_words),
		T(wrong_names_are_refused_in_words),
		T(attributes_go_up_and_down_under_load),
		T(nr_requests_has_the_kernels_bounds),
		T(attributes_describe_themselves),
		T(a_shorter_longest_command),
		T(policies_change_priorities),
		T(weights_reach_the_scheduler),
		T(a_detaching_owner_delays_no_switch),
		T(ios_after_a_registration_use_it),
		T(lanes_for_reads),
		T(an_owners_reads_go_to_their_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
