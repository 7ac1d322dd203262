/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_keys.c - job files as in fio: its keys and their synonyms, its units and lists, notes about
 * keys that a simulation leaves out, and all mistakes of a file at once. The meaning of the values
 * was taken from `fio --parse-only` and the banner of fio 3.33.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/fio_keys.h"
#include "sim/job_keys.h"
#include "sim/keys.h"

static struct sim_jobs jobs;

static int read_jobs(const char *text)
{
	return rig_read(&jobs, text, "j.fio");
}

/* Returns the only job of a file that has LINES and a runtime. */
static const struct sim_job *job(const char *lines)
{
	char text[1024];

	snprintf(text, sizeof(text), "[a]\nruntime=1\n%s\n", lines);
	if (read_jobs(text))
		fail_msg("%s: %s", lines, weir_error());
	assert_int_equal(jobs.count, 1);
	return jobs.job;
}

static void bad(const char *lines, const char *what)
{
	char text[1024];

	snprintf(text, sizeof(text), "[a]\nruntime=1\n%s\n", lines);
	assert_int_equal(read_jobs(text), -EINVAL);
	if (!strstr(weir_error(), what))
		fail_msg("\"%s\" does not say \"%s\"", weir_error(), what);
}

static void units(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes;
	} sizes[] = {
		{ "bs=4k", 4096 },
		{ "bs=4K", 4096 },
		{ "bs=4kb", 4096 },
		{ "bs=4KB", 4096 },
		{ "bs=4ki", 4096 },
		{ "bs=4kib", 4000 },
		{ "bs=4KiB", 4000 },
		{ "bs=1m", 1 << 20 },
		{ "bs=1MiB", 1000000 },
		{ "bs=4096B", 4096 },
		{ "bs=4096", 4096 },
		{ "bs=0x1000", 4096 },
		{ "blocksize=8k", 8192 },
		{ "kb_base=1000\nbs=4k", 4000 },
		{ "kb_base=1000\nbs=4KB", 4000 },
		{ "kb_base=1000\nbs=4KiB", 4096 },
		{ "kb_base=1000\nbs=1m", 1000000 },
		{ "kb_base=1000\nbs=1.5m", 1500000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const struct sim_job *j = job(sizes[i].line);

		if (j->bs[SIM_READ].min != sizes[i].bytes)
			fail_msg("%s: %llu", sizes[i].line,
				 (unsigned long long)j->bs[SIM_READ].min);
	}
	/* A surprising meaning is noted, once. */
	job("bs=4KiB\nsize=1GiB");
	assert_int_equal(jobs.notes.count, 1);
	assert_non_null(strstr(jobs.notes.line[0], "j.fio:3: bs=4KiB: fio reads KiB"));
	bad("bs=0x10k", "hexadecimal");
	bad("bs=0x", "hexadecimal");
	bad("bs=4q", "4q");
	assert_int_equal(job("iodepth=0x10")->iodepth, 16);
	bad("iodepth=0x", "number");
	assert_int_equal(job("ramp_time=1500ms")->ramp_time, 1500 * MS);
	assert_int_equal(job("ramp_time=2sec")->ramp_time, 2 * SEC);
	assert_true(job("ramp_time=1d")->ramp_time == 24 * 3600 * SEC);
	assert_int_equal(job("thinktime=3msec")->thinktime, 3 * MS);
	assert_int_equal(job("thinktime=7")->thinktime, 7000);
	bad("ramp_time=400d", "too much");
}

static void lists(void **state)
{
	const struct sim_job *j;

	(void)state;
	j = job("bs=4k,8k");
	assert_int_equal(j->bs[0].min, 4096);
	assert_int_equal(j->bs[1].min, 8192);
	assert_int_equal(j->bs[2].min, 8192);
	j = job("bs=,8k,");
	assert_int_equal(j->bs[0].min, 4096);
	assert_int_equal(j->bs[1].min, 8192);
	assert_int_equal(j->bs[2].min, 4096);
	j = job("rate=1m,");
	assert_int_equal(j->rate[0], 1 << 20);
	assert_int_equal(j->rate[1], 0);
	j = job("rate_iops=,500");
	assert_int_equal(j->rate_iops[0], 0);
	assert_int_equal(j->rate_iops[1], 500);
	j = job("bsrange=64k-4k,16k:32k");
	assert_int_equal(j->bs[0].min, 4096);
	assert_int_equal(j->bs[0].max, 65536);
	assert_int_equal(j->bs[1].max, 32768);
	j = job("bssplit=4k/50:1k/:32k/,8k/10:64k/90");
	assert_int_equal(j->bs[0].nr, 3);
	assert_int_equal(j->bs[0].split[0].percent, 50);
	assert_int_equal(j->bs[0].split[1].percent, 25);
	assert_int_equal(j->bs[0].split[2].percent, 25);
	assert_int_equal(j->bs[0].min, 1024);
	assert_int_equal(j->bs[0].max, 32768);
	assert_int_equal(j->bs[1].split[1].bytes, 65536);
	assert_int_equal(j->bs[2].nr, 2);
	assert_int_equal(job("percentage_random=30,40")->percentage_random[1], 40);
	bad("bs=4k,8k,16k,32k", "more than one value each");
	bad("bs=", "value");
	bad("bsrange=4k", "range");
	bad("bssplit=4k/60:8k/60", "add up to 120");
	bad("bssplit=4k/60:8k/30", "add up to 90");
	bad("bssplit=4k/x", "number");
	bad("percentage_random=101", "100");
}

