/* SPDX-License-Identifier: Apache-2.0 */
/* test_real.c - jobs on a real file and on the null device: the same jobs, in real time. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/device.h>

#define FILE_BYTES (4u << 20)
#define RUNS_MAX 50 /* of 100 ms, until one tells what it should */

static struct weir_device *device;
static char path[64];
static uint64_t windows, window_bytes;

/* Opens a new file of zeroes, or with NULL_DEVICE a device without storage. */
static void open_device(bool null_device)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	int fd;

	rig_reset("nvme");
	snprintf(path, sizeof(path), "/tmp/weir-test-real.XXXXXX");
	if (!null_device) {
		fd = mkstemp(path);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, FILE_BYTES), 0);
		close(fd);
	}
	assert_int_equal(weir_device_open(&device, null_device ? "null:4m" : path, &opts), 0);
	rig.opts.device = device;
	rig.opts.config = NULL;
}

static void close_device(void)
{
	rig.opts.device = NULL;
	weir_device_close(device);
	unlink(path);
}

static void writes_reach_the_file(void **state)
{
	uint64_t words[FILE_BYTES / 8 / 64];
	size_t zeroes = 0;
	int fd;

	(void)state;
	open_device(false);
	rig_run("[w]\nrw=write\nbs=64k\niodepth=4\nsize=4m\n");
	assert_int_equal(rig.result.job[0].bytes, FILE_BYTES);
	assert_int_equal(rig.result.job[0].ios, 64);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, words, sizeof(words)), sizeof(words));
	for (size_t i = 0; i < sizeof(words) / 8; i++)
		zeroes += !words[i];
	assert_int_equal(zeroes, 0);
	close(fd);
	close_device();
}

static void each_scheduler_runs_several_jobs(void **state)
{
	static const char *const scheds[] = { "none", "mq-deadline", "kyber", "bfq", "pace" };

	(void)state;
	open_device(false);
	for (int i = 0; i < 5; i++) {
		rig.opts.scheduler = scheds[i];
		rig_run("[r]\nrw=randread\niodepth=8\nnumber_ios=100\n"
			"[w]\nrw=randwrite\nbs=8k\niodepth=4\nnumber_ios=50\nfsync=10\n");
		assert_int_equal(rig.result.count, 2);
		assert_int_equal(rig.result.job[0].ios, 100);
		assert_int_equal(rig.result.job[1].ios, 50);
		assert_int_equal(rig.result.job[1].flushes, 5);
		assert_string_equal(rig.result.scheduler, scheds[i]);
		assert_non_null(rig.result.engine);
	}
	close_device();
}

static void count_window(void *user, const uint64_t *bytes, size_t n)
{
	(void)user;
	assert_int_equal(n, 2);
	windows++;
	window_bytes += bytes[0] + bytes[1];
}

static void windows_tell_the_bytes_of_each_job(void **state)
{
	(void)state;
	open_device(true);
	rig.opts.window_ns = 10 * MS;
	rig.opts.window = count_window;
	rig_run("[global]\nrw=randread\niodepth=4\nruntime=100ms\ntime_based\n[a]\n[b]\n");
	rig.opts.window = NULL;
	assert_true(windows >= 5);
	assert_true(window_bytes > 0);
	assert_true(window_bytes <= rig.result.job[0].bytes + rig.result.job[1].bytes);
	close_device();
}

/* Nothing waits for the null device, so the thread that submits is all that there is to measure. */
static void a_submitter_that_never_sleeps_is_marked(void **state)
{
	(void)state;
	open_device(true);
	/* A kernel may not tell how long a thread waited for a processor, and none knows what a
	 * hypervisor took from it. So one run of several is enough. */
	for (int i = 0; i < RUNS_MAX && !rig.result.bound; i++) {
		rig_run("[a]\nrw=randread\niodepth=32\ntime_based\nruntime=100ms\n");
		assert_true(rig.result.cpu > 0 && rig.result.cpu_ns > 0);
	}
	assert_true(rig.result.bound || rig.result.cpu_wait == 0);
	rig_run("[a]\nrw=randread\nrate_iops=100\ntime_based\nruntime=100ms\n");
	assert_false(rig.result.bound);
	close_device();
}

static void too_much_memory_is_refused(void **state)
{
	(void)state;
	open_device(true);
	assert_int_equal(rig_try("[a]\nrw=read\nbs=1m\niodepth=65536\nnumjobs=64\nsize=4m\n"),
			 -ENOMEM);
	assert_non_null(strstr(weir_error(), "[a"));
	assert_non_null(strstr(weir_error(), "half"));
	close_device();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(writes_reach_the_file, rig_teardown),
		cmocka_unit_test_teardown(each_scheduler_runs_several_jobs, rig_teardown),
		cmocka_unit_test_teardown(windows_tell_the_bytes_of_each_job, rig_teardown),
		cmocka_unit_test_teardown(a_submitter_that_never_sleeps_is_marked, rig_teardown),
		cmocka_unit_test_teardown(too_much_memory_is_refused, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
