/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_one_sched.c - one instance of a scheduler for all lanes: who asks for it, that what was set
 * and learned stays, and that ios end once while it comes and goes. Meant to be run under TSan too.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/lanes.h"
#include "rig.h"

#define THREADS 4
#define WINDOW 32u
#define IOS 20000u
#define SEC 1000000000ull

static struct weir_device *dev;
static struct weir_queue *queue;
static char memory[4096] __attribute__((aligned(4096)));

static int set_up(void **state)
{
	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("two lanes need two processors\n");
		skip();
	}
	return weir_device_open(&dev, "null:1g", NULL);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(weir_queue_close(queue), 0);
	weir_device_close(dev);
	return 0;
}

static void open_queue(const char *scheduler, uint32_t workers)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.scheduler = scheduler;
	opts.lanes = 2;
	opts.workers = workers;
	opts.nomerges = 2;
	opts.ctx_by = WEIR_QUEUE_CTX_BY_THREAD;
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
}

/* Waits for the lanes' workers: a switch needs a turn of each. */
static bool has_home(bool home)
{
	uint64_t end = clock_now() + 60 * SEC;

	while (!!queue_home(queue) != home && clock_now() < end)
		sched_yield();
	return !!queue_home(queue) == home;
}

static const char *get(const char *name)
{
	static char value[256];

	assert_int_equal(weir_queue_get(queue, name, value, sizeof(value)), 0);
	return value;
}

/* Waits until some lane shows VALUE, which its scheduler has. */
static void assert_shows(const char *name, const char *value)
{
	uint64_t end = clock_now() + 60 * SEC;

	while (strcmp(get(name), value) && clock_now() < end)
		sched_yield();
	assert_string_equal(get(name), value);
}

struct submitter {
	pthread_t thread;
	struct weir_io ios[WINDOW];
	uint32_t number;
	bool attach;
};

static void *submitter_main(void *arg)
{
	struct submitter *s = arg;

	if (s->attach)
		assert_int_equal(weir_queue_attach(queue, s->number), 0);
	for (unsigned i = 0; i < IOS + WINDOW; i++) {
		struct weir_io *io = &s->ios[i % WINDOW];

		if (i >= WINDOW)
			assert_int_equal(weir_io_wait(queue, io, UINT64_MAX), 0);
		if (i >= IOS)
			continue;
		weir_io_read(io, i % 1000 * 4096ull, memory, 4096);
		io->submitter = s->number;
		assert_int_equal(weir_queue_submit(queue, io), 0);
	}
	if (s->attach)
		assert_int_equal(weir_queue_detach(queue), 0);
	return NULL;
}

/* N threads read. */
static void run_threads(unsigned n, bool attach)
{
	static struct submitter s[THREADS];

	memset(s, 0, sizeof(s));
	for (unsigned i = 0; i < n; i++) {
		s[i].attach = attach;
		s[i].number = i;
		assert_int_equal(pthread_create(&s[i].thread, NULL, submitter_main, &s[i]), 0);
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_join(s[i].thread, NULL), 0);
}

/* Returns how many requests lane INDEX has had. No io is outstanding. */
static uint64_t requests_of(unsigned index)
{
	return __atomic_load_n(&queue->lanes[index].stats->requests, __ATOMIC_RELAXED);
}

static void weights_ask_for_one(void **state)
{
	(void)state;
	open_queue("pace", 0);
	assert_null(queue_home(queue));
	assert_int_equal(weir_queue_set(queue, "read_target", "500us"), 0);
	assert_int_equal(weir_queue_set(queue, "nr_requests", "32"), 0);
	/* the weight that everybody has */
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 100), 0);
	assert_null(queue_home(queue));
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_true(has_home(true));
	run_threads(2, true);
	assert_int_equal(requests_of(0), 0);
	assert_int_equal(requests_of(1), 0);
	assert_int_equal(requests_of(2), 2ull * IOS);
	assert_string_equal(get("read_target"), "500");
	assert_string_equal(get("nr_requests"), "32");
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 100), 0);
	assert_true(has_home(false));
	run_threads(2, true);
	assert_int_equal(requests_of(0), IOS);
	assert_int_equal(requests_of(1), IOS);
	assert_string_equal(get("read_target"), "500");
	assert_string_equal(get("nr_requests"), "32");
}

