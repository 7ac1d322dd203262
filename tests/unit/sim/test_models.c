/* SPDX-License-Identifier: Apache-2.0 */
/* test_models.c - the drives behave as drives do: the results follow from their descriptions. */
#include "rig.h"

#include <weir/weir.h>

#include "queue/open.h"
#include "sim/sim.h"

/* 180 MiB/s below the head, one read of 128 KiB after another. */
static void hdd_reads_on(void **state)
{
	(void)state;
	rig_reset("hdd");
	rig_run("[a]\nrw=read\nbs=128k\nruntime=2\n");
	rig_between(rig_mbps(0), 180, 189);
	/* A pause costs nothing: meanwhile the buffer fills. */
	rig_run("[a]\nrw=read\nbs=128k\nruntime=2\nthinktime=1ms\n");
	rig_between((double)rig.result.job[0].latency.p99_ns, 300e3, 400e3);
	/* Without the buffer each read waits for a revolution, or most of one. */
	rig.config.hdd.read_ahead = 0;
	rig_run("[a]\nrw=read\nbs=128k\nruntime=2\n");
	rig_between(rig_iops(0), 105, 121);
}

static void hdd_buffer_is_as_long_as_it_is(void **state)
{
	(void)state;
	rig_reset("hdd");
	rig.config.hdd.read_ahead = 1 << 20;
	/* After 100 ms all of the buffer is filled, and not more. */
	rig_run("[a]\nrw=read\nbs=512k\nruntime=2\nthinktime=100ms\n");
	rig_between((double)rig.result.job[0].latency.p50_ns, 1.0e6, 1.1e6);
	/* The part that does not fit waits for the platter, and is read then. */
	rig_run("[a]\nrw=read\nbs=1m\nruntime=2\nthinktime=101ms\n");
	rig_between((double)rig.result.job[0].latency.p50_ns, 1.9e6, 2e6);
	rig.config.hdd.read_ahead = 512 << 10;
	rig_run("[a]\nrw=read\nbs=1m\nruntime=2\nthinktime=101ms\n");
	rig_between((double)rig.result.job[0].latency.p50_ns, 5.5e6, 14.5e6);
}

static void hdd_is_slower_inside(void **state)
{
	(void)state;
	rig_reset("hdd");
	rig_run("[a]\nrw=read\nbs=1m\niodepth=4\nruntime=2\noffset=3900g\n");
	rig_between(rig_mbps(0), 88, 95);
}

/* 8.5 ms for the mean root of a distance, half a revolution, and the command's own cost. */
static void hdd_seeks(void **state)
{
	(void)state;
	rig_reset("hdd");
	rig_run("[a]\nrw=randread\nruntime=10\n");
	rig_between(rig_iops(0), 74, 83);
	/* Short seeks cost less: a hundredth of the way costs 2.4 ms at most. */
	rig_run("[a]\nrw=randread\nruntime=10\nsize=40g\n");
	rig_between(rig_iops(0), 130, 175);
}

static void hdd_sequential_is_faster(void **state)
{
	double sequential;

	(void)state;
	rig_reset("hdd");
	rig_run("[a]\nrw=read\nbs=64k\niodepth=8\nruntime=4\n");
	sequential = rig_mbps(0);
	rig_run("[a]\nrw=randread\nbs=64k\niodepth=8\nruntime=4\n");
	rig_between(sequential / rig_mbps(0), 20, 50);
}

static void hdd_queue_is_sorted(void **state)
{
	double one, sorted;

	(void)state;
	rig_reset("hdd");
	rig_run("[a]\nrw=randread\nruntime=10\n");
	one = rig_iops(0);
	rig_run("[a]\nrw=randread\niodepth=32\nruntime=10\n");
	sorted = rig_iops(0);
	rig_between(sorted / one, 1.6, 3);
	/* No command waits much longer than max_wait. */
	rig_between((double)rig.result.job[0].latency.max_ns, 300e6, 460e6);
	rig.config.hdd.max_wait = 0;
	rig_run("[a]\nrw=randread\niodepth=32\nruntime=10\n");
	assert_true(rig_iops(0) > sorted);
	assert_true(rig.result.job[0].latency.max_ns > 460 * MS);
	rig.config.hdd.order = SIM_ORDER_FIFO;
	rig_run("[a]\nrw=randread\niodepth=32\nruntime=10\n");
	rig_between(rig_iops(0) / one, 0.97, 1.06);
}

