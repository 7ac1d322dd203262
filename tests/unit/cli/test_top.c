/* SPDX-License-Identifier: Apache-2.0 */
/* test_top.c - `weir top`: the order of streams by each key, and the units of histograms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"

enum { STREAMS = 5 };

static struct top_sample sample; /* its histograms are large */

/* Adds stream N, with as many gets and puts in the interval as said, and their bytes. */
static void add(unsigned n, unsigned gets, uint64_t get_bytes, unsigned puts, uint64_t put_bytes,
		uint64_t keys)
{
	struct top_stream *s = &sample.stream[n];

	s->there = true;
	s->keys = keys;
	s->bytes[TOP_READ] = get_bytes;
	s->bytes[TOP_WRITE] = put_bytes;
	while (gets--)
		hist_record(&s->took[TOP_READ], 1000);
	while (puts--)
		hist_record(&s->took[TOP_WRITE], 1000);
}

/* Five streams, in which each key has another order, and one that nobody ever used. */
static int set_up(void **state)
{
	(void)state;
	memset(&sample, 0, sizeof(sample));
	add(0, 3, 10, 0, 40, 20);
	add(1, 5, 20, 2, 10, 10);
	add(3, 1, 50, 4, 20, 30);
	add(4, 2, 40, 1, 30, 50);
	add(7, 4, 30, 5, 50, 40);
	add(9, 0, 0, 0, 0, 0);
	return 0;
}

static void assert_order(const char *sort, bool reverse, const unsigned *want, unsigned n)
{
	int key = top_sort_find(sort);
	struct top_view v = { .sample = &sample, .sort = (enum top_sort)key, .reverse = reverse };
	unsigned order[TOP_STREAMS];

	assert_true(key >= 0);
	assert_string_equal(top_sort_name(v.sort), sort);
	assert_int_equal(top_streams(&v, order), n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(order[i], want[i]);
}

static void the_most_of_each_key_comes_first(void **state)
{
	static const struct {
		const char *sort;
		unsigned order[STREAMS];
	} want[TOP_SORTS] = {
		{ "gets", { 1, 7, 0, 4, 3 } }, { "get-mb", { 3, 4, 7, 1, 0 } },
		{ "puts", { 7, 3, 1, 4, 0 } }, { "put-mb", { 7, 0, 4, 3, 1 } },
		{ "keys", { 4, 7, 3, 0, 1 } },
	};
	unsigned reversed[STREAMS];

	(void)state;
	for (int i = 0; i < TOP_SORTS; i++) {
		assert_order(want[i].sort, false, want[i].order, STREAMS);
		for (unsigned k = 0; k < STREAMS; k++)
			reversed[k] = want[i].order[STREAMS - 1 - k];
		assert_order(want[i].sort, true, reversed, STREAMS);
	}
	assert_int_equal(top_sort_find("get"), -1);
}

/* What is equal stays in the order of streams, however it is sorted. */
static void equal_streams_keep_their_order(void **state)
{
	static const unsigned most[] = { 3, 0, 1, 4, 7 }, least[] = { 0, 1, 4, 7, 3 };

	(void)state;
	for (unsigned i = 0; i < TOP_STREAMS; i++)
		sample.stream[i].keys = sample.stream[i].keys ? 1 : 0;
	sample.stream[3].keys = 2;
	assert_order("keys", false, most, STREAMS);
	assert_order("keys", true, least, STREAMS);
}

/* Returns what is printed of a lane with reads of some ms; the caller frees it. */
static char *histogram(unsigned millis)
{
	static struct top_lane lane;
	struct top_sample of = { .lane = &lane, .nr_lanes = 1 };
	struct top_view v = { .sample = &of };
	struct top_args args = { .hist = 1, .millis = millis };
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	memset(&lane, 0, sizeof(lane));
	for (int i = 0; i < 4; i++)
		hist_record(&lane.op[TOP_READ].device, 10 * NSEC_PER_MSEC);
	hist_record(&lane.op[TOP_READ].device, 100 * NSEC_PER_USEC);
	hist_record(&lane.op[TOP_WRITE].device, 3 * NSEC_PER_MSEC);
	top_hist_print(&v, &args, out);
	fclose(out);
	return text;
}

static void a_histogram_is_in_us_or_in_ms(void **state)
{
	char *us = histogram(0), *ms = histogram(1);

	(void)state;
	assert_string_equal(ms, "\nin the drive\n"
				"     msecs               : count     distribution\n"
				"         0 -> 1          : 1        "
				"|**********                              |\n"
				"         2 -> 3          : 1        "
				"|**********                              |\n"
				"         4 -> 7          : 0        "
				"|                                        |\n"
				"         8 -> 15         : 4        "
				"|****************************************|\n\n");
	assert_non_null(strstr(us, "     usecs               : count     distribution\n"));
	assert_non_null(strstr(us, "        64 -> 127        : 1        |**********  "));
	assert_non_null(strstr(us, "      2048 -> 4095       : 1        |**********  "));
	assert_non_null(strstr(us, "      8192 -> 16383      : 4        |************"));
	assert_null(strstr(us, "msecs"));
	free(us);
	free(ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_most_of_each_key_comes_first, set_up),
		cmocka_unit_test_setup(equal_streams_keep_their_order, set_up),
		cmocka_unit_test(a_histogram_is_in_us_or_in_ms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