/* A program's threads do not poll: workers take the new instances. */
static void workers_change_too(void **state)
{
	(void)state;
	open_queue("pace", 1);
	run_threads(THREADS, false);
	assert_int_equal(weir_queue_set(queue, "read_target", "500us"), 0);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_true(has_home(true));
	run_threads(THREADS, false);
	assert_shows("read_target", "500");
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 100), 0);
	assert_true(has_home(false));
	run_threads(THREADS, false);
	assert_shows("read_target", "500");
}

static void groups_ask_for_one(void **state)
{
	(void)state;
	open_queue("pace", 1);
	assert_int_equal(weir_queue_submitter_set_group(queue, 1, 1), 0);
	assert_null(queue_home(queue));
	assert_int_equal(weir_queue_submitter_set_group(queue, 1, 2), 0);
	assert_true(has_home(true));
	assert_int_equal(weir_queue_submitter_set_weight(queue, 2, 200), 0);
	assert_int_equal(weir_queue_submitter_set_group(queue, 1, 1), 0);
	assert_true(has_home(true)); /* for the weight */
	assert_int_equal(weir_queue_submitter_set_weight(queue, 2, 100), 0);
	assert_true(has_home(false));
}

static void the_attribute_decides(void **state)
{
	(void)state;
	open_queue("kyber", 1);
	assert_string_equal(get("one_sched"), "2");
	assert_null(queue_home(queue));
	assert_int_equal(weir_queue_set(queue, "one_sched", "1"), 0);
	assert_true(has_home(true));
	assert_int_equal(weir_queue_set(queue, "one_sched", "3"), -EINVAL);
	assert_non_null(strstr(weir_error(), "0 to 2"));
	/* none keeps no order that lanes could share */
	assert_int_equal(weir_queue_set(queue, "scheduler", "none"), 0);
	assert_true(has_home(false));
	assert_int_equal(weir_queue_set(queue, "one_sched", "0"), 0);
	assert_int_equal(weir_queue_set(queue, "scheduler", "bfq"), 0);
	assert_true(has_home(true)); /* it has no instance for a lane */
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_int_equal(weir_queue_set(queue, "scheduler", "pace"), 0);
	assert_true(has_home(false));
	assert_int_equal(weir_queue_set(queue, "one_sched", "2"), 0);
	assert_true(has_home(true));
	/* the weight counts, and kyber has none */
	assert_int_equal(weir_queue_set(queue, "scheduler", "kyber"), 0);
	assert_true(has_home(false));
	run_threads(2, false);
}

static bool keep_changing;

