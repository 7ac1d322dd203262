/* SPDX-License-Identifier: Apache-2.0 */
/* test_timeline.c - the windows of operations: none is missing, none is empty that was not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nsec.h"
#include "bench/timeline.h"

#define HEAD "begin_ns,end_ns,job,direction,ios,bytes,iops,mbps,mean_ns,p50_ns,p99_ns,max_ns\n"
#define MS NSEC_PER_MSEC

static const struct bench_timeline_way ways[] = { { "puts", true }, { "gets", false } };

/* What a table is written to. */
static FILE *out;
static char *text;
static size_t length;

static int setup(void **state)
{
	(void)state;
	out = open_memstream(&text, &length);
	return out ? 0 : -1;
}

/* Ends the table, which must be EXPECTED. */
static void is_written(const char *expected)
{
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void each_window_has_what_ended_in_it(void **state)
{
	struct bench_timeline *t;

	(void)state;
	assert_int_equal(bench_timeline_open(&t, out, ways), 0);
	bench_timeline_show(t, 1, 1000 * MS);
	bench_timeline_add(t, 0, 4000000, 16, 1010 * MS);
	bench_timeline_add(t, 0, 1000000, 16, 1099 * MS);
	bench_timeline_add(t, 0, 2000000, 16, 1200 * MS); /* nothing ended in the second window */
	bench_timeline_show(t, 2, 1250 * MS);		  /* the third one is short */
	bench_timeline_add(t, 1, 3000000, 16, 1300 * MS);
	bench_timeline_show(t, 3, 1350 * MS);
	bench_timeline_close(t, 1350 * MS);
	is_written(HEAD "0,100000000,puts,writes,2,5000000,20.0,50.000,16,16,16,16\n"
			"100000000,200000000,puts,writes,0,0,0.0,0.000,0,0,0,0\n"
			"200000000,250000000,puts,writes,1,2000000,20.0,40.000,16,16,16,16\n"
			"250000000,350000000,gets,reads,1,3000000,10.0,30.000,16,16,16,16\n");
}

static void both_ways_at_once(void **state)
{
	struct bench_timeline *t;

	(void)state;
	assert_int_equal(bench_timeline_open(&t, out, ways), 0);
	bench_timeline_show(t, 3, 7 * MS);
	bench_timeline_add(t, 1, 1000000, 16, 20 * MS);
	bench_timeline_close(t, 57 * MS);
	is_written(HEAD "0,50000000,puts,writes,0,0,0.0,0.000,0,0,0,0\n"
			"0,50000000,gets,reads,1,1000000,20.0,20.000,16,16,16,16\n");
}

/* One that never began has no windows, and one that is dropped no more. */
static void without_windows(void **state)
{
	struct bench_timeline *t;

	(void)state;
	assert_int_equal(bench_timeline_open(&t, out, ways), 0);
	bench_timeline_close(t, 5 * MS);
	assert_int_equal(bench_timeline_open(&t, out, ways), 0);
	bench_timeline_show(t, 3, 7 * MS);
	bench_timeline_add(t, 1, 1000000, 16, 20 * MS);
	bench_timeline_drop(t);
	bench_timeline_drop(NULL);
	is_written(HEAD HEAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_window_has_what_ended_in_it, setup),
		cmocka_unit_test_setup(both_ways_at_once, setup),
		cmocka_unit_test_setup(without_windows, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
