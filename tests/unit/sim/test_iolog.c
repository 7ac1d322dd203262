/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_iolog.c - logs of ios: what is read from each format, the messages about damaged ones, and
 * how a job replays one.
 */
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/iolog.h"
#include "sim/job_logs.h"

static struct iolog io_log;
static char path[64];

static void write_log(const char *text, size_t len)
{
	FILE *out;
	int fd;

	if (*path)
		unlink(path);
	strcpy(path, "/tmp/weir-iolog-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	out = fdopen(fd, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static int try_log(const char *text)
{
	write_log(text, strlen(text));
	iolog_free(&io_log);
	return iolog_read(&io_log, path, IOLOG_MAX);
}

static void read_log(const char *text)
{
	int err = try_log(text);

	if (err)
		fail_msg("%s", weir_error());
}

/*
 * Asserts that TEXT is refused, and that the message contains WHERE, behind the name of the file,
 * and WHAT.
 */
static void refused(const char *text, const char *where, const char *what)
{
	int err = try_log(text);
	size_t len = strlen(path);

	if (err != -EINVAL || strncmp(weir_error(), path, len) ||
	    strncmp(weir_error() + len, where, strlen(where)) || !strstr(weir_error(), what))
		fail_msg("%d: \"%s\" is not %s ... %s", err, weir_error(), where, what);
}

static void is_io(size_t i, uint64_t time_ns, int op, uint64_t offset, uint64_t length, int flags)
{
	const struct iolog_io *io = &io_log.io[i];

	assert_true(i < io_log.count);
	assert_int_equal(io->time_ns, time_ns);
	assert_int_equal(io->op, op);
	assert_int_equal(io->offset, offset);
	assert_int_equal(io->length, length);
	assert_int_equal(io->flags, flags);
}

static const char fio3[] = "fio version 3 iolog\n29 /f add\n163 /f open\n167 /f read 61440 4096\n"
			   "300 /f write 774144 8192\n250 /f trim 0 4096\n400 /f sync 774144 0\n"
			   "500 /f close\n";

static void fio_3(void **state)
{
	(void)state;
	read_log(fio3);
	assert_int_equal(io_log.count, 4);
	assert_true(io_log.timed);
	is_io(0, 0, IOLOG_READ, 61440, 4096, 0);
	is_io(1, 83000, IOLOG_TRIM, 0, 4096, 0);
	is_io(2, 133000, IOLOG_WRITE, 774144, 8192, 0);
	is_io(3, 233000, IOLOG_FLUSH, 0, 0, 0);
	refused("fio version 3 iolog\n1 /f read 0 4096\n2 /f read 0\n", ":3: ", "incomplete");
	refused("fio version 3 iolog\nx /f read 0 1\n", ":2: field 1 (time)", "\"x\"");
	refused("fio version 3 iolog\n1 /f raed 0 1\n", ":2: field 3 (action)", "\"raed\"");
	refused("fio version 3 iolog\n1 /f read -1 1\n", ":2: field 4 (offset)", "\"-1\"");
	refused("fio version 3 iolog\n1 /f read 99999999999999999999 1\n", ":2: field 4", "");
	refused("fio version 3 iolog\n1 /f read 9999999999999999999 1\n", ":2: field 4", "EiB");
	refused("fio version 3 iolog\n1 /f write 0 1073741825\n", ":2: field 5 (length)", "1 GiB");
	refused("fio version 3 iolog\n1 /f add\n", ": the log contains no io", "");
	refused("fio version 3 iolog\n0 /f read 0 1\n99999999999999999 /f read 0 1\n",
		":3: ", "a year");
	refused("fio version 4 iolog\n", ":1: ", "version 2 or 3");
}

static void fio_2(void **state)
{
	(void)state;
	read_log("fio version 2 iolog\r\n/f add\r\n/f open\r\n/f read 0 4096\r\n/f wait 2000 0\r\n"
		 "/f datasync 0 0\r\n/f wait 1000\r\n/f write 4096 512");
	assert_int_equal(io_log.count, 3);
	assert_true(io_log.timed);
	is_io(0, 0, IOLOG_READ, 0, 4096, 0);
	is_io(1, 2 * MS, IOLOG_FLUSH, 0, 0, 0);
	is_io(2, 3 * MS, IOLOG_WRITE, 4096, 512, 0);
	read_log("fio version 2 iolog\n/f read 0 4096\n/f read 4096 4096\n");
	assert_false(io_log.timed);
	refused("fio version 2 iolog\n/f wait x\n", ":2: field 3 (time to wait)", "\"x\"");
	refused("fio version 2 iolog\n/f\n", ":2: ", "incomplete");
}

static void msr(void **state)
{
	static const char heading[] = "Timestamp,Hostname,DiskNumber,Type,Offset,Size,"
				      "ResponseTime\n";
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", heading,
		 "128166372003061629,hm,1,Read,383496192,32768,113736\n"
		 "128166372003061639,usr,0,Write,512,4608,2312\n");
	for (int with = 1; with >= 0; with--) {
		read_log(with ? text : text + strlen(heading));
		assert_int_equal(io_log.count, 2);
		is_io(0, 0, IOLOG_READ, 383496192, 32768, 0);
		is_io(1, 1000, IOLOG_WRITE, 512, 4608, 0);
		assert_int_equal(io_log.nr_streams, 2);
		assert_string_equal(io_log.stream[io_log.io[1].stream].name, "usr.0");
	}
	refused("1,hm,1,Read,0,512,1\n1,hm,1,Reed,0,512,1\n", ":2: field 4 (type)", "Reed");
	refused("1,hm,1,Read,0,512,1\n1,hm,1,Read,,512,1\n", ":2: field 5 (offset)", "");
	refused("1,hm,1,Read,0,512,1\n1,hm,1,Read\n", ":2: ", "incomplete");
	refused("1,hm,1,Read,0,512,1\n,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", ":2: field 1", "");
	refused("1,hm,1,Raed,0,512,1\n", ":1: ", "MSR");
}

#define BLK(action, rest) "  8,0    3   1     0.000000000   697  " action "  " rest "\n"

static void blkparse(void **state)
{
	(void)state;
	read_log(BLK("D", "W 8 + 8 [kjournald]") BLK("Q", "W 223490 + 8 [kjournald]") BLK(
		"G", "W 1 + 8 [x]") "  8,0 3 0 0.000002083 0 m N cfq697A insert\n"
				    "  8,0 3 3 0.001000000 700 Q RA 9223490 + 256 [cat]\n"
				    "  8,0 3 4 0.001002197 697 D W 223490 + 8 [kjournald]\n"
				    "  8,0 3 5 1.002 697 Q FWFS 4000 + 8 [kjournald]\n"
				    "  8,0 3 6 1.0021 697 Q FN [kjournald]\n"
				    "  8,0 3 7 1.0022 701 Q DS 0 + 2048 [fstrim]\n"
				    "  8,0 3 8 1.0023 701 Q WS 8 + 8 [dd]\n"
				    "  8,0 3 8 1.0024 701 A W 8 + 8 <- (8,1) 0\n"
				    "CPU0 (sda):\n Reads Queued: 1, 128KiB\n");
	assert_int_equal(io_log.count, 7);
	is_io(0, 0, IOLOG_WRITE, 223490ull * 512, 4096, IOLOG_BACKGROUND);
	is_io(1, MS, IOLOG_READ, 9223490ull * 512, 131072, 0);
	is_io(2, 1002 * MS, IOLOG_FLUSH, 0, 0, 0);
	is_io(3, 1002 * MS, IOLOG_WRITE, 4000 * 512, 4096, IOLOG_FUA);
	is_io(4, 1002100000, IOLOG_FLUSH, 0, 0, 0);
	is_io(5, 1002200000, IOLOG_TRIM, 0, 1 << 20, 0);
	is_io(6, 1002300000, IOLOG_WRITE, 4096, 4096, 0);
	assert_int_equal(io_log.nr_streams, 3);
	assert_string_equal(io_log.stream[io_log.io[1].stream].name, "700 [cat]");
	/* If Q events were not recorded, D events count. */
	read_log(BLK("D", "R 8 + 8 [a]") BLK("C", "R 8 + 8 [0]"));
	assert_int_equal(io_log.count, 1);
	refused(BLK("Q", "R 8 + 8 [a]") "8,0 3 1 0.5 69", ":2: ", "incomplete");
	refused(BLK("Q", "R x + 8 [a]"), ":1: field 8 (offset)", "\"x\"");
	refused(BLK("Q", "R 8 + 8y [a]"), ":1: field 10 (length)", "8y");
	refused(BLK("Q", "R 8 8 [a]"), ":1: ", "missing");
	refused(BLK("Q", "Rz 8 + 8 [a]"), ":1: field 7 (RWBS)", "Rz");
	refused("8,0 3 1 0.0000000001 1 Q R 8 + 8 [a]\n", ":1: field 4 (time)", "0.0000000001");
	refused("8,0 3 1 0.1 x Q R 8 + 8 [a]\n", ":1: field 5 (process)", "x");
	refused(BLK("Q", "R 8 + 8 [a]") "nonsense\n", ":2: field 1 (device)", "nonsense");
}

static void bounds(void **state)
{
	char text[8192] = "", *at = text;

	(void)state;
	write_log(fio3, strlen(fio3));
	iolog_free(&io_log);
	assert_int_equal(iolog_read(&io_log, path, 3), -E2BIG);
	assert_non_null(strstr(weir_error(), ":7: more than"));
	for (int i = 0; i < 100; i++)
		at += sprintf(at, "1,h%d,0,Read,0,512,1\n", i);
	read_log(text);
	assert_int_equal(io_log.nr_streams, IOLOG_STREAMS + 1);
	assert_string_equal(io_log.stream[IOLOG_STREAMS].name, "others");
	iolog_by_stream(&io_log);
	assert_int_equal(io_log.stream[IOLOG_STREAMS].count, 36);
	assert_int_equal(io_log.stream[5].first, 5);
}

static void replay(const char *log, double speed, bool no_stall)
{
	struct job_logs_opts opts = { .speed = speed, .no_stall = no_stall };

	write_log(log, strlen(log));
	rig_reset("nvme");
	assert_int_equal(sim_jobs_from_log(&rig.jobs, path, &opts), 0);
	if (sim_run(&rig.result, &rig.opts))
		fail_msg("%s", weir_error());
}

/* The times are kept and scaled, whatever the drive does. */
static void open_loop(void **state)
{
	static const char two[] = "0,a,0,Read,0,4096,1\n0,b,0,Write,0,1000,1\n"
				  "10000000,a,0,Read,1125899906842624,4096,1\n";
	const struct sim_job_result *j;

	(void)state;
	replay(two, 1, false);
	j = rig.result.job;
	assert_int_equal(rig.result.count, 2);
	assert_string_equal(j[0].name, "a.0");
	assert_true(j[0].submitter != j[1].submitter);
	assert_int_equal(j[0].ios, 2);
	/* In whole blocks. */
	assert_int_equal(j[1].bytes % rig.config.logical_block, 0);
	rig_between((double)rig.result.duration_ns, 1e9, 1.001e9);
	assert_int_equal(rig.result.notes.count, 1);
	assert_non_null(strstr(rig.result.notes.line[0], "1 of 3 ios of the log were beyond"));
	replay(two, 4, false);
	rig_between((double)rig.result.duration_ns, 0.25e9, 0.251e9);
	replay(two, 1, true);
	assert_true(rig.result.duration_ns < MS);
	replay(fio3, 1, false);
	assert_int_equal(rig.result.job[0].flushes, 1);
	assert_int_equal(rig.result.job[0].dir[SIM_TRIM].ios, 1);
}

/* All ios at the same time are more than may be outstanding. */
static void delayed(void **state)
{
	char *text = malloc(5000 * 32), *at = text;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 5000; i++)
		at += sprintf(at, "1,h,0,Read,%d,512,1\n", i * 4096);
	replay(text, 1, false);
	free(text);
	assert_int_equal(rig.result.job[0].ios, 5000);
	assert_int_equal(rig.result.notes.count, 1);
	assert_non_null(strstr(rig.result.notes.line[0],
			       "904 of 5000 ios of the log were submitted later"));
}

