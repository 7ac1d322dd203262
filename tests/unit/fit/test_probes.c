/* SPDX-License-Identifier: Apache-2.0 */
/* test_probes.c - probes measure what they say on a model, and what cannot be true is refused. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/device.h>

#include "fit/probes.h"

#define MS 1000000ull

static struct probe_set set;
static struct sim_config config;
static unsigned shown;

static void count(void *user, const char *name)
{
	(void)user;
	assert_string_equal(name, probes[shown].name);
	shown++;
}

static int probe(const char *device)
{
	struct sim_run_opts run = { .config = &config, .seed = 1 };
	struct probes_opts opts = { .run = &run, .flood_ns = probe_point_ns(8), .progress = count };

	shown = 0;
	assert_int_equal(sim_config_load(&config, device), 0);
	return probes_run(&set, &opts);
}

static void is(size_t i, size_t figure, double low, double high)
{
	double value = set.value[i][figure];

	if (value < low || value > high)
		fail_msg("%s %s: %g is not from %g to %g", probes[i].name,
			 probes[i].figure[figure].name, value, low, high);
}

/* What nvme does follows from its description. */
static void of_nvme(void **state)
{
	(void)state;
	assert_int_equal(probe("nvme"), 0);
	assert_int_equal(shown, PROBES);
	assert_int_equal(set.count, PROBES);
	assert_int_equal(probes_check(&set), 0);
	assert_int_equal(set.facts.capacity, config.capacity);
	/* 60 us of the flash, 8 of the command. */
	is(PROBE_READ_4K, 0, 62e3, 72e3);
	is(PROBE_READ_1M_32, 0, 6.4e9, 6.9e9);
	is(PROBE_WRITE_4K, 0, 17e3, 20e3);
	/* Nothing waits for the cache: a write and the command of a flush. */
	is(PROBE_FLUSH_4K, 0, 25e3, 29e3);
	/* The link, then 64 pages in 400 us and the 64 MiB of the cache. */
	is(PROBE_FLOODED, 0, 20e6, 29e6);
	is(PROBE_FLOODED, 7, 0.97 * (64 << 20) + 0.512 * 2.55e9,
	   1.03 * (64 << 20) + 0.512 * 2.65e9);
	assert_true(set.value[PROBE_FLOODED][8] > set.value[PROBE_FLOODED][7]);
	assert_true(set.value[PROBE_FLOODED][9] < 0);
}

/* A map that is not all in memory, and a cache that a flush waits for. */
static void of_dramless(void **state)
{
	(void)state;
	assert_int_equal(probe("dramless"), 0);
	assert_true(set.value[PROBE_READ_NEAR][0] > 1.5 * set.value[PROBE_READ_FAR][0]);
	assert_true(set.value[PROBE_READ_MID][0] > 1.1 * set.value[PROBE_READ_FAR][0]);
	assert_true(set.value[PROBE_FLUSH_4K][0] > 5 * set.value[PROBE_WRITE_4K][0]);
}

static void repeatable(void **state)
{
	static struct probe_set first;

	(void)state;
	assert_int_equal(probe("xpoint"), 0);
	first = set;
	assert_int_equal(probe("xpoint"), 0);
	assert_memory_equal(&first, &set, sizeof(set));
}

static void points(void **state)
{
	(void)state;
	assert_int_equal(probe_points(0), 0);
	assert_int_equal(probe_points(4 * MS), 1);
	assert_int_equal(probe_points(512 * MS), 8);
	assert_int_equal(probe_points(UINT64_MAX), PROBE_FIGURES_MAX);
}

/* Asserts that VALUE for a figure is refused, in words that contain each of the two. */
static void refused(size_t i, size_t figure, double value, const char *says, const char *also)
{
	double old = set.value[i][figure];

	set.value[i][figure] = value;
	assert_int_equal(probes_check(&set), -EINVAL);
	if (!strstr(weir_error(), says) || !strstr(weir_error(), also))
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", weir_error(), says, also);
	set.value[i][figure] = old;
	assert_int_equal(probes_check(&set), 0);
}

/* Asserts that VALUE for the number AT of the set is refused by NAME. */
static void refused_number(uint64_t *at, uint64_t value, const char *name)
{
	uint64_t old = *at;

	*at = value;
	assert_int_equal(probes_check(&set), -EINVAL);
	if (!strstr(weir_error(), name))
		fail_msg("\"%s\" lacks \"%s\"", weir_error(), name);
	*at = old;
	assert_int_equal(probes_check(&set), 0);
}

