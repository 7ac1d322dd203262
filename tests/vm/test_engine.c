/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The passthrough engine by itself, for tests that the queue above it would not permit: refusals
 * of the drive, registered memory, many discards, and nothing left behind.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/nvme_status.h"
#include "engine/uring_cmd.h"
#include "vm.h"

#include "../unit/held.h"

#define DEPTH 4u
#define NOBODY 65534u
#define OPENS (vm_linux(6, 2) ? 1000u : 100u) /* 6.1 closes rings slowly */
/* until the allocators have all memory that they keep */
#define WARM 50u
#define MORE_KIB 1024u
#define ARENA VM_MIB
#define SMALL (64u * 4096) /* fewer pages than a command has segments */

static struct weir_device *dev;
static struct engine *engine;
static struct engine_params params;
static uint32_t block;
static unsigned ended;
static char *arena;

static void complete(void *owner, struct weir_cmd *cmd)
{
	(void)owner;
	(void)cmd;
	ended++;
}

static int setup(void **state)
{
	(void)state;
	if (weir_device_open(&dev, vm_ng(), NULL) < 0)
		fail_msg("%s", weir_error());
	block = weir_device_get_info(dev)->logical_block_bytes;
	params.dev = dev;
	params.depth = DEPTH;
	params.wake_fd = -1;
	params.complete = complete;
	if (engine_uring_cmd.open(&engine, &params) < 0)
		fail_msg("%s", weir_error());
	arena = vm_alloc(2 * ARENA);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine->ops->close(engine);
	weir_device_close(dev);
	free(arena);
	return 0;
}

static void prepare(struct weir_cmd *cmd, struct iovec *iov, enum weir_op op, uint64_t offset,
		    uint64_t length)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->op = (uint8_t)op;
	cmd->offset = offset;
	cmd->length = length;
	cmd->buf_index = -1;
	iov->iov_len = length;
	if (op == WEIR_OP_READ || op == WEIR_OP_WRITE) {
		cmd->iov = iov;
		cmd->iovcnt = 1;
	}
}

static void wait_for(unsigned count)
{
	uint64_t limit = clock_now() + 60 * NSEC_PER_SEC;

	engine->ops->submit(engine);
	while (ended < count) {
		engine->ops->wait(engine, limit);
		engine->ops->reap(engine, clock_now());
		assert_true(clock_now() < limit);
	}
}

static int run(struct weir_cmd *cmd)
{
	assert_int_equal(engine->ops->queue(engine, cmd), 0);
	wait_for(ended + 1);
	return cmd->result;
}

static int run_at(enum weir_op op, uint64_t offset, void *buf, uint64_t length, uint16_t *status)
{
	struct iovec iov = { .iov_base = buf };
	struct weir_cmd cmd;

	prepare(&cmd, &iov, op, offset, length);
	run(&cmd);
	assert_int_equal(cmd.resubmits, 0);
	*status = cmd.status;
	return cmd.result;
}

/* The drive reports it, and that another try is useless. */
static void beyond_the_end(void **state)
{
	uint64_t end = weir_device_get_info(dev)->capacity_bytes;
	uint16_t status;

	(void)state;
	assert_int_equal(run_at(WEIR_OP_READ, end, arena, block, &status), -ERANGE);
	assert_int_equal(status, 0x4080);
	assert_int_equal(run_at(WEIR_OP_WRITE, end - block, arena, 2 * block, &status), -ERANGE);
	assert_int_equal(status, 0x4080);
	assert_int_equal(run_at(WEIR_OP_WRITE_ZEROES, end, NULL, block, &status), -ERANGE);
	assert_int_equal(status, 0x4080);
	assert_int_equal(run_at(WEIR_OP_READ, end - block, arena, block, &status), 0);
	assert_int_equal(status, 0);
}

/* The kernel checks that memory lies inside the registered memory: so the commands do use it. */
static void registered_memory(void **state)
{
	struct iovec iov = { .iov_base = arena + 3 * block };
	struct weir_cmd cmd;

	(void)state;
	assert_int_equal(engine->ops->register_buffer(engine, 1, arena, SMALL), 0);
	vm_fill(arena, ARENA, 3);
	prepare(&cmd, &iov, WEIR_OP_WRITE, 0, 5 * block);
	cmd.buf_index = 1;
	assert_int_equal(run(&cmd), 0);
	iov.iov_base = arena + SMALL - 5 * block;
	prepare(&cmd, &iov, WEIR_OP_READ, 0, 5 * block);
	cmd.buf_index = 1;
	assert_int_equal(run(&cmd), 0);
	assert_memory_equal(arena + 3 * block, iov.iov_base, 5 * block);
	iov.iov_base = arena + SMALL - 4 * block;
	prepare(&cmd, &iov, WEIR_OP_READ, 0, 5 * block);
	cmd.buf_index = 1;
	assert_int_equal(run(&cmd), -EFAULT);
	assert_int_equal(cmd.status, 0);
	prepare(&cmd, &iov, WEIR_OP_READ, 0, 5 * block);
	cmd.buf_index = 2;
	assert_true(run(&cmd) < 0);
}

