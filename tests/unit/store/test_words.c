/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_words.c - the words of an error are those of the error: never what an earlier call said,
 * another operation, or a step of the same call that went well in the end. Each allocation of each
 * call fails in turn.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <weir/dump.h>
#include <weir/metrics.h>
#include <weir/pin.h>
#include <weir/scrub.h>
#include <weir/tenant.h>

#include "../../crash/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "memdisk.h"
#include "queue/open.h"
#include "store/store.h"

#define IMAGE (5u << 19)
#define SEGMENT (64u << 10)
#define FIRST 65536u /* where segment 0 begins */
#define VALUE 3000u
#define KEYS 40u
#define STALE "what an earlier call said"
/* More than any call makes. */
#define ALLOCATIONS 3000u
#define READS 3u /* so many reads in a row fail, one in each run */

static struct rig rig = { .engine = "posix" };
static uint64_t last_key;

/* A call, and what it needs before and after it; no allocation of these two fails. */
struct call {
	const char *name;
	void (*before)(void);
	int (*run)(void);
	void (*after)(void);
};

static int run_put(void)
{
	return rig_put(&rig, last_key++ % KEYS, 2, VALUE, 0);
}

static int run_put_durable(void)
{
	return rig_put(&rig, last_key++ % KEYS, 2, VALUE, WEIR_PUT_DURABLE);
}

static int run_delete(void)
{
	return rig_delete(&rig, last_key++ % KEYS, 0);
}

/* Gets a value into memory that is not aligned: the store takes memory of its own. */
static int run_get(void)
{
	static uint8_t value[VALUE + 1];
	uint64_t key = KEYS;

	return weir_store_get(rig.s, &key, sizeof(key), value + 1, VALUE, NULL);
}

static int run_sync(void)
{
	return weir_store_sync(rig.s);
}

static int no_entry(const struct weir_store_entry *entry, void *user)
{
	(void)entry;
	(void)user;
	return 0;
}

static int run_list(void)
{
	return weir_store_list(rig.s, no_entry, NULL);
}

static int run_scrub(void)
{
	struct weir_scrub_result result = WEIR_SCRUB_RESULT_INIT;

	return weir_store_scrub(rig.s, NULL, &result);
}

static int run_add_tenant(void)
{
	static unsigned tenants;
	char name[16];
	uint32_t stream;
	int err;

	snprintf(name, sizeof(name), "tenant%u", tenants++);
	err = weir_store_add_tenant(rig.s, name, &stream);
	return err < 0 ? err : 0;
}

static int run_set_share(void)
{
	return weir_store_set_share(rig.s, 0, 30);
}

static int run_set_budget(void)
{
	return weir_store_set_write_budget(rig.s, 1ull << 30);
}

/* Each kill would spend a part of it. */
static void no_budget_after(void)
{
	assert_int_equal(weir_store_set_write_budget(rig.s, 0), 0);
}

static int run_set_marks(void)
{
	return weir_store_set_free_marks(rig.s, 1, 2);
}

static int run_pin(void)
{
	uint64_t key = last_key++ % KEYS;
	int err = weir_store_pin(rig.s, &key, sizeof(key));

	return err == -ENOENT ? 0 : err;
}

static int run_unpin(void)
{
	uint64_t key = last_key++ % KEYS;
	int err = weir_store_unpin(rig.s, &key, sizeof(key));

	return err == -ENOENT ? 0 : err;
}

static int run_lease(void)
{
	uint64_t key = KEYS, length;
	struct weir_store_key one = { .key = &key, .key_len = sizeof(key) };

	return weir_store_lease(rig.s, &one, 1, 0, &length, NULL);
}

static int run_stats(void)
{
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;

	return weir_store_get_stats(rig.s, &stats);
}

static int run_metrics(void)
{
	char *text = NULL;
	int err = weir_store_metrics(rig.s, WEIR_METRICS_PROMETHEUS, &text, NULL);

	weir_metrics_free(text);
	return err;
}

static void close_before(void)
{
	assert_int_equal(memdisk_close(&rig), 0);
}

/* Opens device and queue. */
static void queue_before(void)
{
	struct weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	char name[64];

	close_before();
	snprintf(name, sizeof(name), "null:%llu", (unsigned long long)memdisk.bytes);
	assert_int_equal(weir_device_open(&rig.device, name, NULL), 0);
	queue.nomerges = 2;
	assert_int_equal(queue_open(&rig.queue, rig.device, &queue, &memdisk_engine, NULL), 0);
}

static int run_open(void)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	int err;

	opts.attach = 1;
	opts.control = WEIR_CONTROL_OFF;
	err = weir_store_open_queues(&rig.s, &rig.queue, 1, &opts);
	if (err)
		rig.s = NULL;
	return err;
}

static void close_after(void)
{
	memdisk_close(&rig);
	memdisk_power_on(&rig);
}

/* The process was killed, so segments are walked and payloads verified. */
static void killed_before(void)
{
	for (uint64_t key = 0; key < 5; key++)
		assert_int_equal(rig_put(&rig, key, 2, VALUE, 0), 0);
	memdisk_kill(&rig);
	memdisk_power_on(&rig);
	queue_before();
}