/*
 * The drive's cache is off: a write that the next one does not follow at once loses a revolution.
 */
static void hdd_writes_lose_revolutions(void **state)
{
	(void)state;
	rig_reset("hdd");
	rig_run("[a]\nrw=write\nbs=128k\nruntime=2\n");
	rig_between(rig_iops(0), 105, 121);
	/* Ios that come at once are merged, so it has more than one command of 1 MiB. */
	rig_run("[a]\nrw=write\nbs=128k\niodepth=32\nruntime=2\n");
	rig_between(rig_mbps(0), 180, 189);
}

/*
 * The commands of a sequential reader are always the nearest. But one of several equal readers
 * must not keep the head for itself, and sharing must not cost as much as serving them in order.
 */
static void hdd_shares_its_head(void **state)
{
	static const char *const loads[] = {
		"bs=128k\niodepth=8\nnumjobs=8\noffset_increment=1g\nsize=1g\n",
		"bs=128k\niodepth=8\nnumjobs=8\noffset_increment=16g\nsize=16g\n",
		"bs=64k\niodepth=8\nnumjobs=8\noffset_increment=1g\nsize=1g\n",
		"bs=512k\niodepth=2\nnumjobs=4\noffset_increment=100g\nsize=100g\n",
	};

	(void)state;
	for (int i = 0; i < 4; i++) {
		double least = 1e9, most = 0, nearest = 0, fifo = 0;
		char text[256];

		snprintf(text, sizeof(text), "[a]\nrw=read\nruntime=10\ntime_based\n%s", loads[i]);
		rig_reset("hdd");
		rig_run(text);
		for (size_t j = 0; j < rig.result.count; j++) {
			least = rig_mbps(j) < least ? rig_mbps(j) : least;
			most = rig_mbps(j) > most ? rig_mbps(j) : most;
			nearest += rig_mbps(j);
			assert_true(rig.result.job[j].latency.max_ns < 800 * MS);
		}
		rig_between(most / least, 1, 1.5);
		rig.config.hdd.order = SIM_ORDER_FIFO;
		rig_run(text);
		for (size_t j = 0; j < rig.result.count; j++)
			fifo += rig_mbps(j);
		rig_between(nearest / fifo, 1, 20);
	}
}

static void ssd_latency_is_the_sum(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.spread = 0;
	/* 60 us for the page, 8 for the command, 0.6 for the link. */
	rig_run("[a]\nrw=randread\nruntime=100ms\n");
	rig_between((double)rig.result.job[0].latency.p50_ns, 68.5e3, 68.8e3 * 1.033);
	rig_between((double)rig.result.job[0].latency.min_ns, 68.5e3, 68.8e3);
	assert_true(rig.result.job[0].latency.max_ns == rig.result.job[0].latency.min_ns);
	/* A random share changes the mean little and the tail much. */
	rig.config.ssd.spread = 50;
	rig_run("[a]\nrw=randread\nruntime=500ms\n");
	rig_between(1e9 / rig_iops(0), 66e3, 71e3);
	assert_true(rig.result.job[0].latency.p999_ns > 180000);
	assert_true(rig.result.job[0].latency.min_ns < 50000);
}

static void ssd_channels_work_side_by_side(void **state)
{
	double one, many;

	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=randread\nruntime=200ms\n");
	one = rig_iops(0);
	rig_run("[a]\nrw=randread\niodepth=16\nruntime=200ms\n");
	rig_between(rig_iops(0) / one, 13, 16);
	rig.config.ssd.channels = 4;
	rig_run("[a]\nrw=randread\niodepth=64\nruntime=200ms\n");
	many = rig_iops(0);
	rig_between(many, 4 * 15500, 4 * 16800); /* 60 us each */
	/*
	 * 64 commands on 4 random channels: for 64 / 67 of the time each channel has one, or a
	 * little more.
	 */
	rig_between(rig.result.worked, 0.94, 0.99);
}

