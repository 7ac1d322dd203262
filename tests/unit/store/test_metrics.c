/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_metrics.c - metrics count what was done, name why keys were missed, and stay short however
 * many tenants there are.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "rig.h"

#define IMAGE (64u << 20)
#define SEGMENT (256u << 10)
#define VALUE 10000u

static struct rig rig = { .engine = "posix" };
static char *text;

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	weir_metrics_free(text);
	text = NULL;
	rig_remove(&rig);
	return 0;
}

/* Reads the metrics anew. */
static void look(void)
{
	size_t length;

	weir_metrics_free(text);
	assert_int_equal(weir_store_metrics(rig.s, WEIR_METRICS_OPENMETRICS, &text, &length), 0);
	assert_int_equal(strlen(text), length);
	assert_string_equal(text + length - strlen("\n# EOF\n"), "\n# EOF\n");
}

/* Returns the value of SAMPLE, a name with its labels. */
static uint64_t sample(const char *sample)
{
	char line[256];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", sample);
	at = strstr(text, line);
	if (!at)
		fail_msg("there is no sample %s", sample);
	return at ? strtoull(at + strlen(line), NULL, 10) : 0;
}

static void lookup(const uint64_t *keys, size_t n, bool lease)
{
	struct weir_store_key names[8];
	uint64_t lengths[8];
	size_t i;

	for (i = 0; i < n; i++)
		names[i] = (struct weir_store_key){ .key = &keys[i], .key_len = sizeof(keys[i]) };
	if (lease)
		assert_int_equal(weir_store_lease(rig.s, names, n, 0, lengths, NULL), 0);
	else
		assert_int_equal(weir_store_exists_many(rig.s, names, n, lengths, NULL), 0);
}

static void test_streams(void **state)
{
	uint32_t stream;
	uint64_t key;

	(void)state;
	assert_int_equal(weir_store_add_tenant(rig.s, "a\"\n", &stream), 1);
	assert_int_equal(stream, 1);
	for (key = 0; key < 5; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, RIG_STREAM(key % 2)), 0);
	for (key = 0; key < 5; key++)
		assert_int_equal(rig_get(&rig, key, 1, VALUE), 1);
	look();
	assert_int_equal(sample("weir_put_duration_seconds_count{stream=\"0\"}"), 3);
	assert_int_equal(sample("weir_put_duration_seconds_count{stream=\"1\"}"), 2);
	assert_int_equal(sample("weir_get_duration_seconds_count{stream=\"0\"}"), 3);
	assert_int_equal(sample("weir_get_duration_seconds_bucket{stream=\"1\",le=\"+Inf\"}"), 2);
	assert_int_equal(sample("weir_put_bytes_total{stream=\"0\"}"), 3 * VALUE);
	assert_int_equal(sample("weir_get_bytes_total{stream=\"1\"}"), 2 * VALUE);
	assert_int_equal(sample("weir_stream_entries{stream=\"1\"}"), 2);
	assert_int_equal(sample("weir_get_hits_total"), 5);
	assert_int_equal(sample("weir_entries"), 5);
	assert_int_equal(sample("weir_tenant_info{row=\"0\",stream=\"1\",tenant=\"a\\\"\\n\"}"), 1);
	assert_int_equal(sample("weir_stream_info{stream=\"1\",tenants=\"a\\\"\\n\"}"), 1);
	assert_true(sample("weir_written_bytes_total{device=\"1\"}") > 5 * VALUE);
	assert_true(sample("weir_queue_device_seconds_count{device=\"1\",op=\"write\"}") > 0);
}