/* The drive's image becomes the file, for calls that take a path. */
static void file_before(void)
{
	close_before();
	rig_poke(&rig, 0, memdisk.now, memdisk.bytes);
}

static void file_after(void)
{
	memdisk_power_on(&rig);
}

static int run_check(void)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;
	int err;

	opts.data = 1;
	opts.engine = "posix";
	err = weir_store_check(rig.path, &opts, &result);
	/* Nothing is said to be damaged or unreadable because of memory. */
	if (!err && (result.damage || result.unreadable))
		fail_msg("a check without memory finds damage");
	return err;
}

static int run_repair(void)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	struct weir_check_result result = WEIR_CHECK_RESULT_INIT;

	opts.data = 1;
	opts.repair = 1;
	opts.engine = "posix";
	return weir_store_check(rig.path, &opts, &result);
}

static void repair_before(void)
{
	uint64_t at = UINT64_MAX;

	file_before();
	/* A payload and a footer are damaged. */
	at = rig_find(&rig, "weirBAT1", FIRST, 4096);
	assert_true(at != UINT64_MAX);
	rig_damage(&rig, at + 4096 + 100);
	rig_damage(&rig, FIRST + SEGMENT - 4096 + 10);
	rig_damage(&rig, 100);
}

static int run_dump(void)
{
	struct weir_dump_opts opts = WEIR_DUMP_OPTS_INIT;

	opts.engine = "posix";
	opts.freed = 1;
	return weir_store_dump(rig.path, &opts);
}

static int run_peek(void)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.engine = "posix";
	return weir_store_peek(&info, rig.path, &opts);
}

static int run_open_path(void)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s = NULL;
	int err;

	opts.attach = 1;
	opts.engine = "posix";
	opts.control = WEIR_CONTROL_OFF;
	err = weir_store_open(&s, rig.path, &opts);
	/* No allocation of the closing fails. */
	alloc_fail(ALLOCATIONS, 0);
	return err ? err : weir_store_close(s);
}

static int run_format(void)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.segment_bytes = SEGMENT;
	opts.force = 2;
	return weir_store_format(rig.path, &opts);
}

static const struct call calls[] = {
	{ "put", NULL, run_put, NULL },
	{ "durable put", NULL, run_put_durable, NULL },
	{ "get", NULL, run_get, NULL },
	{ "delete", NULL, run_delete, NULL },
	{ "sync", NULL, run_sync, NULL },
	{ "list", NULL, run_list, NULL },
	{ "scrub", NULL, run_scrub, NULL },
	{ "add_tenant", NULL, run_add_tenant, NULL },
	{ "set_share", NULL, run_set_share, NULL },
	{ "set_write_budget", NULL, run_set_budget, no_budget_after },
	{ "set_free_marks", NULL, run_set_marks, NULL },
	{ "pin", NULL, run_pin, NULL },
	{ "unpin", NULL, run_unpin, NULL },
	{ "lease", NULL, run_lease, NULL },
	{ "get_stats", NULL, run_stats, NULL },
	{ "metrics", NULL, run_metrics, NULL },
	{ "open", queue_before, run_open, close_after },
	{ "open after a kill", killed_before, run_open, close_after },
	{ "check", file_before, run_check, file_after },
	{ "repair", repair_before, run_repair, file_after },
	{ "dump", file_before, run_dump, file_after },
	{ "peek", file_before, run_peek, file_after },
	{ "open of a path", file_before, run_open_path, file_after },
	{ "format", file_before, run_format, file_after },
};

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	memdisk_load(&rig, 512, 7);
	memdisk_power_on(&rig);
	for (uint64_t key = 0; key <= KEYS; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memdisk_close(&rig);
	memdisk_free();
	rig_remove(&rig);
	return 0;
}

/* Fails the test unless weir_error() has the words of ERR, which C ended with. */
static void check_words(const struct call *c, int err, unsigned n, uint64_t failed)
{
	const char *words = weir_error();

	if (strstr(words, STALE))
		fail_msg("%s, allocation %u: %d with words of an earlier call", c->name, n, err);
	if (failed && err != -ENOMEM)
		fail_msg("%s, allocation %u: %d, \"%s\", is not said to be for memory", c->name, n,
			 err, words);
	if (err == -ENOMEM && !strstr(words, "memory"))
		fail_msg("%s, allocation %u: \"%s\" does not speak of memory", c->name, n, words);
}

/* Runs C while allocation number N fails, and read number READ fails once; UINT32_MAX: none does.
 * Returns false if there are fewer allocations. */
static bool run_one(const struct call *c, unsigned n, unsigned read)
{
	uint64_t failed;
	int err;

	if (c->before)
		c->before();
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = 0;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fail_skip = read;
	memdisk.fails = read != UINT32_MAX;
	error_set(-EINVAL, STALE);
	alloc_fail(n, 1);
	err = c->run();
	failed = alloc_fail(0, 0);
	memdisk_no_fails();
	/* A read that fails once is no error, except of a get. */
	if (err < 0 && (failed || c->run != run_get))
		check_words(c, err, n, failed);
	if (c->after)
		c->after();
	return failed;
}

