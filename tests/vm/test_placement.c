/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement ids on a drive with FDP: what the drive says about itself, and that a write goes to
 * the handle that it names and to no other.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/fdp.h>

#include "vm.h"

#define HANDLES 8u /* number of handles of the drive that run.py makes */
#define UNIT_BYTES (8ull << 20)
#define LENGTH (256u << 10)
#define NOBODY 65534u

static struct vm v;
static char *buf;

static int setup(void **state)
{
	(void)state;
	vm_open_with(&v, vm_ng(), "uring_cmd", "mq-deadline");
	buf = vm_alloc(VM_MIB);
	vm_fill(buf, VM_MIB, 9);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vm_close(&v);
	free(buf);
	return 0;
}

static struct weir_fdp *ask(void)
{
	struct weir_fdp *fdp;

	if (weir_fdp_read(&fdp, v.dev) < 0)
		fail_msg("%s", weir_error());
	return fdp;
}

static void what_the_drive_says(void **state)
{
	struct weir_fdp *fdp = ask();

	(void)state;
	assert_int_equal(fdp->supported, 1);
	assert_int_equal(fdp->enabled, 1);
	assert_int_equal(fdp->endurance_group, 1);
	assert_int_equal(fdp->reclaim_groups, 1);
	assert_int_equal(fdp->handles, HANDLES);
	assert_int_equal(fdp->unit_bytes, UNIT_BYTES);
	assert_int_equal(fdp->nr_placements, HANDLES);
	for (uint32_t i = 0; i < HANDLES; i++) {
		assert_int_equal(fdp->placements[i].id, i);
		assert_int_equal(fdp->placements[i].handle, i);
		assert_int_equal(fdp->placements[i].isolation, WEIR_FDP_INITIALLY);
		assert_true(fdp->placements[i].left_bytes <= UNIT_BYTES);
	}
	weir_fdp_free(fdp);
}

static void by_the_block_device_too(void **state)
{
	struct weir_device *block;
	struct weir_fdp *fdp;

	(void)state;
	assert_int_equal(weir_device_open(&block, vm_block(), NULL), 0);
	assert_int_equal(weir_fdp_read(&fdp, block), 0);
	assert_int_equal(fdp->nr_placements, HANDLES);
	weir_fdp_free(fdp);
	weir_device_close(block);
}

/*
 * Returns by how much the rest of a handle's unit has shrunk; a full unit is followed by another
 * one.
 */
static uint64_t moved(const struct weir_fdp *before, const struct weir_fdp *after, uint32_t i)
{
	uint64_t was = before->placements[i].left_bytes, is = after->placements[i].left_bytes;

	return is <= was ? was - is : was + UNIT_BYTES - is;
}

static void write_at(uint64_t offset, uint16_t placement)
{
	struct weir_io io;

	weir_io_write(&io, offset, buf, LENGTH);
	io.placement = placement;
	vm_good(&v, &io);
}

static void goes_where_it_is_told(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < HANDLES; id++) {
		struct weir_fdp *before = ask(), *after;

		write_at(64 * VM_MIB + id * LENGTH, id);
		after = ask();
		for (uint32_t i = 0; i < HANDLES; i++)
			assert_int_equal(moved(before, after, i), i == id ? LENGTH : 0);
		assert_true(after->host_bytes - before->host_bytes >= LENGTH);
		assert_true(after->media_bytes - before->media_bytes >= LENGTH);
		weir_fdp_free(before);
		weir_fdp_free(after);
	}
}

static void counted_by_id(void **state)
{
	struct weir_placement_stats stats = WEIR_PLACEMENT_STATS_INIT;

	(void)state;
	for (uint16_t id = 0; id < HANDLES; id++)
		for (uint16_t n = 0; n <= id; n++)
			write_at(128 * VM_MIB + n * LENGTH, id);
	for (uint16_t id = 0; id < HANDLES; id++) {
		assert_int_equal(weir_queue_get_placement_stats(v.q, id, &stats), 0);
		assert_int_equal(stats.id, id);
		assert_int_equal(stats.ios, id + 1);
		assert_int_equal(stats.bytes, (id + 1) * LENGTH);
		assert_int_equal(stats.errors, 0);
	}
	assert_int_equal(weir_queue_get_placement_stats(v.q, HANDLES, &stats), -ENOENT);
}