/* Waits for each change, so that there are many of them. */
static void *changer_main(void *arg)
{
	unsigned *changes = arg;

	while (__atomic_load_n(&keep_changing, __ATOMIC_RELAXED)) {
		uint32_t weight = *changes % 2 ? 100 : 10;

		assert_int_equal(weir_queue_submitter_set_weight(queue, 1, weight), 0);
		assert_true(has_home(weight == 10));
		__atomic_fetch_add(changes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void one_comes_and_goes_under_load(void **state)
{
	unsigned changes = 0;
	pthread_t changer;

	(void)state;
	open_queue("pace", 1);
	__atomic_store_n(&keep_changing, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_create(&changer, NULL, changer_main, &changes), 0);
	for (int i = 0; i < 1000 && __atomic_load_n(&changes, __ATOMIC_RELAXED) < 10; i++)
		run_threads(THREADS, false);
	__atomic_store_n(&keep_changing, false, __ATOMIC_RELAXED);
	pthread_join(changer, NULL);
	assert_true(changes >= 10);
}

/* Sets weights and a group, or switches the scheduler, and does not wait for any change. */
static void *hasty_main(void *arg)
{
	static const char *const names[] = { "pace", "bfq", "kyber" };
	bool switches = *(bool *)arg;
	int err;

	for (unsigned i = 0; __atomic_load_n(&keep_changing, __ATOMIC_RELAXED); i++) {
		if (switches)
			err = weir_queue_set(queue, "scheduler", names[i % 3]);
		else if (i % 3)
			err = weir_queue_submitter_set_weight(queue, 1, i % 3 == 1 ? 10 : 100);
		else
			err = weir_queue_submitter_set_group(queue, 2, i % 2 ? 1 : 2);
		assert_true(!err || (err == -EOPNOTSUPP && !switches)); /* kyber has no weights */
		sched_yield();
	}
	return NULL;
}

static void all_changes_at_once(void **state)
{
	bool switches[2] = { false, true };
	pthread_t changer[2];

	(void)state;
	open_queue("pace", 1);
	__atomic_store_n(&keep_changing, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&changer[i], NULL, hasty_main, &switches[i]), 0);
	run_threads(THREADS, false);
	__atomic_store_n(&keep_changing, false, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(changer[i], NULL);
	assert_int_equal(weir_queue_set(queue, "scheduler", "pace"), 0);
	assert_int_equal(weir_queue_submitter_set_group(queue, 2, 1), 0);
	assert_true(has_home(true));
	run_threads(THREADS, false);
}

static int rig_set_up(void **state)
{
	(void)state;
	rig_init();
	rig.own_clock = true;
	rig.now_ns = SEC;
	return 0;
}

static int rig_tear_down(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void open_rig(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.scheduler = "pace";
	opts.lanes = 2;
	rig_open(&opts, NULL);
	queue = rig.q;
	assert_int_equal(lanes_own(queue), 0);
	lanes_use(queue, 0);
}

static void turn(unsigned n)
{
	while (n--)
		assert_true(lanes_poll_wait(queue, 0) >= 0);
}

/* Submits IO, a read that stays in the drive. */
static void hold_a_read(struct weir_io *io)
{
	weir_io_read(io, 0, memory, 4096);
	assert_int_equal(weir_queue_submit(queue, io), 0);
	turn(1);
}

/* A request is below when the weight is set: what is set meanwhile holds for the new instance. */
static void what_is_set_meanwhile_holds(void **state)
{
	struct weir_io io;
	struct lane *home;

	(void)state;
	rig.hold = true;
	open_rig();
	hold_a_read(&io);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_null(queue_home(queue));
	assert_int_equal(weir_queue_set(queue, "write_floor", "7"), 0);
	assert_int_equal(weir_queue_set(queue, "nr_requests", "16"), 0);
	/* the same aim again */
	assert_int_equal(weir_queue_submitter_set_weight(queue, 2, 20), 0);
	rig_complete(1);
	turn(3);
	home = queue_home(queue);
	assert_non_null(home);
	assert_int_equal(home->sched->ops->get(home->sched, 2), 7);
	assert_int_equal(home->sched->env.nr_requests, 16);
	assert_string_equal(get("write_floor"), "7");
	rig.hold = false;
	lanes_disown(queue);
}

static unsigned ended;

static void on_end(struct weir_io *io)
{
	assert_int_equal(io->result, 0);
	ended++;
}

/* Another scheduler, and back: that is a switch, with its defaults, whatever the weights say. */
static void a_switch_meanwhile_has_the_defaults(void **state)
{
	struct weir_io io;
	struct lane *home;

	(void)state;
	rig.hold = true;
	open_rig();
	assert_int_equal(weir_queue_set(queue, "write_floor", "7"), 0);
	assert_int_equal(weir_queue_set(queue, "nr_requests", "16"), 0);
	hold_a_read(&io);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_int_equal(weir_queue_set(queue, "scheduler", "kyber"), 0);
	assert_int_equal(weir_queue_set(queue, "write_floor", "8"), -EBUSY);
	assert_int_equal(weir_queue_set(queue, "scheduler", "pace"), 0);
	assert_int_equal(weir_queue_set(queue, "write_floor", "8"), -EBUSY);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 20), 0);
	rig_complete(1);
	turn(3);
	home = queue_home(queue);
	assert_non_null(home);
	assert_int_equal(home->sched->ops->get(home->sched, 2), 5);
	assert_string_equal(get("write_floor"), "5");
	assert_string_equal(get("nr_requests"), "256");
	rig.hold = false;
	lanes_disown(queue);
}

/* Reads one block after the other, each of which takes 80 us. */
static void work(unsigned n)
{
	struct weir_io io;

	rig.hold = true;
	ended = 0;
	for (unsigned i = 0; i < n; i++) {
		weir_io_read(&io, i * 4096ull, memory, 4096);
		io.end = on_end;
		assert_int_equal(weir_queue_submit(queue, &io), 0);
		turn(2);
		rig.now_ns += 80000;
		rig.allowed++;
		turn(4);
		assert_int_equal(ended, i + 1);
	}
	rig.hold = false;
}

static void what_the_home_learned_is_kept(void **state)
{
	char text[16384];
	size_t length;

	(void)state;
	open_rig();
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	turn(2);
	assert_ptr_equal(queue_home(queue), &queue->lanes[2]);
	work(200);
	rig.now_ns += SEC / 5; /* a lane that works shows this ten times a second */
	work(1);
	assert_string_equal(get("read_lone"), "80000");
	assert_int_equal(weir_queue_save_state(queue, text, sizeof(text), &length), 0);
	lanes_disown(queue);
	assert_int_equal(weir_queue_close(queue), 0);
	open_rig();
	assert_int_equal(weir_queue_load_state(queue, text, length), 0);
	assert_string_equal(get("read_lone"), "80000");
	/* and it goes on to the home that comes after */
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	turn(2);
	assert_int_equal(queue->lanes[2].sched->ops->get(queue->lanes[2].sched, 4), 80000);
	assert_int_equal(queue->lanes[1].sched->ops->get(queue->lanes[1].sched, 4), 0);
	lanes_disown(queue);
}

/* What the first lane has learned goes to the home, and what the home has learned to each lane. */
static void what_was_learned_goes_on(void **state)
{
	(void)state;
	open_rig();
	work(200);
	rig.now_ns += SEC / 5;
	work(1);
	assert_string_equal(get("read_lone"), "80000");
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	turn(2);
	assert_int_equal(queue->lanes[2].sched->ops->get(queue->lanes[2].sched, 4), 80000);
	assert_string_equal(get("read_lone"), "80000");
	/* beside the home, nobody asks the instances that have nothing to do */
	assert_int_equal(queue->lanes[0].sched->ops->get(queue->lanes[0].sched, 4), 0);
	assert_string_equal(get("chunk_now"), "128");
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 100), 0);
	turn(2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(queue->lanes[i].sched->ops->get(queue->lanes[i].sched, 4), 80000);
	lanes_disown(queue);
}

/* Lane 0 has no owner: what the home holds when the last weight goes is for the lane for reads. */
static void what_the_home_held_goes_to_lanes_that_have_owners(void **state)
{
	static struct weir_io ios[64];
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	(void)state;
	opts.scheduler = "pace";
	opts.lanes = 2;
	opts.read_lanes = 1;
	opts.nr_requests = 4;
	opts.depth = 2;
	opts.nomerges = 2;
	opts.engine_opts = "latency=1ms";
	assert_int_equal(weir_queue_open(&queue, dev, &opts), 0);
	assert_int_equal(weir_queue_attach(queue, 1), 0);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_true(has_home(true));
	for (unsigned i = 0; i < 64; i++) {
		weir_io_read(&ios[i], i * 4096ull, memory, 4096);
		assert_int_equal(weir_queue_submit(queue, &ios[i]), 0);
	}
	assert_int_equal(weir_io_wait(queue, &ios[0], 60 * SEC), 0);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 100), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(weir_io_wait(queue, &ios[i], 60 * SEC), 0);
	assert_true(has_home(false));
	assert_int_equal(weir_queue_detach(queue), 0);
}

