/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No command is lost if the kernel cannot start all of them at once: several processes share few
 * tags, or the controller is reset. Each block that is read is compared with the last data written
 * there; before the read, the buffer is filled with something else.
 *
 * The arguments are the namespace's character device and its controller.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define PROCESSES 3u
#define DEPTH 64u
#define BLOCKS 1024u /* of each process */
#define IOS 4000u    /* of each process */
#define RESETS 12u
#define UNREAD 0xee

static const char *path, *controller;

struct slot {
	struct weir_io io;
	struct worker *worker;
	char *buf, *expected;
	uint32_t block; /* index in the worker's part */
	bool writes;
};

/* One process: its blocks, and their expected contents. */
struct worker {
	struct vm v;
	struct slot slots[DEPTH];
	uint64_t first; /* first block on the drive */
	uint32_t version[BLOCKS];
	bool busy[BLOCKS];
	uint64_t random;
	unsigned left, done, empty, other, failed;
};

static void content(const struct worker *w, uint32_t block, void *buf)
{
	vm_fill(buf, w->v.block, (w->first + block) << 32 | w->version[block]);
}

/* Checks the data of a read. */
static void check(struct slot *s)
{
	struct worker *w = s->worker;

	content(w, s->block, s->expected);
	if (!memcmp(s->buf, s->expected, w->v.block))
		return;
	memset(s->expected, UNREAD, w->v.block);
	if (memcmp(s->buf, s->expected, w->v.block))
		w->other++;
	else
		w->empty++;
}

static void next(struct slot *s);

static void end(struct weir_io *io)
{
	struct slot *s = io->user;
	struct worker *w = s->worker;
	char words[256];

	if (io->result && w->failed++ < 3)
		print_message("# %s\n", weir_io_strerror(io, words, sizeof(words)));
	if (!io->result && !s->writes)
		check(s);
	w->busy[s->block] = false;
	w->done++;
	if (w->left)
		next(s);
}

/*
 * Starts another io: one write for three reads, because a lost write shows when the block is read.
 */
static void next(struct slot *s)
{
	struct worker *w = s->worker;
	uint64_t offset;

	w->left--;
	do
		s->block = (uint32_t)vm_random(&w->random, BLOCKS);
	while (w->busy[s->block]);
	w->busy[s->block] = true;
	s->writes = !vm_random(&w->random, 4);
	offset = (w->first + s->block) * w->v.block;
	if (s->writes) {
		w->version[s->block]++;
		content(w, s->block, s->buf);
		weir_io_write(&s->io, offset, s->buf, w->v.block);
	} else {
		memset(s->buf, UNREAD, w->v.block);
		weir_io_read(&s->io, offset, s->buf, w->v.block);
	}
	s->io.end = end;
	s->io.user = s;
	assert_int_equal(weir_queue_submit(w->v.q, &s->io), 0);
}

static void worker_open(struct worker *w, unsigned number)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	char *all;

	memset(w, 0, sizeof(*w));
	opts.engine = "uring_cmd";
	opts.scheduler = "none";
	opts.depth = DEPTH;
	vm_open(&w->v, path, &opts);
	w->first = (uint64_t)number * BLOCKS;
	w->random = number;
	all = vm_alloc(BLOCKS * w->v.block);
	for (uint32_t i = 0; i < BLOCKS; i++)
		content(w, i, all + i * w->v.block);
	vm_write(&w->v, w->first * w->v.block, all, BLOCKS * w->v.block);
	free(all);
	for (unsigned i = 0; i < DEPTH; i++) {
		w->slots[i].worker = w;
		w->slots[i].buf = vm_alloc(w->v.block);
		w->slots[i].expected = vm_alloc(w->v.block);
	}
}

static void worker_run(struct worker *w, unsigned ios)
{
	w->left = ios;
	for (unsigned i = 0; i < DEPTH; i++)
		next(&w->slots[i]);
	assert_int_equal(weir_queue_wait(w->v.q), 0);
}

/* Reads all written blocks once more. Prints what is wrong, and returns the number. */
static unsigned worker_close(struct worker *w)
{
	struct slot *s = &w->slots[0];
	unsigned lost, wrong = w->empty + w->other;

	for (s->block = 0; s->block < BLOCKS; s->block++) {
		vm_read(&w->v, (w->first + s->block) * w->v.block, s->buf, w->v.block);
		check(s);
	}
	lost = w->empty + w->other - wrong;
	print_message("# %s: of %u ios, %u reads brought nothing, %u another block's or an older "
		      "version; %u writes are lost; %u failed\n",
		      path, w->done, w->empty, w->other - lost, lost, w->failed);
	vm_close(&w->v);
	for (unsigned i = 0; i < DEPTH; i++) {
		free(w->slots[i].buf);
		free(w->slots[i].expected);
	}
	return w->empty + w->other + w->failed;
}

static void processes_share_few_tags(void **state)
{
	static struct worker w;
	pid_t pids[PROCESSES];
	unsigned bad = 0;
	int status;

	(void)state;
	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i])
			continue;
		worker_open(&w, i);
		worker_run(&w, IOS);
		_exit(worker_close(&w) != 0);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		bad += status != 0;
	}
	assert_int_equal(bad, 0);
}

/* The child resets the controller from time to time, until it is killed. */
static pid_t start_resets(void)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	fd = open(controller, O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i < RESETS && fd >= 0; i++) {
		nanosleep(&pause, NULL);
		if (ioctl(fd, NVME_IOCTL_RESET) < 0)
			_exit(1);
	}
	_exit(fd < 0);
}

static void resets_under_load(void **state)
{
	static struct worker w;
	pid_t pid;
	int status;

	(void)state;
	worker_open(&w, 0);
	pid = start_resets();
	do
		worker_run(&w, IOS / 10);
	while (!waitpid(pid, &status, WNOHANG));
	assert_int_equal(status, 0);
	assert_int_equal(worker_close(&w), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_share_few_tags),
		cmocka_unit_test(resets_under_load),
	};

	if (argc != 3) {
		printf("1..0 # SKIP needs a character device and a controller\n");
		return 0;
	}
	path = argv[1];
	controller = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