static void words(void **state)
{
	const struct sim_job *j;

	(void)state;
	j = job("readwrite=randread:8");
	assert_int_equal(j->rw, SIM_RW_READ | SIM_RW_RANDOM);
	assert_int_equal(j->rw_step, 8);
	assert_int_equal(job("rw=write:4k")->rw_step, 4096);
	assert_int_equal(job("rwmixwrite=30")->rwmixread, 70);
	j = job("random_distribution=zipf:1.2:0.25");
	assert_int_equal(j->random_distribution.kind, SIM_RANDOM_ZIPF);
	assert_true(j->random_distribution.value == 1.2);
	assert_true(j->random_distribution.centre == 0.25);
	assert_true(job("random_distribution=normal:10")->random_distribution.centre == 0.5);
	j = job("startdelay=3-1");
	assert_int_equal(j->startdelay, SEC);
	assert_int_equal(j->startdelay_max, 3 * SEC);
	j = job("size=20%\noffset=10%\nio_limit=300%");
	assert_int_equal(j->size.percent, 20);
	assert_int_equal(j->offset.percent, 10);
	assert_int_equal(j->io_size.percent, 300);
	assert_int_equal(job("timeout=3")->runtime, 3 * SEC);
	assert_int_equal(job("sync=dsync")->sync, 1);
	assert_int_equal(job("wait_for_previous")->stonewall, 1);
	assert_int_equal(job("iodepth_batch_submit=4")->iodepth_batch, 4);
	bad("rw=randread:x", "x");
	bad("random_distribution=zipf", "zipf:1.2");
	bad("random_distribution=zipf:0", "little");
	bad("random_distribution=pareto:1", "much");
	bad("random_distribution=random:1", "no number");
	bad("random_distribution=zipf:1.2:3", "from 0 to 1");
	bad("random_distribution=zoned:60/10", "none of");
	bad("size=0%", "nothing");
}

static void notes_once_each(void **state)
{
	(void)state;
	assert_int_equal(read_jobs("[global]\nioengine=libaio\ndirect=1\nruntime=1\n"
				   "[a]\ngroup_reporting\nlatency_target=5ms\n"
				   "[b]\nioengine=io_uring\ndirect=0\n"),
			 0);
	assert_int_equal(jobs.count, 2);
	assert_int_equal(jobs.notes.count, 4);
	assert_string_equal(jobs.notes.line[0],
			    "j.fio:2: ioengine is not used: it has no meaning in a simulator");
	assert_non_null(strstr(jobs.notes.line[2], "j.fio:6: group_reporting"));
	assert_non_null(strstr(jobs.notes.line[3], "iodepth stays as it is"));
}

/* The tables contain no key twice, and none that is both simulated and noted. */
static void tables(void **state)
{
	const char *name;

	(void)state;
	for (size_t i = 0; (name = fio_key_name(i)); i++) {
		struct sim_job j = job_defaults;

		assert_non_null(fio_key_note(name));
		assert_int_equal(job_key_set(&j, name, "1"), -ENOENT);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(fio_key_name(k), name);
	}
	assert_null(fio_key_note("rw"));
	assert_null(fio_key_note("no such key"));
}

static void all_mistakes_at_once(void **state)
{
	static const char *const expected[] = {
		"j.fio:2: no such key: \"iodpeth\"; did you mean \"iodepth\"?",
		"j.fio:3: bs: \"4q\" is not a size",
		"j.fio:5: a section without its ]",
		"j.fio:8: no such key: \"ioengin\"; did you mean \"ioengine\"?",
		"j.fio:9: prio: 8 is out of range",
	};
	char many[8192] = "[a]\n";

	(void)state;
	assert_int_equal(read_jobs("[a]\niodpeth=4\nbs=4q\nioengine=x\n[b\nbs=zz\n[c]\nioengin=x\n"
				   "prio=8\n"),
			 -EINVAL);
	assert_int_equal(jobs.mistakes.count, 5);
	for (int i = 0; i < 5; i++)
		if (strncmp(jobs.mistakes.line[i], expected[i], strlen(expected[i])))
			fail_msg("%s", jobs.mistakes.line[i]);
	assert_string_equal(weir_error(), jobs.mistakes.line[0]);
	/* Also the mistakes of jobs whose keys do not fit together. */
	assert_int_equal(read_jobs("[a]\n[b]\nsize=1k\n[c]\nsize=1m\n"), -EINVAL);
	assert_int_equal(jobs.mistakes.count, 2);
	/* And their number is limited. */
	for (int i = 0; i < 500; i++)
		strcat(many, "x=1\n");
	assert_int_equal(read_jobs(many), -EINVAL);
	assert_int_equal(jobs.mistakes.count, REMARKS_MAX);
	assert_int_equal(jobs.mistakes.dropped, 500 - REMARKS_MAX);
}

static int teardown(void **state)
{
	(void)state;
	sim_jobs_free(&jobs);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, teardown)
		T(units),	    T(lists),  T(words),
		T(notes_once_each), T(tables), T(all_mistakes_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
