/* SPDX-License-Identifier: Apache-2.0 */
/* test_suite.c - the isolation suite measures what it says, on a model and on a file. */
#include "rig.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>
#include <weir/device.h>

#include "sim/suite.h"

#define RUNS_MAX 50

static struct suite_result result;

static const struct suite_figure *figure(const char *name, const char *which, size_t row, double *v)
{
	for (size_t i = 0; i < SUITE_CASES; i++)
		for (size_t k = 0; suite_cases[i].figure[k].name; k++)
			if (!strcmp(suite_cases[i].name, name) &&
			    !strcmp(suite_cases[i].figure[k].name, which)) {
				*v = result.row[row].value[i][k];
				return &suite_cases[i].figure[k];
			}
	fail_msg("no figure %s of %s", which, name);
	return NULL;
}

/* Asserts that a figure of the scheduler number ROW is from LOW to HIGH. */
static void is(size_t row, const char *name, const char *which, double low, double high)
{
	double value = 0;

	(void)figure(name, which, row, &value);
	rig_between(value, low, high);
}

static unsigned runs, most;

static void count(void *user, const char *scheduler, const char *name, unsigned done, unsigned all)
{
	(void)user;
	assert_non_null(scheduler);
	assert_non_null(name);
	assert_int_equal(done, runs++);
	most = all;
}

/* What none does follows from the depths; a fair scheduler does what is asked. */
static void on_a_model(void **state)
{
	static const char *const names[] = { "none", "pace" };
	struct suite_opts opts = { .run = &rig.opts,
				   .schedulers = names,
				   .nr_schedulers = 2,
				   .runtime_ns = 100 * MS,
				   .progress = count };

	(void)state;
	rig_reset("nvme");
	runs = 0;
	assert_int_equal(suite_run(&result, &opts), 0);
	assert_int_equal(runs, most);
	assert_int_equal(result.rows, 2);
	/* 64 channels in 400 us. */
	rig_between(result.base.flood_mbps, 2550, 2900); /* its beginning fills the cache */
	rig_between(result.base.steady_iops, result.base.most_iops / 20 - 1,
		    result.base.most_iops / 20 + 1);
	/* Without weights each gets a quarter, where 1/15 and 8/15 are due. */
	is(0, "weights", "least", 0.45, 0.49);
	is(0, "weights", "most", 3.6, 3.9);
	is(1, "weights", "least", 0.95, 1);
	is(1, "weights", "most", 1, 1.05);
	is(0, "sizes", "most", 1.4, 1.8);
	is(1, "demand", "got", 0.97, 1.03);
	is(0, "tenants", "jain", 0.98, 1);
	is(0, "writes", "p999", 5, 100);
	is(0, "writes", "flood", 1, 1);
	is(0, "below", "p99", 0.9, 2);
}

static void bars(void **state)
{
	const struct suite_figure none = { "a", "", 0, 0 }, low = { "b", "", 0.9, 0 },
				  high = { "c", "", 0, 1.1 };

	(void)state;
	assert_true(suite_meets(&none, 99));
	assert_true(suite_meets(&low, 0.9) && !suite_meets(&low, 0.899));
	assert_true(suite_meets(&high, 1.1) && !suite_meets(&high, 1.101));
	/* Where nothing ended there is no figure, which is not as good as the best one. */
	assert_true(suite_meets(&none, NAN) && !suite_meets(&low, NAN) && !suite_meets(&high, NAN));
}

/* A p99.9 of no io would be 0, and 0 meets each bar. */
static void a_drive_that_ends_nothing_in_time(void **state)
{
	static const char *const names[] = { "none", "pace" };
	struct suite_opts opts = { .run = &rig.opts, .schedulers = names, .nr_schedulers = 2 };

	(void)state;
	for (int ms = 1; ms <= 20; ms += 19) {
		rig_reset("hdd");
		opts.runtime_ns = (uint64_t)ms * MS;
		assert_int_equal(suite_run(&result, &opts), -ENODATA);
		assert_non_null(strstr(weir_error(), "nothing ended in time: give more --runtime"));
		assert_int_equal(result.rows, 0);
	}
	opts.runtime_ns = 200 * MS;
	assert_int_equal(suite_run(&result, &opts), 0);
	assert_true(result.base.floor_p999 > 0 && result.base.steady_iops >= 1);
}

static void interrupted(void **state)
{
	static const char *const names[] = { "none" };
	static const volatile sig_atomic_t stop = 1;
	struct suite_opts opts = {
		.run = &rig.opts, .schedulers = names, .nr_schedulers = 1, .runtime_ns = 100 * MS
	};

	(void)state;
	rig_reset("nvme");
	rig.opts.stop = &stop;
	assert_int_equal(suite_run(&result, &opts), 0);
	assert_true(result.interrupted);
	assert_int_equal(result.rows, 0);
}

/* The same on a file: no figure is judged, but all are there. */
static void on_a_file(void **state)
{
	static const char *const names[] = { "mq-deadline" };
	struct suite_opts opts = {
		.run = &rig.opts, .schedulers = names, .nr_schedulers = 1, .runtime_ns = 5 * MS
	};
	int err = -ENODATA;
	struct weir_device_opts open = WEIR_DEVICE_OPTS_INIT;
	char path[] = "/tmp/suite-XXXXXX";
	struct weir_device *dev;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	close(fd);
	rig_reset("nvme");
	if (weir_device_open(&dev, path, &open)) {
		unlink(path);
		fail_msg("%s", weir_error());
	}
	rig.opts.device = dev;
	rig.opts.config = NULL;
	/* For a while this machine may stand still, and then nothing ends in time. */
	for (int i = 0; i < RUNS_MAX && err == -ENODATA; i++)
		err = suite_run(&result, &opts);
	assert_int_equal(err, 0);
	assert_int_equal(result.rows, 1);
	assert_string_equal(result.row[0].scheduler, "mq-deadline");
	weir_device_close(dev);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(on_a_model, rig_teardown),
		cmocka_unit_test_teardown(bars, rig_teardown),
		cmocka_unit_test_teardown(a_drive_that_ends_nothing_in_time, rig_teardown),
		cmocka_unit_test_teardown(interrupted, rig_teardown),
		cmocka_unit_test_teardown(on_a_file, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
