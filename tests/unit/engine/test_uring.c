/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the uring engine has: registered buffers, a ring that can be lost, and a file that the
 * kernel must release.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/uring.h"
#include "rig.h"

#define NOBODY 65534u
#define ARENA (64 * RIG_BLOCK)

static const struct rig_case on_file = { "uring", "file" };

/* Skips the test if the set-up does not contain WORD. */
static void need(struct rig *r, const char *word)
{
	if (strstr(r->e->ops->describe(r->e), word))
		return;
	print_message("# skipped: %s\n", r->e->ops->describe(r->e));
	rig_close(r);
	skip();
}

static void registered_prep(struct rig_cmd *c, enum weir_op op, uint64_t at, void *buf, int index)
{
	rig_prep(c, op, at, buf, 3 * RIG_BLOCK);
	c->cmd.buf_index = (int16_t)index;
}

static void registered_sub_ranges(void **state)
{
	char *arena = rig_alloc(2 * ARENA), *back = rig_alloc(3 * RIG_BLOCK);
	struct rig_cmd c;
	struct rig r;

	(void)state;
	rig_open(&r, &on_file);
	need(&r, ", registered buffers");
	assert_int_equal(r.e->ops->register_buffer(r.e, 0, arena, ARENA), 0);
	assert_int_equal(r.e->ops->register_buffer(r.e, 1023, arena + ARENA, ARENA), 0);
	for (unsigned i = 0; i < 100; i++) {
		unsigned half = i & 1, part = i % 61;
		char *buf = arena + half * ARENA + part * RIG_BLOCK;
		uint64_t at = i * 4 * RIG_BLOCK;

		rig_fill(buf, 3 * RIG_BLOCK, i);
		registered_prep(&c, WEIR_OP_WRITE, at, buf, half ? 1023 : 0);
		c.cmd.fua = i % 10 == 0;
		assert_int_equal(rig_run(&r, &c), 0);
		assert_int_equal(rig_do(&r, WEIR_OP_READ, at, back, 3 * RIG_BLOCK), 0);
		assert_memory_equal(back, buf, 3 * RIG_BLOCK);
		memset(buf, 0, 3 * RIG_BLOCK);
		registered_prep(&c, WEIR_OP_READ, at, buf, half ? 1023 : 0);
		assert_int_equal(rig_run(&r, &c), 0);
		assert_memory_equal(back, buf, 3 * RIG_BLOCK);
	}
	rig_close(&r);
	free(back);
	free(arena);
}

/* The kernel checks that the memory is inside the buffer, which proves that registered commands are
 * used. */
static void registered_outside_is_refused(void **state)
{
	char *arena = rig_alloc(2 * ARENA);
	struct rig_cmd c;
	struct rig r;

	(void)state;
	rig_open(&r, &on_file);
	need(&r, ", registered buffers");
	assert_int_equal(r.e->ops->register_buffer(r.e, 5, arena, ARENA), 0);
	registered_prep(&c, WEIR_OP_READ, 0, arena + ARENA - RIG_BLOCK, 5);
	assert_int_equal(rig_run(&r, &c), -EFAULT);
	registered_prep(&c, WEIR_OP_READ, 0, arena, 6);
	assert_int_equal(rig_run(&r, &c), -EFAULT);
	assert_int_equal(r.e->ops->register_buffer(r.e, 1024, arena, ARENA), -E2BIG);
	rig_close(&r);
	free(arena);
}

/* Runs in the child. Returns 0, 77 to skip, or the number of the check that failed. */
static int register_too_much(struct weir_device *dev, struct engine_params params, void *arena)
{
	/* This is enough for the ring, but not for the memory beside it. */
	struct rlimit limit = { .rlim_cur = ARENA / 2, .rlim_max = ARENA / 2 };
	struct engine *e;

	params.dev = dev;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || (!getuid() && setresuid(NOBODY, NOBODY, NOBODY)))
		return 77;
	if (engine_uring.open(&e, &params))
		return 77;
	if (!strstr(e->ops->describe(e), ", registered buffers"))
		return 77;
	if (e->ops->register_buffer(e, 0, arena, ARENA) != -ENOMEM)
		return 1;
	if (!strstr(weir_error(), "RLIMIT_MEMLOCK") || !strstr(weir_error(), "256 KiB"))
		return 2;
	e->ops->close(e);
	return 0;
}

