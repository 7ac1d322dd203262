/* SPDX-License-Identifier: Apache-2.0 */
/* test_synthetic.c - the synthetic trace looks like chats and depends on its seed only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/idset.h"
#include "cli/synthetic.h"

static struct trace make(uint64_t seed, size_t requests, size_t chats)
{
	struct synthetic_params params = { .seed = seed, .requests = requests, .chats = chats };
	struct trace t = { 0 };

	assert_int_equal(synthetic_make(&t, &params), 0);
	assert_int_equal(t.count, requests);
	return t;
}

static void test_repeatable(void **state)
{
	struct trace a = make(7, 500, 40), b = make(7, 500, 40);

	(void)state;
	assert_int_equal(a.id_count, b.id_count);
	assert_int_equal(a.chats, b.chats);
	assert_memory_equal(a.ids, b.ids, a.id_count * sizeof(*a.ids));
	assert_memory_equal(a.requests, b.requests, a.count * sizeof(*a.requests));
	trace_free(&a);
	trace_free(&b);
}

/* A store that was filled from one seed must give no hits to another. */
static void test_seeds_share_no_id(void **state)
{
	struct trace a = make(1, 200, 40), b = make(2, 200, 40);
	struct idset set;

	(void)state;
	assert_int_equal(idset_init(&set, a.id_count + b.id_count), 0);
	for (size_t i = 0; i < a.id_count; i++)
		idset_add(&set, a.ids[i]);
	for (size_t i = 0; i < b.id_count; i++) {
		bool first = true;

		assert_true(b.ids[i] <= INT64_MAX);
		for (size_t j = 0; j < i && first; j++)
			first = b.ids[j] != b.ids[i];
		assert_true(idset_add(&set, b.ids[i]) == first);
	}
	idset_free(&set);
	trace_free(&a);
	trace_free(&b);
}

/*
 * Returns the share of blocks that an earlier request already had, as if the store never evicted
 * any.
 */
static double hit_rate(const struct trace *t)
{
	struct idset set;
	size_t hits = 0;

	assert_int_equal(idset_init(&set, t->id_count), 0);
	for (size_t i = 0; i < t->count; i++) {
		const uint64_t *ids = trace_ids(t, i);
		size_t n = t->requests[i].count, at = 0;

		while (at < n && !idset_add(&set, ids[at]))
			at++;
		hits += at;
		for (; at < n; at++)
			idset_add(&set, ids[at]);
	}
	idset_free(&set);
	return (double)hits / (double)t->id_count;
}

static void test_shape(void **state)
{
	struct trace t = make(1, 3000, 800);
	double rate = hit_rate(&t);
	double mean_ms = (double)t.requests[t.count - 1].time_ns / 1e6 / (double)t.count;

	(void)state;
	assert_true(rate > 0.4 && rate < 0.8);
	assert_true(mean_ms > 80 && mean_ms < 125); /* 100 is the mean */
	assert_true(t.chats > 700 && t.chats < 1200);
	for (size_t i = 0; i < t.count; i++) {
		assert_true(t.requests[i].count >= 2 && t.requests[i].count <= 64);
		assert_true(!i || t.requests[i].time_ns >= t.requests[i - 1].time_ns);
	}
	trace_free(&t);
}

static void test_one_chat(void **state)
{
	struct trace t = make(3, 50, 1);

	(void)state;
	assert_true(t.chats >= 2); /* a chat has outgrown its context */
	for (size_t i = 1; i < t.count; i++) {
		size_t before = t.requests[i - 1].count;

		if (t.requests[i].count <= before) /* this chat started again */
			continue;
		if (trace_ids(&t, i)[0] == trace_ids(&t, i - 1)[0] &&
		    trace_ids(&t, i)[before - 1] == trace_ids(&t, i - 1)[before - 1])
			assert_memory_equal(trace_ids(&t, i), trace_ids(&t, i - 1),
					    before * sizeof(uint64_t));
	}
	trace_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_seeds_share_no_id),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_one_chat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
