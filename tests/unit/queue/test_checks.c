/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_checks.c - a lane that is used against its rules ends the program: each case breaks one rule
 * in a child process.
 */
#include <pthread.h>

#include "rig.h"

#include "../death.h"
#include "queue/lane/admit.h"
#include "queue/lane/complete.h"
#include "queue/lane/control.h"
#include "queue/lane/dispatch.h"
#include "queue/lane/ended.h"

static struct weir_io io;
static char memory[4096] __attribute__((aligned(4096)));

static struct lane *first_lane(void)
{
	return &rig.q->lanes[0];
}

static int set_up(void **state)
{
	(void)state;
	rig_init();
	rig.hold = true;
	rig_open(NULL, NULL);
	assert_int_equal(weir_queue_attach(rig.q, 0), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void return_tag_twice(void *arg)
{
	struct request *rq;

	weir_io_read(&io, 0, memory, sizeof(memory));
	rq = admit_take(arg, &io);
	admit_put(arg, rq);
	admit_put(arg, rq);
}

static void test_tag_returned_twice(void **state)
{
	(void)state;
	death_expect(return_tag_twice, first_lane(), "CHECK(rq->state == REQUEST_TAKEN) failed");
}

static void call_elsewhere(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, fn, arg))
		pthread_join(thread, NULL);
}

static void *turn_on_thread(void *arg)
{
	lane_turn(arg);
	return NULL;
}

static void turn_elsewhere(void *arg)
{
	call_elsewhere(turn_on_thread, arg);
}

static void *sleep_on_thread(void *arg)
{
	lane_sleep(arg, 0);
	return NULL;
}

static void sleep_elsewhere(void *arg)
{
	call_elsewhere(sleep_on_thread, arg);
}

static void turn_unowned(void *arg)
{
	lane_turn(arg);
}

static void test_wrong_thread(void **state)
{
	(void)state;
	death_expect(turn_elsewhere, first_lane(), "lane_turn: CHECK(lane_is_mine(lane)");
	death_expect(sleep_elsewhere, first_lane(), "lane_next_event: CHECK(lane_is_mine(lane)");
	assert_int_equal(weir_queue_detach(rig.q), 0);
	death_expect(turn_unowned, first_lane(), "lane_turn: CHECK(lane_is_mine(lane)");
}

/* The request whose command the engine holds. */
static struct request *submitted_request(struct lane *lane)
{
	weir_io_read(&io, 0, memory, sizeof(memory));
	if (weir_queue_submit(rig.q, &io) || weir_queue_poll(rig.q) || lane->out.commands != 1)
		fail_msg("the command is not with the engine");
	for (uint32_t i = 0; i < lane->tags.nr; i++)
		if (lane->tags.pool[i].state == REQUEST_OUT)
			return &lane->tags.pool[i];
	return NULL;
}

static void complete_twice(void *arg)
{
	struct request *rq = arg;

	complete_cmd(first_lane(), &rq->cmd);
	complete_cmd(first_lane(), &rq->cmd);
}

static void give_tag_of_engine(void *arg)
{
	admit_put(first_lane(), arg);
}

static void end_again(void *arg)
{
	ended_io(first_lane(), arg);
}

static void test_command_and_io_end_once(void **state)
{
	struct request *rq = submitted_request(first_lane());

	(void)state;
	assert_non_null(rq);
	death_expect(complete_twice, rq, "complete_cmd: CHECK(rq->state == REQUEST_OUT)");
	death_expect(give_tag_of_engine, rq, "CHECK(rq->state == REQUEST_TAKEN)");
	rig_complete(1);
	death_expect(end_again, &io, "ended_io: CHECK(!done_is_finished");
}

static void end_unknown_command(void *arg)
{
	const struct weir_cmd cmd = { .op = WEIR_OP_READ, .length = 4096 };

	dispatch_ended(arg, &cmd);
}

static void drain_without_switch(void *arg)
{
	struct io_list list;

	io_list_init(&list);
	control_hold(arg, &list);
}

static void test_counters_and_states(void **state)
{
	(void)state;
	death_expect(end_unknown_command, first_lane(), "CHECK(n > 0 || lane->out.commands)");
	death_expect(drain_without_switch, first_lane(), "control_hold: CHECK(");
}

static void turn_in_callback(struct weir_io *ended)
{
	lane_turn(ended->user);
}

static void poll_with_bad_callback(void *arg)
{
	io.end = turn_in_callback;
	io.user = arg;
	rig.hold = false;
	lane_turn(arg);
	lane_turn(arg);
}

static void test_callback_runs_no_loop(void **state)
{
	(void)state;
	assert_non_null(submitted_request(first_lane()));
	death_expect(poll_with_bad_callback, first_lane(), "lane_turn: CHECK(");
	rig_complete(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tag_returned_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_thread, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_command_and_io_end_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counters_and_states, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_callback_runs_no_loop, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