static void memory_limit_is_named(void **state)
{
	char *arena = rig_alloc(ARENA);
	struct rig r;
	int status;
	pid_t pid;

	(void)state;
	rig_open(&r, &on_file);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(register_too_much(r.dev, r.params, arena));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rig_close(&r);
	free(arena);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("# skipped: no io_uring under RLIMIT_MEMLOCK here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define LOST 5u

static void check_lost(struct rig *r, struct rig_cmd *cmds, unsigned n, int cause)
{
	r->e->ops->reap(r->e, clock_now());
	assert_int_equal(r->ended, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(cmds[i].ended, 1);
		assert_int_equal(cmds[i].cmd.result, -EIO);
		assert_int_equal(cmds[i].cmd.ring_lost, cause);
	}
}

/* The ring is taken away: all accepted commands end with -EIO, and so do later ones. */
static void a_lost_ring_fails_its_commands(void **state)
{
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig_cmd cmds[LOST + 1];
	uint64_t start;
	int fd, ring_fd;
	struct rig r;

	(void)state;
	rig_open(&r, &on_file);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i <= LOST; i++)
		rig_prep(&cmds[i], WEIR_OP_READ, i * RIG_BLOCK, buf, RIG_BLOCK);
	ring_fd = ((struct uring *)r.e)->ring.ring_fd;
	assert_int_equal(dup2(fd, ring_fd), ring_fd);
	for (unsigned i = 0; i < LOST; i++)
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
	r.e->ops->submit(r.e);
	assert_true(r.e->ops->next_event(r.e) == 0);
	check_lost(&r, cmds, LOST, EOPNOTSUPP);
	assert_int_equal(r.e->ops->queue(r.e, &cmds[LOST].cmd), 0);
	start = clock_now();
	r.e->ops->wait(r.e, start + 10 * NSEC_PER_SEC);
	assert_true(clock_now() < start + 10 * NSEC_PER_SEC);
	check_lost(&r, cmds, LOST + 1, EOPNOTSUPP);
	close(fd);
	rig_close(&r);
	free(buf);
}

static void *submit_elsewhere(void *arg)
{
	struct rig *r = arg;

	r->e->ops->submit(r->e);
	return NULL;
}

static void another_thread_is_refused(void **state)
{
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig_cmd c;
	pthread_t thread;
	struct rig r;

	(void)state;
	rig_open(&r, &on_file);
	need(&r, "SINGLE_ISSUER");
	rig_prep(&c, WEIR_OP_READ, 0, buf, RIG_BLOCK);
	assert_int_equal(r.e->ops->queue(r.e, &c.cmd), 0);
	assert_int_equal(pthread_create(&thread, NULL, submit_elsewhere, &r), 0);
	pthread_join(thread, NULL);
	check_lost(&r, &c, 1, EEXIST);
	rig_close(&r);
	free(buf);
}

/* From here on, the kernel refuses a batch of BUSY commands with EAGAIN, as when memory is
 * short. */
#define BUSY 2u

static void refuse_batches(void)
{
	const unsigned to_submit = offsetof(struct seccomp_data, args[1]);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, to_submit),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BUSY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 6, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(77);
}

/* Runs in the child. Returns 0, or the number of the check that failed. */
static int go_on_when_busy(struct rig *r, struct rig_cmd *cmds)
{
	uint64_t until;
	unsigned waits = 0;

	/* A child cannot use its parent's device. */
	if (weir_device_open(&r->dev, r->file, NULL))
		return 8;
	r->params.dev = r->dev;
	refuse_batches();
	if (engine_uring.open(&r->e, &r->params))
		return 1;
	for (unsigned i = 0; i < BUSY; i++)
		if (r->e->ops->queue(r->e, &cmds[i].cmd))
			return 2;
	r->e->ops->submit(r->e);
	if (r->e->ops->next_event(r->e) == UINT64_MAX)
		return 3;
	/* The batch is tried again, but not in a tight loop, although no deadline and no CQE will
	 * come. */
	for (until = clock_now() + 20 * NSEC_PER_MSEC; !waits || clock_now() < until; waits++) {
		r->e->ops->wait(r->e, UINT64_MAX);
		r->e->ops->reap(r->e, clock_now());
	}
	if (!waits || waits > 25 || r->ended)
		return 4;
	if (r->e->ops->queue(r->e, &cmds[BUSY].cmd))
		return 5;
	until = clock_now() + 10 * NSEC_PER_SEC;
	while (r->ended <= BUSY && clock_now() < until) {
		r->e->ops->wait(r->e, until);
		r->e->ops->reap(r->e, clock_now());
	}
	for (unsigned i = 0; i <= BUSY; i++)
		if (cmds[i].ended != 1 || cmds[i].cmd.result)
			return 6;
	if (r->ended != BUSY + 1 || r->e->ops->next_event(r->e) != UINT64_MAX)
		return 7;
	r->e->ops->close(r->e);
	return 0;
}