static void ssd_link_limits(void **state)
{
	(void)state;
	rig_reset("sata");
	rig_run("[a]\nrw=read\nbs=1m\niodepth=8\nruntime=1\n");
	rig_between(rig_mbps(0), 530 * 1.04, 530 * 1.05);
	/* Both directions on one link, and on two. */
	rig.config.ssd.cache = 64ull << 30;
	rig_run("[r]\nrw=read\nbs=1m\niodepth=8\nruntime=1\n"
		"[w]\nrw=write\nbs=1m\niodepth=8\nruntime=1\n");
	rig_between(rig_mbps(0) + rig_mbps(1), 530 * 1.04, 530 * 1.05);
	rig.config.duplex = 1;
	rig_run("[r]\nrw=read\nbs=1m\niodepth=8\nruntime=1\n"
		"[w]\nrw=write\nbs=1m\niodepth=8\nruntime=1\n");
	rig_between(rig_mbps(0) + rig_mbps(1), 2 * 530 * 1.0, 2 * 530 * 1.05);
}

/* Into the cache at the speed of the link, then at the speed of the flash: 64 pages in 400 us. */
static void ssd_cache_fills(void **state)
{
	double flash = 64 * 16.384 / 0.4;

	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=write\nbs=128k\niodepth=32\nsize=48m\n");
	rig_between(rig_mbps(0), 6300, 6820);
	rig_run("[a]\nrw=write\nbs=128k\niodepth=32\nruntime=2\n");
	rig_between(rig_mbps(0), flash * 0.97, flash * 1.05);
	rig.config.ssd.cache = 8ull << 30;
	rig_run("[a]\nrw=write\nbs=128k\niodepth=32\nruntime=1\n");
	rig_between(rig_mbps(0), 6300, 6820);
}

static void ssd_full_cache_hurts_reads(void **state)
{
	uint64_t alone;

	(void)state;
	rig_reset("nvme");
	rig_run("[r]\nrw=randread\nruntime=1\n");
	alone = rig.result.job[0].latency.p50_ns;
	rig_run("[r]\nrw=randread\nruntime=1\n"
		"[w]\nrw=write\nbs=128k\niodepth=16\nruntime=1\n");
	assert_true(rig.result.job[0].latency.p50_ns > 3 * alone);
}

/* Completes a command of the queue, and returns the time of that. */
static uint64_t run_one(struct weir_queue *q, struct sim *sim, struct weir_io *io)
{
	uint64_t begin = sim_now(sim);

	assert_int_equal(weir_queue_submit(q, io), 0);
	assert_int_equal(weir_io_wait(q, io, UINT64_MAX), 0);
	return sim_now(sim) - begin;
}

/* 16 MiB in the cache of a drive that programs 8 pages in 300 us. */
static uint64_t flush_after_writes(const char *device)
{
	struct weir_queue *q;
	struct weir_io io;
	struct sim *sim;
	static char memory[1 << 20];
	uint64_t ns;

	rig_reset(device);
	assert_int_equal(sim_open(&sim, &rig.config, 1), 0);
	assert_int_equal(queue_open(&q, sim_device(sim), NULL, sim_engine(sim), NULL), 0);
	for (uint64_t i = 0; i < 8; i++) {
		weir_io_write(&io, i << 20, memory, sizeof(memory));
		(void)run_one(q, sim, &io);
	}
	weir_io_flush(&io);
	ns = run_one(q, sim, &io);
	assert_int_equal(weir_queue_close(q), 0);
	sim_close(sim);
	return ns;
}

static void flush_waits_for_a_volatile_cache(void **state)
{
	(void)state;
	assert_int_equal(flush_after_writes("nvme"), 8000);
	assert_true(flush_after_writes("sata") > 300000);
	assert_int_equal(flush_after_writes("hdd"), 100000);
}

/* A page is free in the buffer only after one has been taken out. */
static void hdd_buffer_fills_at_the_speed_of_the_platter(void **state)
{
	static char memory[512 << 10];
	struct weir_queue *q;
	struct weir_io io;
	struct sim *sim;
	uint64_t ns = 0;

	(void)state;
	rig_reset("hdd");
	rig.config.hdd.read_ahead = 1 << 20;
	assert_int_equal(sim_open(&sim, &rig.config, 1), 0);
	assert_int_equal(queue_open(&q, sim_device(sim), NULL, sim_engine(sim), NULL), 0);
	for (uint64_t i = 0; i < 9; i++) {
		weir_io_read(&io, i * sizeof(memory), memory, sizeof(memory));
		ns += run_one(q, sim, &io);
		if (i)
			continue;
		ns = 0;
		assert_int_equal(weir_queue_poll_wait(q, 100 * MS), 0);
	}
	/* 4 MiB, of which 1 was there. */
	rig_between((double)ns, 3.0 / 180 * 1e9, 3.2 / 180 * 1e9);
	assert_int_equal(weir_queue_close(q), 0);
	sim_close(sim);
}