/*
 * Linux 6.1 counts the pages up to the end of the buffer. The first command there is tried again
 * without registered memory, and afterwards none uses it.
 */
static void registered_memory_of_many_pages(void **state)
{
	struct iovec iov = { .iov_base = arena };
	struct weir_cmd cmd;

	(void)state;
	assert_int_equal(engine->ops->register_buffer(engine, 1, arena, ARENA), 0);
	vm_fill(arena, ARENA, 3);
	for (unsigned i = 0; i < 3; i++) {
		prepare(&cmd, &iov, i ? WEIR_OP_READ : WEIR_OP_WRITE, 0, 5 * block);
		iov.iov_base = arena + i * 5 * block;
		cmd.buf_index = 1;
		assert_int_equal(run(&cmd), 0);
		assert_memory_equal(arena, iov.iov_base, 5 * block);
		assert_int_equal(cmd.resubmits, !i && !vm_linux(6, 2));
		assert_int_equal(cmd.buf_index, i && !vm_linux(6, 2) ? -1 : 1);
	}
}

/*
 * The kernel refuses commands that are too long for passthrough, with the same error as for a
 * drive that is being reset; but this drive is there.
 */
static void what_the_kernel_refuses_ends_at_once(void **state)
{
	struct iovec iov = { .iov_base = arena };
	uint64_t start = clock_now();
	struct weir_cmd cmd;

	(void)state;
	prepare(&cmd, &iov, WEIR_OP_READ, 0, 2 * ARENA);
	assert_int_equal(run(&cmd), -EINVAL);
	assert_int_equal(cmd.resubmits, NVME_STATUS_RETRIES);
	assert_true(clock_now() - start < 5 * NSEC_PER_SEC);
}

/* Each discard uses an entry that an earlier one gave back, also if several are in flight. */
static void many_discards(void **state)
{
	struct weir_cmd cmds[DEPTH];
	struct iovec iov;
	uint16_t status;

	(void)state;
	vm_fill(arena, ARENA, 4);
	assert_int_equal(run_at(WEIR_OP_WRITE, 0, arena, ARENA / 2, &status), 0);
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < DEPTH; k++) {
			prepare(&cmds[k], &iov, WEIR_OP_DISCARD, (1 + 2 * k) * block, block);
			assert_int_equal(engine->ops->queue(engine, &cmds[k]), 0);
		}
		wait_for(ended + DEPTH);
		for (unsigned k = 0; k < DEPTH; k++)
			assert_int_equal(cmds[k].result, 0);
	}
	assert_int_equal(run_at(WEIR_OP_READ, 0, arena + ARENA, ARENA / 2, &status), 0);
	for (uint32_t at = 0; at < ARENA / 2; at += block)
		assert_int_equal(!memcmp(arena + at, arena + ARENA + at, block),
				 at > 2 * DEPTH * block || at / block % 2 == 0);
}

/* On a drive without the command the zeroes are written. */
static void zeroes_without_the_command(void **state)
{
	struct uring_cmd *c = (struct uring_cmd *)engine;
	uint16_t status;

	(void)state;
	vm_fill(arena, ARENA, 5);
	assert_int_equal(run_at(WEIR_OP_WRITE, 0, arena, ARENA / 2, &status), 0);
	c->u.writes_zeroes = true;
	assert_int_equal(run_at(WEIR_OP_WRITE_ZEROES, block, NULL, ARENA / 4, &status), 0);
	memset(arena + block, 0, ARENA / 4);
	assert_int_equal(run_at(WEIR_OP_READ, 0, arena + ARENA, ARENA / 2, &status), 0);
	assert_memory_equal(arena, arena + ARENA, ARENA / 2);
}

