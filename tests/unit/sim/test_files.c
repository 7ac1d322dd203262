/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_files.c - descriptions of drives and job files: their meaning, and the messages about
 * mistakes, with the line.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/keys.h"

static struct sim_jobs jobs;

static int read_jobs(const char *text)
{
	return rig_read(&jobs, text, "j.fio");
}

static void job(const char *text)
{
	int err = read_jobs(text);

	if (err)
		fail_msg("%s", weir_error());
}

/* Asserts that TEXT is refused, and that the message begins with WHERE and contains WHAT. */
static void refused(const char *text, const char *where, const char *what)
{
	assert_int_equal(read_jobs(text), -EINVAL);
	if (strncmp(weir_error(), where, strlen(where)) || !strstr(weir_error(), what))
		fail_msg("\"%s\" is not %s ... %s", weir_error(), where, what);
}

static void defaults(void **state)
{
	const struct sim_job *j;

	(void)state;
	job("[one]\nruntime=1\n");
	j = jobs.job;
	assert_int_equal(jobs.count, 1);
	assert_string_equal(j->name, "one");
	assert_int_equal(j->line, 1);
	assert_int_equal(j->rw, SIM_RW_READ);
	assert_int_equal(j->bs[0].min, 4096);
	assert_int_equal(j->iodepth, 1);
	assert_int_equal(j->rwmixread, 50);
	assert_int_equal(j->prioclass, 2);
	assert_int_equal(j->prio, 4);
	assert_true(j->size.bytes == SIM_UNSET && j->weight == SIM_UNSET);
}

static void global_is_for_those_below(void **state)
{
	(void)state;
	job("[global]\nruntime=5\nbs=8k\n[a]\nbs=16k\n[b]\n[global]\nbs=32k\n[c]\n");
	assert_int_equal(jobs.count, 3);
	assert_int_equal(jobs.job[0].bs[0].min, 16384);
	assert_int_equal(jobs.job[1].bs[0].min, 8192);
	assert_int_equal(jobs.job[2].bs[0].min, 32768);
	assert_int_equal(jobs.job[2].runtime, 5 * SEC);
	assert_int_equal(jobs.job[1].line, 6);
	/* Two sections of one name are two jobs. */
	job("[global]\nruntime=1\n[a]\n[a]\n");
	assert_int_equal(jobs.count, 2);
}

static void units_are_those_of_fio(void **state)
{
	const struct sim_job *j;

	(void)state;
	job("[a]\nruntime=90\nstartdelay=2ms\nthinktime=250\nbs=1m\nsize=2G\nrate=10m\n");
	j = jobs.job;
	assert_int_equal(j->runtime, 90 * SEC);
	assert_int_equal(j->startdelay, 2 * MS);
	assert_int_equal(j->thinktime, 250000);
	assert_int_equal(j->bs[0].min, 1 << 20);
	assert_true(j->size.bytes == 2ull << 30);
	assert_int_equal(j->rate[0], 10 << 20);
}

static void spelling(void **state)
{
	const struct sim_job *j;

	(void)state;
	job("# a comment\r\n ; another\r\n\r\n  [ a b ]  ; third\r\n\truntime = 1   ; fourth\r\n"
	    " time_based # fifth\r\nrw=randrw\r\nbackground\nprioclass=rt\nprio=0");
	j = jobs.job;
	assert_string_equal(j->name, " a b ");
	assert_int_equal(j->runtime, SEC);
	assert_int_equal(j->time_based, 1);
	assert_int_equal(j->background, 1);
	assert_int_equal(j->rw, SIM_RW_READ | SIM_RW_WRITE | SIM_RW_RANDOM);
	assert_int_equal(j->prioclass, 1);
	assert_int_equal(j->prio, 0);
	job("[a]\nruntime=1\nprioclass=3\ntime_based=0\n");
	assert_int_equal(jobs.job[0].prioclass, 3);
	assert_int_equal(jobs.job[0].time_based, 0);
}

