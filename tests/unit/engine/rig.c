/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - an engine on a device of its own, which a test drives step by step. The engine tests
 * share it.
 */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

/* More pairs of a test and a case than any program has. */
#define RIG_TESTS 64

static void rig_skip(const char *why)
{
	print_message("# skipped: %s\n", why);
	skip();
}

static void rig_complete(void *owner, struct weir_cmd *cmd)
{
	struct rig *r = owner;

	r->last = (struct rig_cmd *)cmd;
	r->last->ended++;
	r->ended++;
}

/* Makes a file that was written in full: it has no holes and no unwritten parts, as on a device. */
static void rig_make_file(struct rig *r, const char *dir)
{
	char *block = rig_alloc(1u << 20);
	int fd;

	snprintf(r->file, sizeof(r->file), "%s/weir-engine-XXXXXX", dir);
	fd = mkstemp(r->file);
	assert_true(fd >= 0);
	memset(block, 0x5a, 1u << 20);
	for (unsigned i = 0; i < RIG_BYTES >> 20; i++)
		assert_int_equal(write(fd, block, 1u << 20), 1 << 20);
	close(fd);
	free(block);
}

static void rig_unlink(struct rig *r)
{
	unlink(r->file);
}

/* Another process may take the free loop device first; then the next one is tried. */
static void rig_attach(struct rig *r, int control, int fd)
{
	/* The loop device goes away with its last descriptor, even if this process is killed. */
	struct loop_config config = { .fd = (uint32_t)fd, .info.lo_flags = LO_FLAGS_AUTOCLEAR };

	for (int tries = 0; tries < 100 && r->loop_fd < 0; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		if (number < 0)
			return;
		snprintf(r->path, sizeof(r->path), "/dev/loop%d", number);
		r->loop_fd = open(r->path, O_RDWR | O_CLOEXEC);
		if (r->loop_fd >= 0 && ioctl(r->loop_fd, LOOP_CONFIGURE, &config) < 0) {
			close(r->loop_fd);
			r->loop_fd = -1;
		}
	}
}

/* Makes a loop device on the file. Returns NULL, or the reason why not. */
static const char *rig_make_loop(struct rig *r)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = open(r->file, O_RDWR | O_CLOEXEC);

	if (control >= 0 && fd >= 0)
		rig_attach(r, control, fd);
	if (control >= 0)
		close(control);
	if (fd >= 0)
		close(fd);
	return r->loop_fd < 0 ? "no loop device (needs root)" : NULL;
}

void rig_device(struct rig *r, const char *where, uint32_t flags)
{
	struct weir_device_opts opts = WEIR_DEVICE_OPTS_INIT;
	const char *tmp = getenv("TMPDIR"), *why = NULL;

	memset(r, 0, sizeof(*r));
	r->loop_fd = -1;
	r->params.depth = RIG_DEPTH;
	opts.flags = flags;
	if (!strcmp(where, "null")) {
		strcpy(r->path, "null");
	} else {
		if (!strcmp(where, "shm") && access("/dev/shm", W_OK) < 0)
			rig_skip("no /dev/shm");
		rig_make_file(r, !strcmp(where, "shm") ? "/dev/shm" : tmp ? tmp : "/tmp");
		strcpy(r->path, r->file);
		if (!strcmp(where, "loop"))
			why = rig_make_loop(r);
	}
	if (why) {
		rig_unlink(r);
		rig_skip(why);
	}
	if (weir_device_open(&r->dev, r->path, &opts) < 0) {
		rig_unlink(r);
		fail_msg("%s", weir_error());
	}
}

void rig_engine(struct rig *r, const char *engine)
{
	const struct engine_ops *ops;
	char why[256];

	r->params.dev = r->dev;
	r->params.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->params.complete = rig_complete;
	r->params.owner = r;
	if (engine_find(&ops, engine, r->dev, why, sizeof(why)) < 0) {
		rig_close(r);
		rig_skip(why);
	}
	r->params.ops = ops;
	if (ops->open(&r->e, &r->params) < 0) {
		rig_close(r);
		fail_msg("%s", weir_error());
	}
}