/* Reads alone would keep every channel busy; programs alternate with them. */
static void ssd_reads_do_not_starve_writes(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.channels = 4;
	rig.config.ssd.cache = 4 << 20;
	rig.opts.depth = 256;
	rig_run("[r]\nrw=randread\niodepth=200\nruntime=500ms\n"
		"[w]\nrw=write\nbs=64k\niodepth=8\nruntime=500ms\n");
	/* 4 pages in 460 us. */
	rig_between(rig_mbps(1), 110, 160);
	rig_between(rig_iops(0), 7000, 9500);
}

static uint64_t fua_write(const char *device)
{
	static char memory[4096];
	struct weir_queue *q;
	struct weir_io io;
	struct sim *sim;
	uint64_t ns;

	rig_reset(device);
	rig.config.ssd.spread = 0;
	assert_int_equal(sim_open(&sim, &rig.config, 1), 0);
	assert_int_equal(queue_open(&q, sim_device(sim), NULL, sim_engine(sim), NULL), 0);
	weir_io_write(&io, 0, memory, sizeof(memory));
	io.flags |= WEIR_IO_FUA;
	ns = run_one(q, sim, &io);
	assert_int_equal(weir_queue_close(q), 0);
	sim_close(sim);
	return ns;
}

static void ssd_fua_goes_through_a_volatile_cache(void **state)
{
	(void)state;
	rig_between((double)fua_write("nvme"), 18e3, 30e3);
	assert_true(fua_write("sata") > 300000);
}

/* A write that is larger than the cache passes through it alone: 16 pages of 400 us. */
static void ssd_write_beyond_the_cache(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.channels = 1;
	rig.config.ssd.page = 4096;
	rig.config.ssd.cache = 8192;
	rig.config.ssd.spread = 0;
	rig_run("[a]\nrw=write\nbs=64k\nruntime=500ms\n");
	rig_between(rig_iops(0), 155, 160);
}

static void ssd_writes_wait_in_order(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.cache = 2 << 20;
	rig_run("[global]\nrw=randwrite\nruntime=200ms\n[big]\nbs=1m\n[small]\niodepth=64\n");
	/* It waits for at most 64 small writes and its own length: much less than a ms. */
	assert_true(rig.result.job[0].latency.max_ns < 1 * MS);
	assert_true(rig_iops(0) > 1000);
}

static void devices_say_what_they_are(void **state)
{
	const struct weir_device_info *info;
	struct sim *sim;

	(void)state;
	rig_reset("sata");
	assert_int_equal(sim_open(&sim, &rig.config, 1), 0);
	info = weir_device_get_info(sim_device(sim));
	assert_int_equal(info->write_cache, 1);
	assert_int_equal(info->rotational, 0);
	assert_int_equal(info->nr_requests, 32);
	assert_true(info->capacity_bytes == 512ull << 30);
	sim_close(sim);
	rig_reset("hdd");
	assert_int_equal(sim_open(&sim, &rig.config, 1), 0);
	info = weir_device_get_info(sim_device(sim));
	assert_int_equal(info->rotational, 1);
	assert_int_equal(info->write_cache, 0);
	sim_close(sim);
}

static void trims(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig.config.ssd.spread = 0;
	rig_run("[a]\nrw=randtrim\nbs=1m\nruntime=100ms\n");
	rig_between(1e9 / rig_iops(0), 107.9e3, 108.3e3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(hdd_reads_on),
		T(hdd_buffer_is_as_long_as_it_is),
		T(hdd_is_slower_inside),
		T(hdd_seeks),
		T(hdd_sequential_is_faster),
		T(hdd_queue_is_sorted),
		T(hdd_writes_lose_revolutions),
		T(hdd_shares_its_head),
		T(ssd_latency_is_the_sum),
		T(ssd_channels_work_side_by_side),
		T(ssd_link_limits),
		T(ssd_cache_fills),
		T(ssd_full_cache_hurts_reads),
		T(flush_waits_for_a_volatile_cache),
		T(devices_say_what_they_are),
		T(hdd_buffer_fills_at_the_speed_of_the_platter),
		T(ssd_reads_do_not_starve_writes),
		T(ssd_fua_goes_through_a_volatile_cache),
		T(ssd_write_beyond_the_cache),
		T(ssd_writes_wait_in_order),
		T(trims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