static void test_misses(void **state)
{
	const uint64_t keys[] = { 1, 2, 77, 3, 78 }, gone[] = { 2, 1 };
	uint8_t small[16];
	uint64_t key = 1;
	size_t length;

	(void)state;
	for (key = 1; key < 4; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	lookup(keys, 5, false);
	lookup(keys, 5, true);
	assert_int_equal(rig_delete(&rig, 2, 0), 0);
	lookup(gone, 2, false);
	assert_int_equal(rig_get(&rig, 2, 1, VALUE), -ENOENT);
	assert_int_equal(rig_get(&rig, 99, 1, VALUE), -ENOENT);
	assert_int_equal(rig_get(&rig, 99, 1, VALUE), -ENOENT);
	key = 1;
	assert_int_equal(weir_store_get(rig.s, &key, sizeof(key), small, sizeof(small), &length),
			 -EMSGSIZE);
	look();
	assert_int_equal(sample("weir_get_misses_total{reason=\"deleted\"}"), 1);
	assert_int_equal(sample("weir_get_misses_total{reason=\"unknown\"}"), 2);
	assert_int_equal(sample("weir_get_misses_total{reason=\"too_small\"}"), 1);
	assert_int_equal(sample("weir_get_misses_total{reason=\"failed\"}"), 0);
	assert_int_equal(sample("weir_get_hits_total"), 0);
	assert_int_equal(sample("weir_lookup_hits_total"), 3 + 3 + 1);
	assert_int_equal(sample("weir_lookup_misses_total{reason=\"unknown\"}"), 2);
	assert_int_equal(sample("weir_lookup_misses_total{reason=\"after_gap\"}"), 2);
	assert_int_equal(sample("weir_lookup_misses_total{reason=\"deleted\"}"), 1);
	assert_int_equal(sample("weir_removed_entries_total{reason=\"deleted\"}"), 1);
	assert_int_equal(sample("weir_removed_entries_total{reason=\"evicted\"}"), 0);
	assert_int_equal(sample("weir_put_failures_total"), 0);
}

/* What space is taken from counts as evicted, and so does a get that asks for it. */
static void test_evictions(void **state)
{
	uint64_t key = 0, entries;

	(void)state;
	while (key < IMAGE / SEGMENT * 40)
		assert_int_equal(rig_put(&rig, key++, 1, VALUE, 0), 0);
	look();
	entries = sample("weir_entries");
	assert_true(entries < key);
	assert_int_equal(sample("weir_removed_entries_total{reason=\"evicted\"}"), key - entries);
	assert_true(sample("weir_evicted_segments_total") > 0);
	assert_int_equal(rig_get(&rig, 0, 1, VALUE), -ENOENT);
	look();
	assert_int_equal(sample("weir_get_misses_total{reason=\"evicted\"}"), 1);
}

/* A store names 64 tenants and has 32 streams, so ten thousand tenants add nothing. */
static void test_many_tenants(void **state)
{
	uint32_t stream, before, after, n;
	char name[32];
	size_t length;

	(void)state;
	for (n = 0; n < 10000 / RIG_EVERY; n++) {
		snprintf(name, sizeof(name), "tenant-%u", n);
		assert_true(weir_store_add_tenant(rig.s, name, &stream) >= 0);
		assert_true(stream < 32);
		if (n == 100) {
			look();
			before = (uint32_t)strlen(text);
		}
	}
	look();
	after = (uint32_t)strlen(text);
	assert_int_equal(after, before);
	assert_true(after < 512u << 10);
	weir_metrics_free(text);
	assert_int_equal(weir_store_metrics(rig.s, WEIR_METRICS_PROMETHEUS + 1, &text, &length),
			 -EINVAL);
	assert_null(text);
}

/* A scheduler with a target for reads says what it is, and each request for a read is judged. */
static void read_target(const char *scheduler, const char *name, const char *long_time,
			const char *short_time)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_op_stats reads = WEIR_OP_STATS_INIT;
	struct weir_queue *q;

	rig_close(&rig);
	opts.engine = rig.engine;
	opts.scheduler = scheduler;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
	q = weir_store_queue(rig.s);
	assert_int_equal(weir_queue_set(q, name, long_time), 0);
	assert_int_equal(rig_get(&rig, 1, 1, VALUE), 1);
	look();
	assert_non_null(strstr(text, "\nweir_queue_read_target_seconds{device=\"1\"} 1.5\n"));
	assert_int_equal(weir_queue_get_op_stats(q, WEIR_OP_READ, &reads), 0);
	/* A scheduler that learns its target has none for the first reads. */
	assert_true(sample("weir_queue_target_reads_total{device=\"1\",held=\"yes\"}") > 0);
	assert_true(sample("weir_queue_target_reads_total{device=\"1\",held=\"yes\"}") +
			    sample("weir_queue_target_reads_total{device=\"1\",held=\"no\"}") <=
		    reads.device.count);
	/* No drive reads so fast. */
	assert_int_equal(weir_queue_set(q, name, short_time), 0);
	assert_int_equal(rig_get(&rig, 1, 1, VALUE), 1);
	look();
	assert_true(sample("weir_queue_target_reads_total{device=\"1\",held=\"no\"}") > 0);
}

static void choose(const char *scheduler)
{
	assert_int_equal(weir_queue_set(weir_store_queue(rig.s), "scheduler", scheduler), 0);
}

static void test_read_target(void **state)
{
	(void)state;
	choose("none");
	look();
	assert_null(strstr(text, "\nweir_queue_read_target_seconds{"));
	assert_int_equal(rig_put(&rig, 1, 1, VALUE, 0), 0);
	read_target("kyber", "iosched/read_lat_nsec", "1500000000", "1");
	read_target("pace", "iosched/read_target", "1500000", "1");
}

/* Each request that a lane of pace gave to the drive had a reason, and the windows are told. */
static void test_scheduler(void **state)
{
	static const char *const reasons[] = { "fair", "ahead", "alone", "rest", "owed", "urgent" };
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	char name[128];
	uint64_t all = 0;

	(void)state;
	choose("none");
	look();
	assert_null(strstr(text, "\nweir_queue_chosen_total{"));
	assert_null(strstr(text, "\nweir_queue_scheduler{"));
	rig_close(&rig);
	opts.engine = rig.engine;
	opts.scheduler = "pace";
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
	for (uint64_t key = 0; key < 200; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	for (uint64_t key = 0; key < 200; key++)
		assert_int_equal(rig_get(&rig, key, 1, VALUE), 1);
	look();
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		snprintf(name, sizeof(name),
			 "weir_queue_chosen_total{device=\"1\",lane=\"0\",reason=\"%s\"}",
			 reasons[i]);
		all += sample(name);
	}
	assert_in_range(all, 200, sample("weir_queue_requests_total{device=\"1\"}"));
#define FIGURE(name) sample("weir_queue_scheduler{device=\"1\",lane=\"0\",figure=\"" name "\"}")
	assert_true(FIGURE("read_window_ns") >= 10000);
	assert_true(FIGURE("write_window_ns") >= 10000);
	assert_true(FIGURE("write_rate_bytes") > 0);
	assert_int_equal(FIGURE("writes_in_drive_ns"), 0);
	assert_true(FIGURE("read_window_step") <= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_streams, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_misses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_evictions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_tenants, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_target, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scheduler, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