/* The drive would write to a handle of its choice, without an error. */
static void an_id_that_is_not_there(void **state)
{
	struct weir_fdp *before = ask(), *after;
	struct weir_io io;

	(void)state;
	weir_io_write(&io, 0, buf, LENGTH);
	io.placement = HANDLES;
	assert_int_equal(weir_queue_submit(v.q, &io), -EINVAL);
	assert_non_null(strstr(weir_error(), "no placement id 8: there are 8"));
	after = ask();
	for (uint32_t i = 0; i < HANDLES; i++)
		assert_int_equal(moved(before, after, i), 0);
	weir_fdp_free(before);
	weir_fdp_free(after);
}

/* Checks that ID has a new unit, and that no other id has. */
static void check_updated(uint16_t id, const struct weir_fdp *before)
{
	struct weir_fdp *after = ask();

	for (uint32_t i = 0; i < HANDLES; i++)
		assert_int_equal(after->placements[i].left_bytes,
				 i == id ? UNIT_BYTES : before->placements[i].left_bytes);
	weir_fdp_free(after);
}

static void an_update_begins_a_new_unit(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < HANDLES; id++)
		write_at(96 * VM_MIB + id * LENGTH, id);
	for (uint16_t id = 0; id < HANDLES; id++) {
		struct weir_fdp *before = ask();
		struct weir_io io;

		assert_true(before->placements[id].left_bytes < UNIT_BYTES);
		weir_io_placement_update(&io, id);
		vm_good(&v, &io);
		check_updated(id, before);
		weir_fdp_free(before);
	}
	assert_int_equal(vm_op_stats(&v, WEIR_OP_PLACEMENT_UPDATE).ios, HANDLES);
}

static void an_update_of_what_is_not_there(void **state)
{
	struct weir_io io;
	struct vm plain;

	(void)state;
	weir_io_placement_update(&io, HANDLES);
	assert_int_equal(weir_queue_submit(v.q, &io), -EINVAL);
	assert_non_null(strstr(weir_error(), "no placement id 8: there are 8"));
	vm_open_with(&plain, vm_block(), "uring", "none");
	weir_io_placement_update(&io, 1);
	assert_int_equal(weir_queue_submit(plain.q, &io), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "engine uring cannot update a placement id"));
	vm_close(&plain);
}

/* Runs in a child without root: an id that the drive has, and one that it does not have. */
static int nobody_writes(void)
{
	struct vm mine;
	struct weir_io io;

	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	vm_open_with(&mine, vm_ng(), "uring_cmd", "none");
	weir_io_write(&io, 128 * VM_MIB, buf, LENGTH);
	io.placement = 77;
	if (weir_queue_submit(mine.q, &io) != -EINVAL ||
	    !strstr(weir_error(), "no placement id 77: there are 8"))
		return 2;
	io.placement = HANDLES - 1;
	return vm_run(&mine, &io) ? 3 : 0;
}

static void checked_for_anybody(void **state)
{
	struct weir_fdp *before, *after;
	int status;
	pid_t pid;

	(void)state;
	if (!vm_linux(6, 2)) {
		print_message("# skipped: passthrough takes CAP_SYS_ADMIN before Linux 6.2\n");
		skip();
	}
	before = ask();
	assert_int_equal(chmod(vm_ng(), 0666), 0);
	pid = fork();
	if (!pid)
		_exit(nobody_writes());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	after = ask();
	assert_int_equal(moved(before, after, 0), 0);
	assert_int_equal(moved(before, after, HANDLES - 1), LENGTH);
	weir_fdp_free(before);
	weir_fdp_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(what_the_drive_says),
		T(by_the_block_device_too),
		T(goes_where_it_is_told),
		T(counted_by_id),
		T(an_id_that_is_not_there),
		T(an_update_begins_a_new_unit),
		T(an_update_of_what_is_not_there),
		T(checked_for_anybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