static void each_allocation(void **arg)
{
	const unsigned *first = *arg;

	for (size_t call = 0; call < sizeof(calls) / sizeof(calls[0]); call++) {
		const struct call *c = &calls[call];

		/* Reads of a file do not fail. */
		if (*first != UINT32_MAX && c->after == file_after)
			continue;
		for (unsigned i = 0; i < (*first == UINT32_MAX ? 1 : READS); i++) {
			unsigned n = 0;

			while (run_one(c, n, *first + i))
				assert_true(n++ < ALLOCATIONS);
		}
	}
}

static uint32_t bad_block; /* of the drive; reads and writes of it fail */

static int fails_there(const struct weir_cmd *cmd)
{
	uint64_t at = (uint64_t)bad_block * 4096;

	return cmd->op == WEIR_OP_READ && cmd->offset <= at && cmd->offset + cmd->length > at;
}

/* The words of an operation that is used again and refused are not those of its last life. */
static void an_operation_used_again(void **state)
{
	static uint8_t value[8192];
	uint64_t key = KEYS;
	struct weir_store_op op = { .kind = WEIR_STORE_GET,
				    .key = &key,
				    .key_len = sizeof(key),
				    .buf = value,
				    .capacity = sizeof(value) };
	char words[400];

	(void)state;
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = 0;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	assert_int_equal(weir_store_run(rig.s, &op, 1), -EIO);
	assert_non_null(strstr(weir_store_op_strerror(&op, words, sizeof(words)), "read at 0x"));
	op.kind = WEIR_STORE_PUT;
	op.value_len = VALUE;
	op.stream = 31;
	assert_int_equal(weir_store_run(rig.s, &op, 1), -EINVAL);
	assert_non_null(strstr(weir_error(), "no such stream"));
	assert_null(strstr(weir_store_op_strerror(&op, words, sizeof(words)), "at 0x"));
}

/* A part of a value cannot be read, and then the deadline comes: the words are the deadline's. */
static void a_deadline_behind_a_failed_part(void **state)
{
	static uint8_t value[(512u << 10) + 70000];
	uint64_t key = 1, at;
	struct index_value found;
	uint64_t hash[2];
	struct weir_store_op op = { .kind = WEIR_STORE_GET,
				    .key = &key,
				    .key_len = sizeof(key),
				    .buf = value,
				    .capacity = sizeof(value) };
	char words[400];

	(void)state;
	memdisk_close(&rig);
	memdisk_free();
	rig_remove(&rig);
	memdisk_set_up(&rig, 18u << 20, 2u << 20, 7);
	assert_int_equal(rig_put(&rig, key, 1, sizeof(value), 0), 0);
	checksum_identity(&rig.s->io.key, &key, sizeof(key), hash);
	assert_true(logs_find(rig.s->logs, hash, &found));
	at = rig.s->io.lay->data_offset + (found.position << rig.s->io.lay->block_shift);
	bad_block = (uint32_t)(at / 4096);
	memdisk.fails_too = fails_there;
	memdisk.hold_length = (70000u + 4095) / 4096 * 4096;
	op.deadline_ns = clock_now() + 100000000;
	assert_int_equal(weir_store_submit(rig.s, &op), 0);
	assert_int_equal(weir_store_wait(rig.s, &op, UINT64_MAX), -ETIMEDOUT);
	assert_non_null(strstr(weir_error(), "its deadline came"));
	assert_non_null(strstr(weir_store_op_strerror(&op, words, sizeof(words)), "its deadline"));
	memdisk.hold_length = 0;
	memdisk.fails_too = NULL;
}

/* Each copy of the superblock has words of its own: those of copy 1, which cannot be read, stand
 * there although a read of copy 2 failed once, later. */
static void words_of_the_right_copy(void **state)
{
	(void)state;
	assert_int_equal(memdisk_close(&rig), 0);
	memset(memdisk.now + memdisk.bytes - 65536, 0, 4096);
	bad_block = 0;
	memdisk.fails_too = fails_there;
	memdisk.fail_op = WEIR_OP_READ;
	memdisk.fail_from = memdisk.bytes - 65536;
	memdisk.fail_to = memdisk.bytes;
	memdisk.fails = 1;
	assert_int_equal(memdisk_open(&rig), -EIO);
	assert_int_equal(memdisk.fails, 0);
	if (!strstr(weir_error(), "superblock copy 1 cannot be read") ||
	    !strstr(weir_error(), "read at 0x0+"))
		fail_msg("%s", weir_error());
	memdisk.fails_too = NULL;
	memdisk_power_on(&rig);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static unsigned none = UINT32_MAX, first = 0, later = 40;
	const struct CMUnitTest tests[] = {
		{ "each_allocation", each_allocation, set_up, tear_down, &none },
		{ "each_allocation_behind_a_read", each_allocation, set_up, tear_down, &first },
		{ "each_allocation_behind_a_later_read", each_allocation, set_up, tear_down,
		  &later },
		TEST(an_operation_used_again),
		TEST(a_deadline_behind_a_failed_part),
		TEST(words_of_the_right_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
