/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_place.c - the folder for control sockets: only one that is this user's alone is used.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "control/place.h"
#include "../device/workdir.h"

static char mine[600]; /* where the folder would be */

static int setup(void **state)
{
	(void)state;
	if (workdir_make())
		return -1;
	snprintf(mine, sizeof(mine), "%s/weir", workdir);
	return setenv("XDG_RUNTIME_DIR", workdir, 1);
}

static int teardown(void **state)
{
	(void)state;
	rmdir(mine);
	return workdir_remove();
}

/* Returns true if the folder in XDG_RUNTIME_DIR is the one that is taken; else there is another, or
 * none. */
static bool is_taken(void)
{
	char folder[CONTROL_PATH_BYTES];

	return !control_folder_make(folder) && !strcmp(folder, mine);
}

static void test_made(void **state)
{
	struct stat st;

	(void)state;
	assert_true(is_taken());
	assert_int_equal(lstat(mine, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_true(is_taken());
	assert_int_equal(rmdir(mine), 0);
}

static void test_open_to_others(void **state)
{
	(void)state;
	assert_true(is_taken());
	assert_int_equal(chmod(mine, 0750), 0);
	assert_false(is_taken());
	assert_int_equal(chmod(mine, 0700), 0);
	assert_true(is_taken());
	/* In a folder into which others may write, they could replace it. */
	assert_int_equal(chmod(workdir, 0777), 0);
	assert_false(is_taken());
	assert_int_equal(chmod(workdir, 0700), 0);
	assert_int_equal(rmdir(mine), 0);
}

static void test_link(void **state)
{
	char real[700];

	(void)state;
	snprintf(real, sizeof(real), "%s/elsewhere", workdir);
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink(real, mine), 0);
	assert_false(is_taken());
	assert_int_equal(unlink(mine), 0);
	assert_int_equal(rmdir(real), 0);
}

static void test_somebody_elses(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("skipped: only root can make a folder of another user\n");
		skip();
	}
	assert_true(is_taken());
	assert_int_equal(chown(mine, 65534, 65534), 0);
	assert_false(is_taken());
	assert_int_equal(rmdir(mine), 0);
}

static void test_too_long(void **state)
{
	char folder[CONTROL_PATH_BYTES], path[CONTROL_PATH_BYTES], dir[300];

	(void)state;
	memset(dir, 'x', sizeof(dir) - 1);
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	assert_int_equal(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
	if (!control_folder_make(folder))
		assert_null(strstr(folder, "xxx"));
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
	assert_int_equal(control_path_of(path, 0, geteuid(), "name"), -ENOENT);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", workdir, 1), 0);
}

/* A name tells stores apart, and copies of one. */
static void test_names(void **state)
{
	uint8_t uuid[16] = { 0x12, 0xab };
	struct weir_device_info info = { .origin_device = 0x801, .origin_inode = 42 };
	char name[CONTROL_NAME_BYTES];

	(void)state;
	assert_string_equal(control_name(name, uuid, &info),
			    "12ab0000000000000000000000000000-801-2a.sock");
	info = (struct weir_device_info){ .origin_device = 0x700, .origin_start = 0x100000 };
	assert_string_equal(control_name(name, uuid, &info),
			    "12ab0000000000000000000000000000-700-0-100000.sock");
	info.origin_device = info.origin_inode = info.origin_start = UINT64_MAX;
	assert_string_equal(control_name(name, uuid, &info),
			    "12ab0000000000000000000000000000-ffffffffffffffff-ffffffffffffffff-"
			    "ffffffffffffffff.sock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),	 cmocka_unit_test(test_open_to_others),
		cmocka_unit_test(test_link),	 cmocka_unit_test(test_somebody_elses),
		cmocka_unit_test(test_too_long), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
