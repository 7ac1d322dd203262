/* SPDX-License-Identifier: Apache-2.0 */
/* vm.c - functions that the programs with an NVMe drive share. Used by one thread. */
#include "vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char *vm_path(const char *name)
{
	const char *path = getenv(name);

	if (path)
		return path;
	print_message("# skipped: no %s: run in the guest, by tests/vm/run.py\n", name);
	skip();
	return NULL;
}

const char *vm_ng(void)
{
	return vm_path("WEIR_VM_NG");
}

const char *vm_block(void)
{
	return vm_path("WEIR_VM_BLOCK");
}

void vm_open(struct vm *v, const char *path, const struct weir_queue_opts *opts)
{
	memset(v, 0, sizeof(*v));
	if (weir_device_open(&v->dev, path, NULL) < 0)
		fail_msg("%s", weir_error());
	v->block = weir_device_get_info(v->dev)->logical_block_bytes;
	if (weir_queue_open(&v->q, v->dev, opts) < 0)
		fail_msg("%s", weir_error());
}

void vm_open_with(struct vm *v, const char *path, const char *engine, const char *scheduler)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.engine = engine;
	opts.scheduler = scheduler;
	vm_open(v, path, &opts);
}

void vm_close(struct vm *v)
{
	assert_int_equal(weir_queue_close(v->q), 0);
	weir_device_close(v->dev);
}

int vm_run(struct vm *v, struct weir_io *io)
{
	int err;

	if (weir_queue_submit(v->q, io) < 0)
		fail_msg("%s", weir_error());
	err = weir_io_wait(v->q, io, UINT64_MAX);
	assert_int_equal(err, io->result);
	return err;
}

void vm_good(struct vm *v, struct weir_io *io)
{
	char words[256];

	if (vm_run(v, io))
		fail_msg("%s", weir_io_strerror(io, words, sizeof(words)));
	assert_int_equal(io->status, 0);
}

void vm_write(struct vm *v, uint64_t offset, const void *buf, uint64_t length)
{
	struct weir_io io;

	weir_io_write(&io, offset, buf, length);
	vm_good(v, &io);
}

void vm_read(struct vm *v, uint64_t offset, void *buf, uint64_t length)
{
	struct weir_io io;

	memset(buf, 0xee, length);
	weir_io_read(&io, offset, buf, length);
	vm_good(v, &io);
}

struct weir_queue_stats vm_stats(struct vm *v)
{
	struct weir_queue_stats stats = WEIR_QUEUE_STATS_INIT;

	assert_int_equal(weir_queue_get_stats(v->q, &stats), 0);
	return stats;
}

struct weir_op_stats vm_op_stats(struct vm *v, enum weir_op op)
{
	struct weir_op_stats stats = WEIR_OP_STATS_INIT;

	assert_int_equal(weir_queue_get_op_stats(v->q, op, &stats), 0);
	return stats;
}

void *vm_alloc(size_t bytes)
{
	void *mem = NULL;

	assert_int_equal(posix_memalign(&mem, 4096, bytes), 0);
	return mem;
}

void vm_fill(void *buf, size_t bytes, uint64_t seed)
{
	char *at = buf;

	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++) {
		uint64_t word = (seed + 1) * 0x9e3779b97f4a7c15ull + i;

		memcpy(at + i * sizeof(word), &word, sizeof(word));
	}
}

bool vm_linux(unsigned major, unsigned minor)
{
	struct utsname name;
	unsigned is[2];

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &is[0], &is[1]), 2);
	return is[0] > major || (is[0] == major && is[1] >= minor);
}

uint64_t vm_random(uint64_t *state, uint64_t limit)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % limit;
}