static void no_drive(void **state)
{
	(void)state;
	assert_int_equal(probe("sata"), 0);
	refused_number(&set.facts.logical_block, 0, "logical_block_bytes");
	refused_number(&set.facts.logical_block, 513, "logical_block_bytes of the drive is 513");
	refused_number(&set.facts.physical_block, 4095, "physical_block_bytes");
	refused_number(&set.facts.physical_block, 256, "physical_block_bytes");
	refused_number(&set.facts.max_io, 0, "max_io_bytes");
	refused_number(&set.facts.max_io, 3, "max_io_bytes of the drive is 3");
	refused_number(&set.facts.max_segments, 0, "max_segments");
	refused_number(&set.runtime_ns[PROBE_BESIDE], 0, "runtime_ns of the probe beside");
	refused_number(&set.runtime_ns[PROBE_FLOODED], 0, "runtime_ns of the probe flood");
	refused_number(&set.runtime_ns[PROBE_FLOODED], 512 * MS - 1, "after_512ms");
	refused_number(&set.runtime_ns[PROBE_FLOODED], 512 * MS, "after_1s");
	refused(PROBE_READ_4K, 0, NAN, "read-4k", "p50");
	refused(PROBE_READ_4K, 0, -5, "read-4k", "p50");
	refused(PROBE_READ_4K, 1, INFINITY, "read-4k", "p99");
	refused(PROBE_READ_4K, 0, 1e-5, "read-4k", "p50");
	refused(PROBE_READ_FAR, 0, 1e17, "read-far", "iops");
	refused(PROBE_READ_1M_32, 0, -1e9, "read-1m-32", "rate");
	refused(PROBE_READ_1M_32, 0, 0, "read-1m-32", "rate");
	refused(PROBE_FLOODED, 9, NAN, "flood", "after_2s");
	/* A drive that does not say what its physical blocks are. */
	set.facts.physical_block = 0;
	assert_int_equal(probes_check(&set), 0);
}

static void nonsense(void **state)
{
	(void)state;
	assert_int_equal(probe("sata"), 0);
	refused(PROBE_BESIDE, 0, PROBE_NONE, "beside", "no figure p50");
	refused(PROBE_FLOODED, 7, PROBE_NONE, "flood", "after_512ms");
	refused(PROBE_READ_1M, 0, 0, "read-1m", "is 0");
	refused(PROBE_READ_128K, 0, 2 * set.value[PROBE_READ_128K][1], "read-128k", "p50 is above");
	refused(PROBE_FLOODED, 3, 1, "flood", "after_32ms is less than after_16ms");
	refused(PROBE_READ_4K_128, 0, 100, "read-4k-128", "contradict");
	/* A point that is missing before one that is there. */
	set.runtime_ns[PROBE_FLOODED] = probe_point_ns(9);
	set.value[PROBE_FLOODED][8] = PROBE_NONE;
	set.value[PROBE_FLOODED][9] = 1e12;
	assert_int_equal(probes_check(&set), 0); /* what follows a missing point is not used */
}

static void stopped(void **state)
{
	static const volatile sig_atomic_t stop = 1;
	struct sim_run_opts run = { .config = &config, .seed = 1, .stop = &stop };
	struct probes_opts opts = { .run = &run, .flood_ns = 512 * MS };

	(void)state;
	assert_int_equal(sim_config_load(&config, "nvme"), 0);
	assert_int_equal(probes_run(&set, &opts), -EINTR);
	assert_int_equal(set.count, 0);
}

/* On a file no figure is judged, but all are there, and later probes know what was written. */
static void of_a_file(void **state)
{
	struct weir_device_opts open = WEIR_DEVICE_OPTS_INIT;
	struct sim_run_opts run = { .seed = 1 };
	/* The run is longer than a second by then, but the flood is not to be. */
	struct probes_opts opts = { .run = &run, .runtime_ns = 10 * MS, .flood_ns = 1023 * MS };
	char path[] = "/tmp/probes-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	close(fd);
	if (weir_device_open(&run.device, path, &open)) {
		unlink(path);
		fail_msg("%s", weir_error());
	}
	unlink(path);
	assert_int_equal(probes_run(&set, &opts), 0);
	weir_device_close(run.device);
	assert_int_equal(set.facts.capacity, 64 << 20);
	for (size_t i = 0; i < PROBES; i++)
		for (size_t k = 0; k < 8 && probes[i].figure[k].name; k++) /* of 512 ms */
			assert_true(set.value[i][k] >= 0);
	assert_true(set.value[PROBE_FLOODED][8] < 0);
	assert_int_equal(set.written[PROBE_WRITE_4K], 0);
	assert_true(set.written[PROBE_FLOODED] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nvme),  cmocka_unit_test(of_dramless),
		cmocka_unit_test(points),   cmocka_unit_test(repeatable),
		cmocka_unit_test(no_drive), cmocka_unit_test(nonsense),
		cmocka_unit_test(stopped),  cmocka_unit_test(of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