static void a_busy_kernel_is_asked_again(void **state)
{
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig_cmd cmds[BUSY + 1];
	struct rig r;
	int status;
	pid_t pid;

	(void)state;
	rig_open(&r, &on_file);
	for (unsigned i = 0; i <= BUSY; i++)
		rig_prep(&cmds[i], WEIR_OP_READ, i * RIG_BLOCK, buf, RIG_BLOCK);
	close(r.params.wake_fd);
	r.params.wake_fd = -1; /* its poll would be one more entry in the batch */
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(go_on_when_busy(&r, cmds));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rig_close(&r);
	free(buf);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("# skipped: no seccomp filters here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The first commands of a batch start while the rest is made ready, in parts of 2, 2, 4 and so on.
 * The last one waits for submit(). */
static void a_long_batch_starts_in_parts(void **state)
{
	const uint64_t until = clock_now() + 10 * NSEC_PER_SEC;
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig_cmd cmds[9];
	struct rig r;

	(void)state;
	rig_open(&r, &on_file);
	for (unsigned i = 0; i < 9; i++) {
		rig_prep(&cmds[i], WEIR_OP_READ, i * RIG_BLOCK, buf, RIG_BLOCK);
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
	}
	while (r.ended < 8 && clock_now() < until)
		r.e->ops->reap(r.e, clock_now());
	assert_int_equal(r.ended, 8);
	assert_int_equal(cmds[8].ended, 0);
	r.e->ops->submit(r.e);
	rig_wait(&r, 9);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(cmds[i].cmd.result, 0);
	rig_close(&r);
	free(buf);
}

/* A ring stays in the kernel for a while after it was closed; the lock on the device must not. */
static void close_lets_go_of_the_lock(void **state)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	char *buf = rig_alloc(RIG_BLOCK);
	struct rig r;

	(void)state;
	rig_device(&r, "file", WEIR_DEVICE_LOCK);
	rig_engine(&r, "uring");
	opts.flags = WEIR_DEVICE_LOCK;
	for (int i = 0; i < 50; i++) {
		r.e->ops->wait(r.e, clock_now() + 1000);
		assert_int_equal(rig_do(&r, WEIR_OP_READ, 0, buf, RIG_BLOCK), 0);
		r.e->ops->close(r.e);
		weir_device_close(r.dev);
		assert_int_equal(weir_device_open(&r.dev, r.path, &opts), 0);
		r.params.dev = r.dev;
		assert_int_equal(engine_uring.open(&r.e, &r.params), 0);
	}
	rig_close(&r);
	free(buf);
}

/* Callbacks may submit: the CQ must have room for what they start. */
struct chain {
	struct rig *r;
	unsigned left;
};

static void chain_next(void *owner, struct weir_cmd *cmd)
{
	struct chain *chain = owner;

	assert_int_equal(cmd->result, 0);
	chain->r->ended++;
	if (!chain->left)
		return;
	chain->left--;
	cmd->iov->iov_len = RIG_BLOCK;
	assert_int_equal(chain->r->e->ops->queue(chain->r->e, cmd), 0);
	chain->r->e->ops->submit(chain->r->e);
}

static void completions_may_submit(void **state)
{
	char *buf = rig_alloc(RIG_DEPTH * RIG_BLOCK);
	struct rig_cmd cmds[RIG_DEPTH];
	struct chain chain = { .left = 20000 };
	struct rig r;

	(void)state;
	rig_open(&r, &(struct rig_case){ "uring", "shm" });
	chain.r = &r;
	r.e->params.complete = chain_next;
	r.e->params.owner = &chain;
	for (unsigned i = 0; i < RIG_DEPTH; i++) {
		rig_prep(&cmds[i], WEIR_OP_READ, i * RIG_BLOCK, buf + i * RIG_BLOCK, RIG_BLOCK);
		assert_int_equal(r.e->ops->queue(r.e, &cmds[i].cmd), 0);
	}
	rig_wait(&r, 20000 + RIG_DEPTH);
	assert_int_equal(r.ended, 20000 + RIG_DEPTH);
	rig_close(&r);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registered_sub_ranges),
		cmocka_unit_test(registered_outside_is_refused),
		cmocka_unit_test(memory_limit_is_named),
		cmocka_unit_test(a_lost_ring_fails_its_commands),
		cmocka_unit_test(another_thread_is_refused),
		cmocka_unit_test(a_busy_kernel_is_asked_again),
		cmocka_unit_test(a_long_batch_starts_in_parts),
		cmocka_unit_test(close_lets_go_of_the_lock),
		cmocka_unit_test(completions_may_submit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