/* A close that fails leaves the home running. */
static void *close_main(void *arg)
{
	int *err = arg;

	*err = weir_queue_close(queue);
	return NULL;
}

static void a_close_that_is_refused_leaves_the_home(void **state)
{
	struct weir_io io;
	pthread_t closer;
	int err = 0;

	(void)state;
	open_queue("pace", 0);
	assert_int_equal(weir_queue_submitter_set_weight(queue, 1, 10), 0);
	assert_int_equal(weir_queue_attach(queue, 0), 0);
	assert_int_equal(pthread_create(&closer, NULL, close_main, &err), 0);
	assert_int_equal(pthread_join(closer, NULL), 0);
	assert_int_equal(err, -EBUSY);
	weir_io_read(&io, 0, memory, 4096);
	assert_int_equal(weir_queue_submit(queue, &io), 0);
	assert_int_equal(weir_io_wait(queue, &io, 60 * SEC), 0);
	assert_int_equal(weir_queue_detach(queue), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RIG(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(weights_ask_for_one),
		T(groups_ask_for_one),
		T(the_attribute_decides),
		T(workers_change_too),
		T(one_comes_and_goes_under_load),
		T(all_changes_at_once),
		RIG(what_is_set_meanwhile_holds),
		RIG(a_switch_meanwhile_has_the_defaults),
		RIG(what_was_learned_goes_on),
		T(what_the_home_held_goes_to_lanes_that_have_owners),
		T(a_close_that_is_refused_leaves_the_home),
		RIG(what_the_home_learned_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