void rig_open(struct rig *r, const struct rig_case *c)
{
	rig_device(r, c->where, 0);
	rig_engine(r, c->engine);
}

void rig_close(struct rig *r)
{
	if (r->e)
		r->e->ops->close(r->e);
	weir_device_close(r->dev);
	if (r->params.wake_fd >= 0)
		close(r->params.wake_fd);
	if (r->loop_fd >= 0)
		close(r->loop_fd);
	if (*r->file)
		rig_unlink(r);
}

void rig_prep(struct rig_cmd *c, enum weir_op op, uint64_t offset, void *buf, uint64_t length)
{
	memset(c, 0, sizeof(*c));
	c->cmd.op = (uint8_t)op;
	c->cmd.offset = offset;
	c->cmd.length = length;
	c->cmd.iov = c->iov;
	c->cmd.buf_index = -1;
	c->cmd.result = 12345;
	if (op == WEIR_OP_READ || op == WEIR_OP_WRITE) {
		c->iov[0].iov_base = buf;
		c->iov[0].iov_len = length;
		c->cmd.iovcnt = 1;
	}
}

void rig_wait(struct rig *r, unsigned count)
{
	uint64_t limit = clock_now() + 60 * NSEC_PER_SEC;

	r->e->ops->submit(r->e);
	while (r->ended < count) {
		r->e->ops->wait(r->e, limit);
		r->e->ops->reap(r->e, clock_now());
		assert_true(clock_now() < limit);
	}
}

int rig_run(struct rig *r, struct rig_cmd *c)
{
	assert_int_equal(r->e->ops->queue(r->e, &c->cmd), 0);
	rig_wait(r, r->ended + 1);
	assert_ptr_equal(r->last, c);
	assert_int_equal(c->ended, 1);
	return c->cmd.result;
}

int rig_do(struct rig *r, enum weir_op op, uint64_t offset, void *buf, uint64_t length)
{
	struct rig_cmd c;

	rig_prep(&c, op, offset, buf, length);
	return rig_run(r, &c);
}

void *rig_alloc(size_t bytes)
{
	/* A test that is skipped returns without freeing this; it stays reachable, so it is no
	 * leak. */
	static void *kept[8];
	static unsigned next;
	void **mem = &kept[next++ % 8];

	assert_int_equal(posix_memalign(mem, RIG_BLOCK, bytes), 0);
	return *mem;
}

uint64_t rig_random(uint64_t *state, uint64_t limit)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % limit;
}

void rig_fill(void *buf, size_t bytes, uint64_t seed)
{
	uint64_t *word = buf;

	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		word[i] = (seed + 1) * 0x9e3779b97f4a7c15ull + i;
}

int rig_run_cases(const char *name, const struct rig_case *cases, size_t count,
		  const struct CMUnitTest *tests, size_t n,
		  bool (*suits)(const struct rig_case *c, const struct CMUnitTest *test))
{
	static char names[RIG_TESTS][80];
	static struct CMUnitTest all[RIG_TESTS];
	size_t taken = 0;

	assert_in_range(count * n, 1, RIG_TESTS);
	for (size_t i = 0; i < count * n; i++) {
		const struct rig_case *c = &cases[i / n];
		const struct CMUnitTest *test = &tests[i % n];

		if (!suits(c, test))
			continue;
		all[taken] = *test;
		snprintf(names[taken], sizeof(names[taken]), "%s on %s: %s", c->engine, c->where,
			 test->name);
		all[taken].name = names[taken];
		all[taken++].initial_state = (void *)(uintptr_t)c;
	}
	return _cmocka_run_group_tests(name, all, taken, NULL, NULL);
}
