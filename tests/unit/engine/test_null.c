/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The null engine: when it completes commands, in which order, and that it moves no bytes.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "rig.h"

#define N 8u

static void null_rig(struct rig *r, uint64_t latency_ns)
{
	rig_device(r, "null", 0);
	r->params.depth = N;
	r->params.tuning.latency_ns = latency_ns;
	rig_engine(r, "null");
}

static void completes_at_the_next_reap(void **state)
{
	static struct rig_cmd cmds[N + 1];
	struct rig r;

	(void)state;
	null_rig(&r, 0);
	assert_int_equal(r.e->ops->fd(r.e), -1);
	for (unsigned i = 0; i < N; i++) {
		rig_prep(&cmds[i], WEIR_OP_WRITE, 0, NULL, 4096);
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
	}
	rig_prep(&cmds[N], WEIR_OP_WRITE, 0, NULL, 4096);
	assert_int_equal(r.e->ops->queue(r.e, &cmds[N].cmd), -EBUSY);
	/* It completes nothing before submit(). */
	assert_int_equal(r.e->ops->reap(r.e, 1), 0);
	assert_true(r.e->ops->next_event(r.e) == UINT64_MAX);
	r.e->ops->submit(r.e);
	assert_true(r.e->ops->next_event(r.e) == 0);
	assert_int_equal(r.ended, 0);
	r.e->ops->wait(r.e, UINT64_MAX); /* returns at once */
	assert_int_equal(r.e->ops->reap(r.e, 1), N);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(cmds[i].ended, 1);
	assert_ptr_equal(r.last, &cmds[N - 1]);
	assert_int_equal(r.e->ops->queue(r.e, &cmds[N].cmd), 0);
	r.e->ops->submit(r.e);
	assert_int_equal(r.e->ops->reap(r.e, 1), 1);
	rig_close(&r);
}

static void reads_leave_memory_alone(void **state)
{
	char buf[4096], same[4096];
	struct rig r;

	(void)state;
	null_rig(&r, 0);
	rig_fill(buf, sizeof(buf), 3);
	memcpy(same, buf, sizeof(buf));
	assert_int_equal(rig_do(&r, WEIR_OP_READ, 0, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, same, sizeof(buf));
	assert_int_equal(rig_do(&r, WEIR_OP_FLUSH, 0, NULL, 0), 0);
	assert_int_equal(rig_do(&r, WEIR_OP_DISCARD, 0, NULL, 4096), 0);
	assert_int_equal(rig_do(&r, WEIR_OP_WRITE_ZEROES, 0, NULL, 4096), 0);
	rig_close(&r);
}

static void latency_is_kept_in_order(void **state)
{
	const uint64_t latency = 5 * NSEC_PER_MSEC;
	static struct rig_cmd cmds[N];
	uint64_t before, due;
	struct rig r;

	(void)state;
	null_rig(&r, latency);
	before = clock_now();
	for (unsigned i = 0; i < N; i++) {
		rig_prep(&cmds[i], WEIR_OP_READ, 0, NULL, 4096);
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
		if (i == N / 2 - 1)
			r.e->ops->submit(r.e);
	}
	due = r.e->ops->next_event(r.e);
	assert_true(due >= before + latency);
	r.e->ops->wait(
		r.e,
		UINT64_MAX); /* it submits the second half, and sleeps until the first is due */
	assert_true(clock_now() >= due);
	/* Reaping at a given time is exact: nothing completes a nanosecond early. */
	assert_int_equal(r.e->ops->reap(r.e, due - 1), 0);
	assert_int_equal(r.e->ops->reap(r.e, due), N / 2);
	assert_ptr_equal(r.last, &cmds[N / 2 - 1]);
	due = r.e->ops->next_event(r.e);
	assert_int_equal(r.e->ops->reap(r.e, due - 1), 0);
	assert_int_equal(r.e->ops->reap(r.e, due), N / 2);
	assert_ptr_equal(r.last, &cmds[N - 1]);
	assert_true(r.e->ops->next_event(r.e) == UINT64_MAX);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes_at_the_next_reap),
		cmocka_unit_test(reads_leave_memory_alone),
		cmocka_unit_test(latency_is_kept_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
