/* SPDX-License-Identifier: Apache-2.0 */
/* test_outcome.c - results of weir and of fio in the form in which they are compared. */
#include "../sim/rig.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fio.h"
#include "bench/outcome.h"

static struct bench_outcome outcome;

static void near(double value, double wanted)
{
	assert_true(fabs(value - wanted) < 1e-6);
}

/* The processor works during ramp_time, too, for ios that no other figure has. */
static void the_processors_time_is_that_of_all_ios(void **state)
{
	(void)state;
	rig_reset("nvme");
	rig_run("[a]\nrw=randread\nrate_iops=1000\nramp_time=300ms\nruntime=100ms\n");
	rig_between((double)rig.result.job[0].ios, 95, 105);
	rig_between((double)rig.result.ended, 390, 410);
	rig.result.cpu_ns = 1000 * rig.result.ended;
	assert_int_equal(bench_outcome_of(&outcome, &rig.result, &rig.jobs), 0);
	near(outcome.cpu_ns, 1000);
	near(outcome.line[0].ios, (double)rig.result.job[0].ios);
	bench_outcome_free(&outcome);
}

/* Reads what fio printed about the jobs TEXT. */
static void read_fio(const char *text, const char *printed)
{
	rig_reset("nvme");
	assert_int_equal(rig_read(&rig.jobs, text, "jobs"), 0);
	assert_int_equal(bench_fio_read(&outcome, printed, strlen(printed), &rig.jobs), 0);
}

#define FIO_IOS "\"total_ios\": 1000, \"iops\": 1"

static void fios_jobs_have_weirs_names(void **state)
{
	static const char *const names[] = { "a.0", "a.0", "a.1", "b", "c" };
	static const enum sim_dir dirs[] = { SIM_READ, SIM_WRITE, SIM_WRITE, SIM_READ, SIM_READ };

	(void)state;
	read_fio("[global]\nruntime=1\n[a]\nrw=randrw\nnumjobs=2\n[b]\n[c]\nrw=read\n",
		 "fio: a word first\n{\"jobs\": ["
		 "{\"jobname\": \"a\", \"read\": {" FIO_IOS "}, \"write\": {" FIO_IOS "}},"
		 "{\"jobname\": \"a\", \"read\": {\"total_ios\": 0}, \"write\": {" FIO_IOS "}},"
		 "{\"jobname\": \"b\", \"read\": {" FIO_IOS "}},"
		 "{\"jobname\": \"c\", \"read\": {" FIO_IOS "}}]}");
	assert_int_equal(outcome.n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(outcome.line[i].job, names[i]);
		assert_int_equal(outcome.line[i].dir, dirs[i]);
	}
	assert_false(outcome.bound);
	bench_outcome_free(&outcome);
}

/* Two jobs run at the same time, the second from 1 s on; after both a third. */
static void fios_processor_is_that_of_the_whole_run(void **state)
{
	(void)state;
	read_fio("[a]\nruntime=1\n[b]\nstartdelay=1\nruntime=1\n[c]\nstonewall\nruntime=2\n",
		 "{\"jobs\": ["
		 "{\"jobname\": \"a\", \"groupid\": 0, \"usr_cpu\": 10, \"sys_cpu\": 40, "
		 "\"job_runtime\": 1000, \"read\": {" FIO_IOS "}},"
		 "{\"jobname\": \"b\", \"groupid\": 0, \"usr_cpu\": 20, \"sys_cpu\": 50, "
		 "\"job_runtime\": 1000, \"read\": {" FIO_IOS "}},"
		 "{\"jobname\": \"c\", \"groupid\": 1, \"usr_cpu\": 30, \"sys_cpu\": 66, "
		 "\"job_runtime\": 2000, \"read\": {" FIO_IOS "}}]}");
	near(outcome.cpu, (0.5 * 1 + 0.7 * 1 + 0.96 * 2) / 4);
	near(outcome.cpu_ns, 3.12e9 / 3000);
	/* The third was on a processor all the time. */
	assert_true(outcome.bound && outcome.line[2].bound);
	assert_false(outcome.line[0].bound || outcome.line[1].bound);
	bench_outcome_free(&outcome);
}

/* Returns what fio is given for the jobs TEXT. */
static char *written(const char *text)
{
	char *given = NULL;
	size_t length;
	FILE *out = open_memstream(&given, &length);

	rig_reset("nvme");
	assert_int_equal(rig_read(&rig.jobs, text, "jobs"), 0);
	assert_non_null(out);
	assert_int_equal(bench_fio_write(out, &rig.jobs, "/file", true), 0);
	fclose(out);
	return given;
}

static void fio_gets_priorities(void **state)
{
	char *given = written("[a]\nruntime=1\nprioclass=idle\nprio=6\nweight=200\n");

	(void)state;
	assert_non_null(strstr(given, "prioclass=3\nprio=6\n"));
	assert_null(strstr(given, "weight"));
	assert_true(bench_fio_omits(&rig.jobs));
	free(given);
	given = written("[a]\nruntime=1\n");
	assert_null(strstr(given, "prio"));
	assert_false(bench_fio_omits(&rig.jobs));
	free(given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_teardown(name, rig_teardown)
		T(the_processors_time_is_that_of_all_ios),
		T(fios_jobs_have_weirs_names),
		T(fios_processor_is_that_of_the_whole_run),
		T(fio_gets_priorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
