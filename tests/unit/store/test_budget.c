/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_budget.c - the write budget: what is spent, what is paid back, which puts are refused, and
 * that neither a restart nor a clock that goes back gives anything back.
 *
 * Time is virtual: where a test needs hours it moves the time at which the books were kept.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/seen.h"
#include "memdisk.h"
#include "store/log/logs.h"
#include "store/store.h"

#define SEGMENT (64u << 10)
#define BUDGET (16ull << 20)
#define HOUR (3600 * NSEC_PER_SEC)
#define LENGTH 20000u
/* A test takes less than 100 seconds, in which this is paid back. */
#define PAID (BUDGET / 864)

static struct rig rig = { .engine = "posix", .attach = 1 };

static struct weir_store_stats stats_of(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

static void set_up(void)
{
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	assert_int_equal(weir_store_set_write_budget(rig.s, BUDGET), 0);
}

/* Lets NS go by. */
static void pass(uint64_t ns)
{
	struct spend *s = &rig.s->io.wear.spend;
	uint64_t time = s->time;

	/* The clock of the machine may not have run for so long. */
	spend_advance(s, time + ns);
	s->time = time;
}

/* Puts new keys from FROM on until one is refused. Returns the one that was. */
static uint64_t put_until_refused(uint64_t from)
{
	int err = 0;

	while (!err) {
		assert_true(from < 100000);
		err = rig_put(&rig, from, 1, LENGTH, 0);
		from += !err;
	}
	assert_int_equal(err, -EDQUOT);
	assert_non_null(strstr(weir_error(), "is spent (weir_store_set_write_budget())"));
	return from;
}

/* Overwrites KEY until that is refused. */
static void overwrite_until_refused(uint64_t key)
{
	int err = 0;

	for (uint64_t n = 2; !err; n++)
		err = rig_put(&rig, key, n, LENGTH, 0);
	assert_int_equal(err, -EDQUOT);
}

static void time_pays_back_evenly(void **state)
{
	struct spend s = { .per_day = 1000, .time = 5 };
	uint64_t now = 5, day;

	(void)state;
	spend_take(&s, 1000);
	assert_false(spend_admits(&s, true));
	now += SPEND_DAY_NS / 2;
	spend_advance(&s, now);
	assert_int_equal(s.spent, 500);
	/* Steps that pay less than a byte add up. */
	for (uint64_t n = 0; n < 4000; n++) {
		now += SPEND_DAY_NS / 10000;
		spend_advance(&s, now);
	}
	assert_in_range(s.spent, 99, 101);
	/* What is not used is kept for a day, not longer. */
	spend_advance(&s, now + 10 * SPEND_DAY_NS);
	assert_int_equal(s.spent, 0);
	/* Ten days of writing whatever is admitted. */
	s = (struct spend){ .per_day = 1000 };
	for (day = now = 0; now < 10 * SPEND_DAY_NS; now += SPEND_DAY_NS / 5000) {
		spend_advance(&s, now);
		for (; spend_admits(&s, true); day++)
			spend_take(&s, 1);
	}
	assert_in_range(day, 10900, 11000);
}

static void a_clock_that_goes_back(void **state)
{
	struct spend s = { .per_day = 1000, .spent = 800, .time = 9 * HOUR };

	(void)state;
	spend_advance(&s, 8 * HOUR);
	assert_int_equal(s.spent, 800);
	/* The hour between is not paid twice, and what comes then is paid. */
	spend_advance(&s, 8 * HOUR + SPEND_DAY_NS / 10);
	assert_int_equal(s.spent, 700);
	spend_take(&s, UINT64_MAX);
	assert_int_equal(s.spent, UINT64_MAX);
	spend_advance(&s, UINT64_MAX);
	assert_false(spend_admits(&s, true));
}

/* The table knows the last million keys, and mistakes few for others. */
static void seen_keys(void **state)
{
	uint64_t seed = 3, n, random, again = 0, known = 0;
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(seen_init(&seen), 0);
	assert_int_equal(seen_init(&seen), 0);
	for (n = 0; n < 4000000 / RIG_EVERY; n++)
		again += seen_note(&seen, rig_random(&seed));
	assert_true(again < 3);
	for (n = seed = 3; n < 503; n++) {
		random = rig_random(&seed);
		known += seen_note(&seen, random);
		assert_true(seen_note(&seen, random));
	}
	/* The first ones are forgotten, unless a sanitizer made the test short. */
	assert_true(RIG_EVERY > 1 || !known);
	for (n = 0, seed = 9, known = 0; n < 500000; n++)
		(void)seen_note(&seen, rig_random(&seed));
	for (n = 0, seed = 9; n < 500000; n++)
		known += seen_note(&seen, rig_random(&seed));
	assert_true(known > 495000);
	seen_free(&seen);
}

/* New keys are refused first, then all puts; what is there can be read and deleted. */
static void new_keys_are_refused_first(void **state)
{
	struct weir_store_why why = WEIR_STORE_WHY_INIT;
	struct weir_store_stats stats;
	uint64_t key, last;

	(void)state;
	set_up();
	key = put_until_refused(0);
	stats = stats_of();
	assert_in_range(stats.written_bytes, BUDGET / 8 * 7 - (64 << 10),
			BUDGET / 8 * 7 + (64 << 10) + PAID);
	assert_int_equal(stats.refused_puts, 1);
	assert_int_equal(stats.refused_bytes, LENGTH);
	assert_true(strstr(weir_error(), "what the store may write a day is spent"));
	assert_int_equal(weir_store_get_why(rig.s, &key, sizeof(key), &why), 0);
	assert_int_equal(why.there, 0);
	assert_int_equal(why.reason, WEIR_LEAVE_REFUSED);
	/* It was seen by now. */
	assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	assert_int_equal(rig_put(&rig, key + 1, 1, LENGTH, 0), -EDQUOT);
	/* So were keys that were evicted, and those that are there. */
	assert_int_equal(rig_put(&rig, 3, 1, LENGTH, 0), 0);
	overwrite_until_refused(key);
	stats = stats_of();
	/* The last put may have moved much, to reach the garbage of the overwrites. */
	assert_in_range(stats.written_bytes, BUDGET - (64 << 10), BUDGET + (3 << 20) + PAID);
	/* A put that was refused changes nothing. */
	assert_int_equal(rig_put(&rig, key - 1, 7, LENGTH, 0), -EDQUOT);
	assert_int_equal(rig_get(&rig, key - 1, 1, LENGTH), 1);
	assert_int_equal(weir_store_get_why(rig.s, &key, sizeof(key), &why), 0);
	assert_int_equal(why.there, 1);
	/* Nothing leaves for a put that is refused. */
	last = stats.evicted_entries;
	for (uint64_t n = 0; n < 200; n++)
		assert_int_equal(rig_put(&rig, 200000 + n, 1, LENGTH, 0), -EDQUOT);
	assert_int_equal(stats_of().evicted_entries, last);
	assert_int_equal(rig_delete(&rig, key - 1, 0), 0);
	assert_int_equal(rig_get(&rig, key - 1, 1, LENGTH), -ENOENT);
	/* Some hours pay for keys that were seen, some more for new ones. */
	pass((stats_of().budget_spent_bytes - BUDGET / 16 * 15) / (BUDGET / 24) * HOUR + HOUR);
	assert_int_equal(rig_put(&rig, 300000, 1, LENGTH, 0), -EDQUOT);
	assert_int_equal(rig_put(&rig, 300000, 1, LENGTH, 0), 0);
	pass(3 * HOUR);
	assert_int_equal(rig_put(&rig, 300001, 1, LENGTH, 0), 0);
	memdisk_tear_down(&rig);
}

static uint64_t written, begun;

static void count_write(const struct weir_cmd *cmd, int ended)
{
	if (!ended && cmd->op == WEIR_OP_WRITE)
		written += cmd->length;
}

/* Returns what was spent, and fails unless it is what was written. */
static void check_spent(uint64_t before)
{
	uint64_t spent = stats_of().budget_spent_bytes - before;
	uint64_t paid = spend_paid(4 * BUDGET, clock_now() - begun) + 1;

	if (spent > written || written - spent > paid)
		fail_msg("%d bytes were written, and %d were spent", (int)written, (int)spent);
}

/* Every byte counts: headers, footers, free marks, what survives, superblocks, a recovery. */
static void all_writes_are_spent(void **state)
{
	uint64_t key, before;

	(void)state;
	set_up();
	assert_int_equal(weir_store_set_write_budget(rig.s, 4 * BUDGET), 0);
	begun = clock_now();
	before = stats_of().budget_spent_bytes;
	written = 0;
	memdisk.watch = count_write;
	for (key = 0; key < 400; key++) {
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
		(void)rig_get(&rig, key / 2, 1, LENGTH);
		assert_int_equal(rig_put(&rig, 1000, key, 300, 0), 0);
	}
	assert_int_equal(weir_store_sync(rig.s), 0);
	assert_true(stats_of().survivors > 10);
	assert_true(stats_of().evicted_segments > 20);
	check_spent(before);
	assert_int_equal(memdisk_reopen(&rig), 0);
	check_spent(before);
	memdisk.watch = NULL;
	memdisk_tear_down(&rig);
}

/* Restarts give nothing back: neither an orderly one nor a power cut nor a kill. */
static void restarts_give_nothing_back(void **state)
{
	uint64_t spent, key;

	(void)state;
	set_up();
	key = put_until_refused(0);
	spent = stats_of().budget_spent_bytes;
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_in_range(stats_of().budget_spent_bytes, spent - PAID, spent + (64 << 10));
	assert_int_equal(rig_put(&rig, key + 1, 1, LENGTH, 0), -EDQUOT);
	/* 30 restarts cost what they write. */
	spent = stats_of().budget_spent_bytes;
	for (unsigned n = 0; n < 30; n++)
		assert_int_equal(memdisk_reopen(&rig), 0);
	assert_in_range(stats_of().budget_spent_bytes, spent, spent + 30 * (40 << 10));
	memdisk_tear_down(&rig);
	set_up();
	for (key = 0; key < 300; key += 30) {
		for (uint64_t n = 0; n < 30; n++)
			assert_int_equal(rig_put(&rig, key + n, 1, LENGTH, 0), 0);
		spent = stats_of().budget_spent_bytes;
		if (key % 60)
			memdisk_power_off(&rig);
		else
			memdisk_close(&rig);
		memdisk_power_on(&rig);
		assert_true(stats_of().budget_spent_bytes >= spent - PAID);
		assert_true(stats_of().budget_spent_bytes < spent + (2 << 20));
	}
	memdisk_tear_down(&rig);
}

/* Changes the time in both superblock copies of the closed store by NS. */
static void move_time(int64_t ns)
{
	uint64_t at[2] = { 0, layout_second_copy(memdisk.bytes) };
	struct super super;
	uint32_t version;

	for (uint32_t n = 0; n < 2; n++) {
		struct disk_super *disk = (void *)(memdisk.now + at[n]);

		assert_int_equal(super_decode(&super, disk, n + 1, &version), SUPER_VALID);
		super.budget_time_ns += (uint64_t)ns;
		super_encode(disk, &super, n + 1);
		memcpy(memdisk.medium + at[n], disk, sizeof(*disk));
	}
}

static void time_between_restarts_is_paid(void **state)
{
	uint64_t key, spent;

	(void)state;
	set_up();
	key = put_until_refused(0);
	spent = stats_of().budget_spent_bytes;
	memdisk_close(&rig);
	move_time(-(int64_t)(6 * HOUR));
	assert_int_equal(memdisk_open(&rig), 0);
	assert_in_range(stats_of().budget_spent_bytes, spent - BUDGET / 4 - PAID,
			spent - BUDGET / 4 + (64 << 10));
	assert_int_equal(rig_put(&rig, key + 1, 1, LENGTH, 0), 0);
	/* The clock of the machine was put back by a month since then. */
	spent = stats_of().budget_spent_bytes;
	memdisk_close(&rig);
	move_time((int64_t)(30 * SPEND_DAY_NS));
	assert_int_equal(memdisk_open(&rig), 0);
	assert_in_range(stats_of().budget_spent_bytes, spent - PAID, spent + (64 << 10));
	/* The new time counts from now on. */
	memdisk_close(&rig);
	move_time(-(int64_t)(30 * SPEND_DAY_NS));
	assert_int_equal(memdisk_open(&rig), 0);
	assert_true(stats_of().budget_spent_bytes < 64 << 10);
	memdisk_tear_down(&rig);
}

static uint64_t budget_of(struct weir_store *s)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;

	assert_int_equal(weir_store_get_info(s, &info), 0);
	return info.write_budget;
}

