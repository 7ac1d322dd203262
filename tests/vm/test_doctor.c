/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir doctor` with an NVMe drive with FDP: what it says about the drive through both of its
 * devices, to root and to others, while the drive is free and while another process uses it. The
 * program's argument is the path of the command.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"

#define NOBODY 65534u
#define ROOM (64u << 10)

static const char *command;
static char said[ROOM]; /* output of the last run */

/* Runs in the child: user UID examines PATH. */
static void run_child(const char *path, uid_t uid, int out)
{
	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(99);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execl(command, command, "doctor", path, (char *)NULL);
	_exit(99);
}

/* Runs doctor, which must exit with CODE, and keeps its output. */
static void doctor(const char *path, uid_t uid, int code)
{
	size_t used = 0;
	ssize_t n = 1;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		run_child(path, uid, fds[1]);
	close(fds[1]);
	while (n > 0 && used < ROOM - 1) {
		n = read(fds[0], said + used, ROOM - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	close(fds[0]);
	said[used] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg("status 0x%x, not exit code %d:\n%s", (unsigned)status, code, said);
}

/* Checks the output about CHECK: the verdict, and WORDS in its line or in the remedy below. */
static void expect(const char *check, const char *verdict, const char *words)
{
	char start[64];
	const char *line, *end;

	snprintf(start, sizeof(start), "%-8s %-12s ", verdict, check);
	line = strstr(said, start);
	if (!line) {
		fail_msg("%s is not %s:\n%s", check, verdict, said);
		return;
	}
	end = strchr(line, '\n');
	if (end && end[1] == ' ')
		end = strchr(end + 1, '\n');
	if (!memmem(line, end ? (size_t)(end - line) : strlen(line), words, strlen(words)))
		fail_msg("%s does not say '%s':\n%s", check, words, said);
}

static void the_character_device(void **state)
{
	(void)state;
	doctor(vm_ng(), 0, 0);
	expect("kernel", "ok", "Linux 6.");
	expect("io_uring", "ok", "allowed");
	expect("passthrough", "ok", "with registered memory");
	expect("setup", "ok", "DEFER_TASKRUN");
	expect("poll_queues", "ok", "none, and weir needs none");
	expect("access", "ok", "read and write");
	expect("claims", "ok", "not mounted");
	expect("openers", "ok", "no process");
	expect("lock", "ok", "free");
	expect("scheduler", "ok", "goes around it");
	expect("nomerges", "ok", "goes around it");
	expect("direct", "ok", "passthrough: ");
	expect("fdp", "ok", "8 placement ids, reclaim units of 8 MiB");
	expect("read", "ok", "engine uring_cmd");
}

static void the_block_device(void **state)
{
	(void)state;
	doctor(vm_block(), 0, 0);
	expect("access", "ok", "read and write");
	expect("claims", "ok", "not mounted");
	expect("direct", "ok", "direct I/O: ");
	expect("nomerges", "note", "/queue/nomerges");
	expect("fdp", "note", "name the whole drive as /dev/ng0n1");
	expect("read", "ok", "engine uring:");
}

/* Writes VALUE to attribute NAME of all queues of the drive. */
static void set_queues(const char *name, const char *value)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *entry;
	char path[400];
	FILE *f;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/block/%s/queue/%s", entry->d_name, name);
		f = strncmp(entry->d_name, "nvme", 4) ? NULL : fopen(path, "we");
		if (f) {
			fputs(value, f);
			fclose(f);
		}
	}
	closedir(dir);
}

static void what_the_kernel_does(void **state)
{
	(void)state;
	set_queues("scheduler", "none");
	set_queues("nomerges", "2");
	doctor(vm_block(), 0, 0);
	expect("scheduler", "ok", "the kernel has none");
	expect("nomerges", "ok", "leaves the merging");
	set_queues("scheduler", "mq-deadline");
	set_queues("nomerges", "0");
	doctor(vm_block(), 0, 0);
	expect("scheduler", "note", "mq-deadline on nvme0");
	expect("nomerges", "note", "echo 2 > /sys/block/nvme0");
	doctor(vm_ng(), 0, 0);
	expect("scheduler", "ok", "goes around it");
	set_queues("scheduler", "none");
}

static void somebody_has_it(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	char who[32];

	(void)state;
	snprintf(who, sizeof(who), "pid %d (", (int)getpid());
	opts.flags = WEIR_DEVICE_LOCK;
	/* If it is opened through one device, a run on either device sees it. */
	assert_int_equal(weir_device_open(&dev, vm_block(), &opts), 0);
	doctor(vm_block(), 0, 1);
	expect("lock", "fail", who);
	expect("claims", "fail", "see lock");
	doctor(vm_ng(), 0, 1);
	expect("claims", "fail", "that openers names");
	expect("openers", "warning", who);
	weir_device_close(dev);
	assert_int_equal(weir_device_open(&dev, vm_ng(), &opts), 0);
	doctor(vm_ng(), 0, 1);
	expect("lock", "fail", who);
	doctor(vm_block(), 0, 1);
	expect("claims", "fail", "that openers names");
	expect("openers", "warning", who);
	weir_device_close(dev);
	doctor(vm_ng(), 0, 0);
}

static void others_than_root(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(vm_ng(), &st), 0);
	assert_int_equal(chmod(vm_ng(), 0600), 0);
	doctor(vm_ng(), NOBODY, 1);
	expect("access", "fail", "SUBSYSTEM==\"nvme-generic\", KERNEL==\"ng0n1\"");
	/* A user who may open it: commands pass, log pages do not. */
	assert_int_equal(chmod(vm_ng(), 0666), 0);
	doctor(vm_ng(), NOBODY, 0);
	expect("access", "ok", "read and write");
	expect("memlock", "note", "--memory");
	expect("fdp", "ok", "8 placement ids, reclaim units of a size that only root may ask for");
	expect("read", "ok", "engine uring_cmd");
	assert_int_equal(chmod(vm_ng(), st.st_mode & 07777), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_character_device), cmocka_unit_test(the_block_device),
		cmocka_unit_test(what_the_kernel_does), cmocka_unit_test(somebody_has_it),
		cmocka_unit_test(others_than_root),
	};

	command = argc > 1 ? argv[1] : "weir";
	return cmocka_run_group_tests_name("weir doctor", tests, NULL, NULL);
}