static void mistakes_have_lines(void **state)
{
	char text[600];

	(void)state;
	refused("[a]\nruntime=1\n\n# x\nrwmixraed=5\n", "j.fio:5: ", "did you mean \"rwmixread\"");
	refused("[a]\nioengin=libaio\n", "j.fio:2: ", "\"ioengine\"");
	refused("[global]\n[a]\n[b]\nbs=4q\n", "j.fio:4: bs: ", "4q");
	refused("[a]\nbs=1\n", "j.fio:2: bs: ", "too little");
	refused("[a]\nrw=readwrites\n", "j.fio:2: rw: ", "randread");
	refused("[a]\niodepth=0\n", "j.fio:2: iodepth: ", "from 1");
	refused("[a]\nprio=8\n", "j.fio:2: prio: ", "7");
	refused("[a]\nrate=1m,2m,3m,4m\n", "j.fio:2: rate: ", "1m,2m,3m,4m");
	refused("[a]\nruntime\n", "j.fio:2: runtime: ", "");
	refused("[a]\n=5\n", "j.fio:2: ", "no such key");
	refused("bs=4k\n[a]\n", "j.fio:1: ", "before the first");
	refused("[a\nbs=4k\n", "j.fio:1: ", "]");
	refused("[]\n", "j.fio:1: ", "name");
	refused("[a] b\n", "j.fio:1: ", "behind");
	refused("", "j.fio: ", "no [job]");
	refused("[global]\nbs=4k\n", "j.fio: ", "no [job]");
	refused("[a]\nbs=4k\n", "j.fio:1: [a]", "never end");
	refused("[a]\nruntime=1\n[b]\nsize=1m\ntime_based\n", "j.fio:3: [b]", "time_based");
	refused("[a]\nsize=1k\n", "j.fio:1: [a]", "less than one block");
	refused("[a]\nruntime=1\nnumjobs=4000\n[b]\nruntime=1\nnumjobs=4000\n", "j.fio: ", "more");
	memset(text, 'x', sizeof(text));
	memcpy(text, "[a]\nbs=", 7);
	text[599] = '\0';
	refused(text, "j.fio:2: ", "too long");
	text[60] = ']';
	text[61] = '\0';
	memset(text, 'x', 60);
	text[0] = '[';
	refused(text, "j.fio:1: ", "48");
	/* The message is about the first mistake. */
	refused("[a]\nbs=x\nzz=1\n[b\n", "j.fio:2: ", "bs");
}

static void called(const char *text, const char *const *names)
{
	job(text);
	for (size_t i = 0; i < jobs.count; i++)
		assert_string_equal(jobs.job[i].name, names[i]);
}

/* In results a job is known by its name alone, so each has one of its own, and so has each copy. */
static void names_are_unique(void **state)
{
	static const char *const single[] = { "x", "y", "x (2)", "x.1", "x (4)", "x (3)" };
	static const char *const copies[] = { "x", "x (2)", "x.1 (3)", "x.2" };

	(void)state;
	called("[global]\nruntime=1\n[x]\n[y]\nnumjobs=2\n[x]\n[x.1]\n[x]\n[x (3)]\n", single);
	called("[global]\nruntime=1\nnumjobs=2\n[x]\n[x]\n[x.1]\nnumjobs=1\n[x.2]\nnumjobs=1\n",
	       copies);
}

static void zero_bytes_are_no_text(void **state)
{
	static const char text[] = "[a]\nbs=4\0k\nruntime=1\n";
	FILE *in = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");

	(void)state;
	sim_jobs_free(&jobs);
	assert_int_equal(sim_jobs_read(&jobs, in, "j.fio"), -EINVAL);
	assert_non_null(strstr(weir_error(), "j.fio:2: "));
	fclose(in);
}

/* The reader of lines and the library below it must agree on where a section begins. */
static void unseen_bytes_before_a_section(void **state)
{
	(void)state;
	job("\xef\xbb\xbf[a]\r\nruntime=1\r\niodepth=3");
	assert_int_equal(jobs.count, 1);
	assert_int_equal(jobs.job[0].iodepth, 3);
	refused("\v[a]\nruntime=1\n", "j.fio:1: ", "control");
	refused("[a]\nruntime=1\n\x01=5\n", "j.fio:3: ", "control");
	refused("[a]\nruntime=1\n\xef\xbb\xbf"
		"bs=4k\n",
		"j.fio:3: ", "\\ufeff");
	refused("\xef\xbb\xbf\xef\xbb\xbf[a]\nruntime=1\n", "j.fio:1: ", "\\ufeff");
}

/* Writes TEXT, with the first FROM in it replaced by TO, and loads it. */
static int load_changed(const char *preset, const char *from, const char *to)
{
	const char *text = sim_preset(preset), *at = strstr(text, from);
	char path[] = "weir-sim-XXXXXX";
	struct sim_config c;
	int fd = mkstemp(path), err;
	FILE *out = fdopen(fd, "w");

	assert_non_null(at);
	fprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fclose(out);
	err = sim_config_load(&c, path);
	unlink(path);
	return err;
}

static void drives(void **state)
{
	struct sim_config c;

	(void)state;
	assert_int_equal(sim_config_load(&c, "nvme"), 0);
	assert_int_equal(c.kind, SIM_SSD);
	assert_true(c.capacity == 1ull << 40);
	assert_int_equal(c.ssd.read, 60000);
	assert_int_equal(sim_config_load(&c, "sata"), 0);
	assert_int_equal(c.queue_depth, 32);
	assert_int_equal(c.ssd.volatile_cache, 1);
	assert_int_equal(sim_config_load(&c, "hdd"), 0);
	assert_int_equal(c.kind, SIM_HDD);
	assert_int_equal(c.hdd.order, SIM_ORDER_NEAREST);
	assert_int_equal(c.hdd.seek_full, 15 * MS);
	assert_null(sim_preset("floppy"));
	assert_int_equal(sim_config_load(&c, "/nowhere/floppy"), -ENOENT);
	assert_non_null(strstr(weir_error(), "nvme, sata, hdd"));
}