static void it_can_be_changed(void **state)
{
	uint64_t key;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	assert_int_equal(budget_of(rig.s), 0);
	for (key = 0; key < 2000; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	assert_int_equal(stats_of().budget_spent_bytes, 0);
	/* It begins now. */
	assert_int_equal(weir_store_set_write_budget(rig.s, 2 * BUDGET), 0);
	assert_int_equal(budget_of(rig.s), 2 * BUDGET);
	assert_true(stats_of().budget_spent_bytes < 64 << 10);
	overwrite_until_refused(1);
	/* A smaller one begins without a debt. */
	assert_int_equal(weir_store_set_write_budget(rig.s, BUDGET), 0);
	assert_in_range(stats_of().budget_spent_bytes, BUDGET - PAID, BUDGET + (64 << 10));
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(budget_of(rig.s), BUDGET);
	assert_int_equal(rig_put(&rig, 1, 1, LENGTH, 0), -EDQUOT);
	assert_int_equal(weir_store_set_write_budget(rig.s, 1000), -EINVAL);
	assert_non_null(strstr(weir_error(), "at least 16 MiB"));
	assert_int_equal(weir_store_set_write_budget(rig.s, 0), 0);
	for (key = 0; key < 2000; key++)
		assert_int_equal(rig_put(&rig, key, 2, LENGTH, 0), 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(budget_of(rig.s), 0);
	memdisk_tear_down(&rig);
}

/* Keys that left before the store had a budget, so that the table of seen keys does not know them,
 * were seen all the same. A restart forgets them, and then one refusal makes a key seen. */
static void keys_that_have_left(void **state)
{
	uint64_t key, gone = 3, there, next;

	(void)state;
	memdisk_set_up(&rig, 66 * SEGMENT, SEGMENT, 9);
	for (key = 0; key < 2000; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	assert_int_equal(rig_get(&rig, gone, 1, LENGTH), -ENOENT);
	assert_int_equal(weir_store_set_write_budget(rig.s, BUDGET), 0);
	next = put_until_refused(10000);
	assert_int_equal(rig_put(&rig, gone, 1, LENGTH, 0), 0);
	gone++;
	there = next - 1;
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_int_equal(rig_put(&rig, next + 1, 1, LENGTH, 0), -EDQUOT);
	assert_int_equal(rig_put(&rig, there, 2, LENGTH, 0), 0);
	assert_int_equal(rig_put(&rig, gone, 1, LENGTH, 0), -EDQUOT);
	assert_int_equal(rig_put(&rig, gone, 1, LENGTH, 0), 0);
	memdisk_tear_down(&rig);
}

/* A device that writes fail on does not stop the books: the next time tries again. */
static void a_superblock_that_cannot_be_written(void **state)
{
	uint64_t key;

	(void)state;
	set_up();
	memdisk.fail_op = WEIR_OP_WRITE;
	memdisk.fail_from = 0;
	memdisk.fail_to = 4096;
	memdisk.fails = 2;
	for (key = 0; key < 400; key++)
		assert_int_equal(rig_put(&rig, key, 1, LENGTH, 0), 0);
	assert_int_equal(memdisk.fails, 0);
	assert_int_equal(memdisk_reopen(&rig), 0);
	assert_true(stats_of().budget_spent_bytes > 400 * LENGTH);
	memdisk_tear_down(&rig);
}

/* Of several devices each has its part of the budget. */
static void each_device_has_its_part(void **state)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	char path[2][64], both[160];
	struct weir_store *s;
	uint8_t value[LENGTH] = { 1 };
	uint64_t key, refused = 0;

	(void)state;
	for (int n = 0; n < 2; n++)
		snprintf(path[n], sizeof(path[n]), "/tmp/weir_budget_%d_%d.img", (int)getpid(), n);
	snprintf(both, sizeof(both), "%s,%s", path[0], path[1]);
	opts.create_bytes = 66 * SEGMENT;
	opts.segment_bytes = SEGMENT;
	opts.write_budget = 2 * BUDGET;
	opts.write_budget_percent = 100;
	assert_int_equal(weir_store_format(both, &opts), -EINVAL);
	opts.write_budget_percent = 0;
	opts.write_budget = 2 * BUDGET - 2;
	assert_int_equal(weir_store_format(both, &opts), -EINVAL);
	opts.write_budget = 0;
	opts.write_budget_percent = 800;
	assert_int_equal(weir_store_format(both, &opts), 0);
	assert_int_equal(weir_store_open(&s, both, NULL), 0);
	assert_int_equal(budget_of(s), 16ull * 66 * SEGMENT);
	assert_int_equal(weir_store_set_write_budget(s, 2 * BUDGET), 0);
	assert_int_equal(budget_of(s), 2 * BUDGET);
	for (key = 0; key < 3000; key++)
		refused += weir_store_put(s, &key, sizeof(key), value, LENGTH, 0) == -EDQUOT;
	assert_true(refused > 1000);
	for (uint32_t n = 0; n < 2; n++) {
		assert_int_equal(weir_store_get_device_stats(s, n, &stats), 0);
		assert_in_range(stats.budget_spent_bytes, BUDGET / 8 * 7 - PAID,
				BUDGET / 8 * 7 + (64 << 10));
	}
	assert_int_equal(weir_store_get_stats(s, &stats), 0);
	assert_int_equal(stats.refused_puts, refused);
	weir_store_close(s);
	unlink(path[0]);
	unlink(path[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_pays_back_evenly),
		cmocka_unit_test(a_clock_that_goes_back),
		cmocka_unit_test(seen_keys),
		cmocka_unit_test(new_keys_are_refused_first),
		cmocka_unit_test(all_writes_are_spent),
		cmocka_unit_test(restarts_give_nothing_back),
		cmocka_unit_test(time_between_restarts_is_paid),
		cmocka_unit_test(it_can_be_changed),
		cmocka_unit_test(keys_that_have_left),
		cmocka_unit_test(a_superblock_that_cannot_be_written),
		cmocka_unit_test(each_device_has_its_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