/* Registered memory is released too: it is pinned as long as a ring knows it. */
static void nothing_is_left_of_many_opens(void **state)
{
	char *buf = vm_alloc(VM_MIB);
	struct held before;

	(void)state;
	for (unsigned i = 0; i < OPENS; i++) {
		struct vm v;

		vm_open_with(&v, vm_ng(), "uring_cmd", "none");
		assert_int_equal(weir_queue_register(v.q, buf, SMALL), 0);
		vm_write(&v, i * v.block, buf, v.block);
		vm_read(&v, i * v.block, buf, v.block);
		assert_int_equal(vm_stats(&v).registered, 2);
		if (i == WARM)
			assert_true(held_now().pinned_kib >= SMALL >> 10);
		vm_close(&v);
		if (i == WARM)
			before = held_now();
	}
	held_check(&before, MORE_KIB);
	free(buf);
}

static void check_locked(const char *path)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *other;

	opts.flags = WEIR_DEVICE_LOCK;
	assert_int_equal(weir_device_open(&other, path, &opts), -EBUSY);
}

/* The lock also holds for a program that opens the block device. */
static void the_lock(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *mine;

	(void)state;
	opts.flags = WEIR_DEVICE_LOCK;
	assert_int_equal(weir_device_open(&mine, vm_ng(), &opts), 0);
	check_locked(vm_ng());
	check_locked(vm_block());
	weir_device_close(mine);
	assert_int_equal(weir_device_open(&mine, vm_block(), &opts), 0);
	check_locked(vm_ng());
	weir_device_close(mine);
	assert_int_equal(weir_device_open(&mine, vm_ng(), &opts), 0);
	weir_device_close(mine);
}

static void only_on_the_character_device(void **state)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *other;
	struct weir_queue *q;

	(void)state;
	opts.engine = "uring_cmd";
	assert_int_equal(weir_device_open(&other, vm_block(), NULL), 0);
	assert_int_equal(weir_queue_open(&q, other, &opts), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "io_uring_cmd needs the NVMe character device: use "
					     "/dev/ng0n1 for /dev/nvme0n1"));
	weir_device_close(other);
	opts.engine = "posix";
	assert_int_equal(weir_queue_open(&q, dev, &opts), -EOPNOTSUPP);
	assert_non_null(strstr(weir_error(), "only the uring_cmd engine"));
}

/* Answers like a kernel that does not support rings with big entries. */
static void refuse_rings(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(2);
}

static void an_old_kernel(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct weir_device *mine;
		char why[256] = "";

		if (weir_device_open(&mine, vm_ng(), NULL))
			_exit(3);
		refuse_rings();
		_exit(weir_engine_probe("uring_cmd", mine, why, sizeof(why)) != -EOPNOTSUPP ||
		      strcmp(why, "io_uring_cmd requires kernel 5.19 or later") != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The child's part; returns the number of the step that failed. */
static int work_as_nobody(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *mine;
	struct weir_queue *q;
	struct weir_io io;

	opts.engine = "uring_cmd";
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	if (weir_device_open(&mine, vm_ng(), NULL) || weir_queue_open(&q, mine, &opts))
		return 2;
	weir_io_write(&io, 0, arena, block);
	if (weir_queue_submit(q, &io) || weir_io_wait(q, &io, UINT64_MAX))
		return 3;
	weir_io_read(&io, 0, arena, block);
	if (weir_queue_submit(q, &io) || weir_io_wait(q, &io, UINT64_MAX))
		return 4;
	weir_io_flush(&io);
	return weir_queue_submit(q, &io) || weir_io_wait(q, &io, UINT64_MAX) ? 5 : 0;
}

/* A user who may open the device may use it, from Linux 6.2 on, as documented. */
static void without_root(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	for (unsigned allowed = 0; allowed < 2; allowed++) {
		assert_int_equal(chmod(vm_ng(), allowed ? 0666 : 0600), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			int step = work_as_nobody();

			if (allowed && step && vm_linux(6, 2))
				print_message("# step %d: %s\n", step, weir_error());
			_exit(step);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, allowed && vm_linux(6, 2) ? 0 : 2 << 8);
	}
	assert_int_equal(chmod(vm_ng(), 0600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(beyond_the_end),
		T(registered_memory),
		T(registered_memory_of_many_pages),
		T(what_the_kernel_refuses_ends_at_once),
		T(many_discards),
		T(zeroes_without_the_command),
		cmocka_unit_test(nothing_is_left_of_many_opens),
		cmocka_unit_test(the_lock),
		T(only_on_the_character_device),
		T(an_old_kernel),
		T(without_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
