/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_done.c - threads that wait are woken or give up in time, and whoever finishes knows that
 * they wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "base/done.h"

#define TEST_THREADS 4u
#define TEST_ROUNDS 200u

struct waited {
	uint32_t word;
	uint32_t value; /* written before the word says that it has finished */
};

static void test_finished_needs_no_sleep(void **state)
{
	uint32_t word = 0;

	(void)state;
	assert_true(done_is_idle(&word));
	done_begin(&word);
	assert_false(done_is_idle(&word));
	assert_false(done_is_finished(&word));
	assert_false(done_mark(&word));
	assert_true(done_is_finished(&word));
	assert_true(done_wait(&word, UINT64_MAX));
	assert_false(done_announce(&word));
}

static void test_gives_up_in_time(void **state)
{
	uint64_t begin = clock_now();
	uint32_t word = 0;

	(void)state;
	done_begin(&word);
	assert_false(done_wait(&word, 0));
	assert_false(done_wait(&word, begin + 5 * NSEC_PER_MSEC));
	assert_true(clock_now() >= begin + 5 * NSEC_PER_MSEC);
	assert_true(done_mark(&word)); /* somebody waits for it */
	assert_true(done_wait(&word, 0));
}

static void *wait_for(void *arg)
{
	struct waited *w = arg;

	if (!done_wait(&w->word, UINT64_MAX) || w->value != 7)
		return arg;
	return NULL;
}

static void test_wakes_all(void **state)
{
	pthread_t thread[TEST_THREADS];
	void *failed;

	(void)state;
	for (unsigned round = 0; round < TEST_ROUNDS; round++) {
		struct waited w = { 0 };

		done_begin(&w.word);
		for (unsigned i = 0; i < TEST_THREADS; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, wait_for, &w), 0);
		for (unsigned i = 0; i < round % 20; i++)
			sched_yield();
		w.value = 7;
		done_finish(&w.word);
		for (unsigned i = 0; i < TEST_THREADS; i++) {
			assert_int_equal(pthread_join(thread[i], &failed), 0);
			assert_null(failed);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finished_needs_no_sleep),
		cmocka_unit_test(test_gives_up_in_time),
		cmocka_unit_test(test_wakes_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
