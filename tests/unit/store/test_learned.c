/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_learned.c - a store opened with pace begins with what pace learned when it was open last. It
 * finds that in the user's folder for state; whatever is there instead, the store opens, and pace
 * learns anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../device/workdir.h"
#include "rig.h"

#define IMAGE (64u << 20)
#define SEGMENT (256u << 10)
#define VALUE 8192u

static struct rig rig = { .engine = "posix" };
static char file[1100];

static int set_up(void **state)
{
	(void)state;
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	return workdir_make() || setenv("XDG_STATE_HOME", workdir, 1);
}

static int tear_down(void **state)
{
	char folder[1024], command[1100];

	(void)state;
	rig_remove(&rig);
	snprintf(folder, sizeof(folder), "%s", workdir_path("weir"));
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", folder, workdir_path(".local"));
	return system(command) || workdir_remove();
}

/* Returns of how many lengths of writes pace knows the shortest latency. */
static int lengths_known(void)
{
	char text[8192], *at;
	int n = 0;

	if (weir_queue_save_state(weir_store_queue(rig.s), text, sizeof(text), NULL))
		return 0;
	/* lane 0, how many numbers, and of these 16 pairs are those of reads */
	at = strstr(text, "lane 0 ") + strlen("lane 0 ");
	for (int i = 0; i < 1 + 2 * 2 * 16; i += 1 + (i > 0)) {
		n += i > 2 * 16 && strtoull(at, NULL, 10) > 0;
		for (int skip = 0; skip < 1 + (i > 0); skip++)
			at = strchr(at, ' ') + 1;
	}
	return n;
}

/* Opens the store; FORGET as in the options. Returns true if pace knows more than it learns from
 * the superblocks, which are all that opening writes. */
static bool open_with(const char *scheduler, uint32_t forget)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.engine = rig.engine;
	opts.scheduler = scheduler;
	opts.forget = forget;
	opts.attach = 1;
	assert_int_equal(weir_store_open(&rig.s, rig.path, &opts), 0);
	return lengths_known() > 1;
}

static void work(void)
{
	for (uint64_t key = 0; key < 40; key++)
		assert_int_equal(rig_put(&rig, key, 1, VALUE, 0), 0);
	for (uint64_t key = 0; key < 40; key++)
		assert_int_equal(rig_get(&rig, key, 1, VALUE), 1);
}

/* Opens the store, works, and closes it. */
static void live_with(const char *scheduler, uint32_t forget)
{
	(void)open_with(scheduler, forget);
	work();
	rig_close(&rig);
}

/* Returns the number of files in the folder; FILE gets the path of one. */
static unsigned files(const char *folder)
{
	DIR *dir = opendir(workdir_path(folder));
	const struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.') {
			n++;
			snprintf(file, sizeof(file), "%s/%s", workdir_path(folder), e->d_name);
		}
	if (dir)
		closedir(dir);
	return n;
}

static void the_next_open_begins_with_it(void **state)
{
	struct stat st;

	(void)state;
	assert_false(open_with("pace", 0));
	work();
	rig_close(&rig);
	assert_int_equal(files("weir"), 1);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(open_with("pace", 0));
	rig_close(&rig);
	/* as a life without I/O has not changed it */
	assert_true(open_with("pace", 0));
	rig_close(&rig);
	assert_int_equal(files("weir"), 1);
	/* a store made anew is another store */
	rig_remove(&rig);
	rig_make(&rig, IMAGE, SEGMENT, 4096);
	live_with("pace", 0);
	assert_int_equal(files("weir"), 2);
}

static void nobody_else_leaves_a_file(void **state)
{
	(void)state;
	live_with("pace", 1);
	live_with("mq-deadline", 0);
	live_with("bfq", 0);
	assert_int_equal(files("weir"), 0);
	assert_int_equal(access(workdir_path("weir"), F_OK), -1);
	live_with("pace", 0);
	assert_false(open_with("pace", 1));
	rig_close(&rig);
	assert_int_equal(files("weir"), 1);
}

static void without_a_folder(void **state)
{
	(void)state;
	assert_int_equal(setenv("XDG_STATE_HOME", "/dev/null", 1), 0);
	live_with("pace", 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	live_with("pace", 0);
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	assert_int_equal(unsetenv("HOME"), 0);
	live_with("pace", 0);
	/* a new account, with nothing in its home */
	assert_int_equal(setenv("HOME", workdir, 1), 0);
	live_with("pace", 0);
	assert_int_equal(files(".local/state/weir"), 1);
	assert_true(open_with("pace", 0));
	rig_close(&rig);
}

static void fill(const char *bytes, size_t length)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

static void whatever_is_there_instead(void **state)
{
	static char zeroes[100000];
	char away[1200];

	(void)state;
	live_with("pace", 0);
	assert_int_equal(files("weir"), 1);
	fill("", 0);
	assert_false(open_with("pace", 0));
	rig_close(&rig);
	fill(zeroes, sizeof(zeroes));
	assert_false(open_with("pace", 0));
	rig_close(&rig);
	fill("weir-learned 99\n", 16);
	assert_false(open_with("pace", 0));
	/* what it learns now takes its place */
	work();
	rig_close(&rig);
	assert_true(open_with("pace", 0));
	rig_close(&rig);
	/* a link is not followed, to read or to write */
	snprintf(away, sizeof(away), "%s", workdir_path("away"));
	assert_int_equal(rename(file, away), 0);
	assert_int_equal(symlink(away, file), 0);
	assert_false(open_with("pace", 0));
	rig_close(&rig);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_false(open_with("pace", 0));
	rig_close(&rig);
}

/* Files that nobody would read any more are removed, and no others. */
static void old_files_go(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 86400 }, { .tv_sec = 86400 } };
	char other[1100];

	(void)state;
	live_with("pace", 0);
	snprintf(other, sizeof(other), "%s/weir/0123-1.learned", workdir);
	assert_int_equal(close(open(other, O_CREAT | O_WRONLY, 0600)), 0);
	live_with("pace", 0);
	assert_int_equal(files("weir"), 2);
	assert_int_equal(utimensat(AT_FDCWD, other, old, 0), 0);
	snprintf(other, sizeof(other), "%s/weir/notes", workdir);
	assert_int_equal(close(open(other, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(utimensat(AT_FDCWD, other, old, 0), 0);
	live_with("pace", 0);
	assert_int_equal(files("weir"), 2);
	assert_int_equal(access(other, F_OK), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_next_open_begins_with_it),
		T(nobody_else_leaves_a_file),
		T(without_a_folder),
		T(whatever_is_there_instead),
		T(old_files_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
