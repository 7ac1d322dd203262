/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_changes.c - the list of keys that left a store: each change once, in order, and those that
 * had no room are counted.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/changes.h>

#include "../store/rig.h"

#define LENGTH 5000
#define N 16

static struct rig rig;
static struct weir_changes *changes;
static uint8_t value[LENGTH];

static void open_with(uint32_t max)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	assert_int_equal(weir_changes_open(&changes, &opts, max), 0);
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
}

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, 4 << 20, 64 << 10, 4096);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_remove(&rig);
	weir_changes_close(changes);
	changes = NULL;
	return 0;
}

static void put(uint64_t key)
{
	assert_int_equal(weir_store_put(rig.s, &key, sizeof(key), value, LENGTH, 0), 0);
}

static void delete (uint64_t key)
{
	assert_int_equal(weir_store_delete(rig.s, &key, sizeof(key), 0), 0);
}

static void assert_is(const struct weir_changes_note *note, uint64_t key, uint32_t reason)
{
	uint64_t hash[2];

	assert_int_equal(weir_store_hash(rig.s, &key, sizeof(key), hash), 0);
	assert_memory_equal(note->hash, hash, sizeof(hash));
	assert_int_equal(note->reason, reason);
}

static void each_once_and_in_order(void **state)
{
	struct weir_changes_note notes[N];
	uint64_t lost = 1;

	(void)state;
	open_with(0);
	for (uint64_t key = 1; key <= 3; key++)
		put(key);
	assert_int_equal(weir_changes_take(changes, notes, N, &lost), 0);
	assert_int_equal(lost, 0);
	for (uint64_t key = 1; key <= 3; key++)
		delete (key);
	assert_int_equal(weir_changes_take(changes, notes, 2, &lost), 2);
	assert_is(&notes[0], 1, WEIR_LEAVE_DELETED);
	assert_is(&notes[1], 2, WEIR_LEAVE_DELETED);
	assert_int_equal(weir_changes_take(changes, notes, N, NULL), 1);
	assert_is(&notes[0], 3, WEIR_LEAVE_DELETED);
	assert_int_equal(weir_changes_take(changes, notes, N, &lost), 0);
}

/* The ring goes round several times. */
static void what_has_no_room_is_counted(void **state)
{
	struct weir_changes_note notes[N];
	uint64_t lost;

	(void)state;
	open_with(4);
	for (uint64_t round = 0; round < 5; round++) {
		for (uint64_t key = 1; key <= 7; key++) {
			put(key);
			delete (key);
		}
		assert_int_equal(weir_changes_take(changes, notes, N, &lost), 4);
		assert_int_equal(lost, 3);
		assert_is(&notes[0], 1, WEIR_LEAVE_DELETED);
		assert_is(&notes[3], 4, WEIR_LEAVE_DELETED);
		assert_int_equal(weir_changes_take(changes, notes, N, &lost), 0);
		assert_int_equal(lost, 0);
		put(1);
		delete (1);
		assert_int_equal(weir_changes_take(changes, notes, N, &lost), 1);
	}
}

static void *take_all(void *arg)
{
	uint64_t *sum = arg, lost;
	struct weir_changes_note notes[3];

	for (unsigned idle = 0; idle < 1000;) {
		size_t n = weir_changes_take(changes, notes, 3, &lost);

		sum[0] += n;
		sum[1] += lost;
		idle = n ? 0 : idle + 1;
	}
	return NULL;
}

/* A store that is much smaller than what is put: what left and what is there are all keys. */
static void evictions_while_a_thread_takes(void **state)
{
	uint64_t sum[2] = { 0 }, keys = 2000 / RIG_EVERY;
	struct weir_store_stats stats;
	pthread_t thread;

	(void)state;
	open_with(0);
	assert_int_equal(pthread_create(&thread, NULL, take_all, sum), 0);
	for (uint64_t key = 1; key <= keys; key++)
		put(key);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* The store may still evict behind the last put. */
	for (unsigned turn = 0; turn < 1000; turn++) {
		take_all(sum);
		rig_stats(&rig, &stats);
		if (sum[0] == stats.evicted_entries)
			break;
	}
	assert_int_equal(sum[0], stats.evicted_entries);
	assert_int_equal(sum[0] + stats.entries, keys);
	assert_int_equal(sum[1], 0);
}

/* The list is the parent's: a thread of the parent may have held its lock when the child began. */
static void a_child_of_fork_takes_nothing(void **state)
{
	struct weir_changes_note notes[N];
	uint64_t lost;
	int status;
	pid_t pid;

	(void)state;
	open_with(0);
	put(1);
	delete (1);
	pid = fork();
	if (!pid) {
		lost = 9;
		_exit(weir_changes_take(changes, notes, N, &lost) || lost);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	assert_int_equal(weir_changes_take(changes, notes, N, &lost), 1);
}

static void options_that_are_taken(void **state)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	(void)state;
	assert_int_equal(weir_changes_open(&changes, NULL, 0), -EINVAL);
	assert_int_equal(weir_changes_open(&changes, &opts, 1), 0);
	assert_int_equal(weir_changes_open(&changes, &opts, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_once_and_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_no_room_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(evictions_while_a_thread_takes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_child_of_fork_takes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(options_that_are_taken, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