static void changed_drives(void **state)
{
	(void)state;
	assert_int_equal(load_changed("hdd", "rpm = 7200", "rpm = 5400"), 0);
	assert_int_equal(load_changed("hdd", "rpm = 7200\n", ""), -EINVAL);
	assert_non_null(strstr(weir_error(), "lacks rpm"));
	assert_int_equal(load_changed("hdd", "rpm = 7200", "rmp = 7200"), -EINVAL);
	assert_non_null(strstr(weir_error(), ":15: "));
	assert_non_null(strstr(weir_error(), "\"rpm\""));
	assert_int_equal(load_changed("hdd", "kind = hdd", "kind = ssd"), -EINVAL);
	assert_int_equal(load_changed("hdd", "kind = hdd\n", ""), -EINVAL);
	assert_non_null(strstr(weir_error(), "kind"));
	assert_int_equal(load_changed("nvme", "[ssd]", "[flash]"), -EINVAL);
	assert_int_equal(load_changed("nvme", "channels = 64 ", "channels = 4096 "), -EINVAL);
	assert_int_equal(load_changed("nvme", "cache = 64M", "cache = 1M"), -EINVAL);
	assert_non_null(strstr(weir_error(), "two pages"));
	assert_int_equal(load_changed("qlc", "slc = 12G", "slc = 64k"), -EINVAL);
	assert_non_null(strstr(weir_error(), "slc must hold a page for each channel"));
	assert_int_equal(load_changed("dramless", "hiccup = 5ms", "hiccup = 0"), -EINVAL);
	assert_non_null(strstr(weir_error(), "need each other"));
	assert_int_equal(load_changed("dramless", "hiccup_every = 2s", "hiccup_every = 1us"),
			 -EINVAL);
	assert_int_equal(load_changed("dc-tlc", "drain = idle", "drain = late"), -EINVAL);
	assert_non_null(strstr(weir_error(), "idle, turns, bursts"));
	/* What need not be given. */
	assert_int_equal(load_changed("dc-tlc", "erase = 3500us\n", ""), 0);
	assert_int_equal(load_changed("hdd", "[hdd]", "[ssd]\nslc = 1G\n[hdd]"), -EINVAL);
	assert_int_equal(load_changed("nvme", "logical_block = 4k", "logical_block = 5k"), -EINVAL);
	assert_int_equal(load_changed("sata", "max_io = 1M", "max_io = 4097"), -EINVAL);
	assert_int_equal(load_changed("hdd", "inner = 90M", "inner = 190M"), -EINVAL);
	assert_int_equal(load_changed("nvme", "duplex = 1", "duplex = 1\nrpm = 3"), -EINVAL);
	assert_int_equal(load_changed("nvme", "[ssd]", "[hdd]\nrpm = 3\n[ssd]"), -EINVAL);
	assert_non_null(strstr(weir_error(), "no [hdd]"));
}

/* Writes C as a description, and reads it again. */
static void written(const struct sim_config *c)
{
	char path[] = "/tmp/drive-XXXXXX";
	struct sim_config again;
	int err, fd = mkstemp(path);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	assert_non_null(out);
	sim_config_write(c, out);
	fclose(out);
	err = sim_config_load(&again, path);
	unlink(path);
	if (err)
		fail_msg("%s", weir_error());
	assert_memory_equal(c, &again, sizeof(again));
}

/* What is written is what was there, to the last ns and byte. */
static void written_drives(void **state)
{
	struct sim_config c;

	(void)state;
	for (size_t i = 0; sim_preset_name(i); i++) {
		assert_int_equal(sim_config_load(&c, sim_preset_name(i)), 0);
		written(&c);
	}
	assert_int_equal(sim_config_load(&c, "qlc"), 0);
	for (uint64_t ns = 1; ns < 60 * SEC; ns = ns * 3 + 7) {
		c.command = ns;
		c.ssd.read = ns + 1000000;
		c.ssd.slc = 1000000007 + ns;
		c.link = (1 << 20) + ns;
		written(&c);
	}
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
		T(defaults),
		T(global_is_for_those_below),
		T(units_are_those_of_fio),
		T(spelling),
		T(mistakes_have_lines),
		T(names_are_unique),
		T(zero_bytes_are_no_text),
		T(unseen_bytes_before_a_section),
		T(drives),
		T(changed_drives),
		T(written_drives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