static void in_a_job_file(void **state)
{
	char text[512];

	(void)state;
	write_log(fio3, strlen(fio3));
	rig_reset("nvme");
	snprintf(text, sizeof(text),
		 "[global]\nread_iolog=%s\n[a]\n[b]\nreplay_no_stall=1\n[c]\nnumjobs=2\n", path);
	rig_run(text);
	assert_int_equal(rig.result.count, 4);
	assert_int_equal(rig.jobs.nr_logs, 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(rig.result.job[i].ios, 3);
	snprintf(text, sizeof(text), "[a]\nread_iolog=%s.none\n", path);
	assert_int_equal(rig_try(text), -EINVAL);
	assert_non_null(strstr(weir_error(), "test.fio:1: [a]: read_iolog: /tmp/"));
	assert_int_equal(rig_try("[a]\nread_iolog=\n"), -EINVAL);
}

static int forget(void **state)
{
	unlink(path);
	*path = '\0';
	iolog_free(&io_log);
	return rig_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(fio_3, forget),
		cmocka_unit_test_teardown(fio_2, forget),
		cmocka_unit_test_teardown(msr, forget),
		cmocka_unit_test_teardown(blkparse, forget),
		cmocka_unit_test_teardown(bounds, forget),
		cmocka_unit_test_teardown(open_loop, forget),
		cmocka_unit_test_teardown(delayed, forget),
		cmocka_unit_test_teardown(in_a_job_file, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
