/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ram.c - an engine whose drive is memory. See ram.h. Global: one queue at a time. An instance
 * belongs to its lane's owner, and a block to the command that accesses it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ram.h"

#define RAM_DEPTH 64u
#define RAM_RANGES 6u

struct ram ram;
static struct engine_ops engine;

struct ram_running {
	struct weir_cmd *cmd;
	uint64_t due_ns, covers; /* covers: the writes that had completed when a flush arrived */
};

struct ram_instance {
	struct engine e;
	uint64_t seed;
	uint32_t n;
	struct ram_running running[RAM_DEPTH];
};

static uint64_t ram_pick(struct ram_instance *r, uint64_t n)
{
	r->seed = r->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (r->seed >> 33) % n;
}

static uint64_t count(uint64_t *counter)
{
	return __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static int ram_engine_open(struct engine **e, const struct engine_params *params)
{
	struct ram_instance *r = engine_new(sizeof(*r), params);

	if (!r)
		return -ENOMEM;
	assert_true(params->depth <= RAM_DEPTH);
	r->seed = ram.seed;
	*e = &r->e;
	return 0;
}

static void ram_engine_close(struct engine *e)
{
	assert_int_equal(((struct ram_instance *)e)->n, 0);
	free(e);
}

static struct cmd_range range_of(const struct weir_cmd *cmd, uint32_t i)
{
	if (cmd->op == WEIR_OP_DISCARD && cmd->iovcnt)
		return cmd->ranges[i];
	return (struct cmd_range){ cmd->offset, cmd->length };
}

static uint32_t nr_ranges(const struct weir_cmd *cmd)
{
	if (cmd->op == WEIR_OP_FLUSH)
		return 0;
	return cmd->op == WEIR_OP_DISCARD && cmd->iovcnt ? cmd->iovcnt : 1;
}

/*
 * Asserts that no two commands access a block at the same time. The test avoids that, so merging
 * must too.
 */
static void set_busy(const struct weir_cmd *cmd, uint8_t busy)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < nr_ranges(cmd); i++) {
		struct cmd_range at = range_of(cmd, i);

		assert_true(at.length && !(at.offset % RAM_BLOCK) && !(at.length % RAM_BLOCK));
		assert_true(at.offset + at.length <= sizeof(ram.bytes));
		total += at.length;
		for (uint64_t b = at.offset; b < at.offset + at.length; b += RAM_BLOCK)
			assert_int_equal(__atomic_exchange_n(&ram.busy[b / RAM_BLOCK], busy,
							     __ATOMIC_ACQ_REL),
					 !busy);
	}
	assert_int_equal(total, cmd->length);
}

static void check_memory(const struct weir_cmd *cmd)
{
	uint64_t total = 0;

	assert_in_range(cmd->iovcnt, 1, ram.limits.max_segments);
	assert_true(cmd->length <= ram.limits.max_io_bytes);
	for (uint32_t i = 0; i < cmd->iovcnt; i++) {
		assert_int_equal((uintptr_t)cmd->iov[i].iov_base % RAM_BLOCK, 0);
		assert_true(cmd->iov[i].iov_len && !(cmd->iov[i].iov_len % RAM_BLOCK));
		total += cmd->iov[i].iov_len;
	}
	assert_int_equal(total, cmd->length);
	if (cmd->buf_index >= 0) {
		const struct iovec *in = &ram.registered[cmd->buf_index];
		char *base = cmd->iov[0].iov_base;

		assert_int_equal(cmd->iovcnt, 1);
		assert_true(base >= (char *)in->iov_base);
		assert_true(base + cmd->length <= (char *)in->iov_base + in->iov_len);
	}
}

static int ram_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct ram_instance *r = (struct ram_instance *)e;
	uint64_t offer = count(&ram.offers);

	if (ram.refuse_every && offer % ram.refuse_every == 0)
		return -EBUSY;
	assert_true(r->n < e->params.depth);
	if (cmd->op == WEIR_OP_READ || cmd->op == WEIR_OP_WRITE)
		check_memory(cmd);
	else if (cmd->op == WEIR_OP_DISCARD)
		assert_true(cmd->iovcnt <= RAM_RANGES);
	if (ram.engine_flags & ENGINE_NO_FUA)
		assert_false(cmd->fua);
	set_busy(cmd, 1);
	cmd->status = 0;
	cmd->resubmits = 0;
	r->running[r->n++] = (struct ram_running){
		.cmd = cmd,
		/* Some commands take longer than a flush waits. */
		.due_ns = ram.now_ns +
			  (ram_pick(r, 2000) ? 1000 + ram_pick(r, 200000) : 6 * NSEC_PER_SEC),
		.covers = ram.own_clock ? ram.last_write : 0,
	};
	return 0;
}

static void ram_submit(struct engine *e)
{
	(void)e;
}

static void move(const struct weir_cmd *cmd)
{
	char *at = ram.bytes[cmd->offset / RAM_BLOCK];

	for (uint32_t i = 0; i < cmd->iovcnt; i++) {
		if (cmd->op == WEIR_OP_READ)
			memcpy(cmd->iov[i].iov_base, at, cmd->iov[i].iov_len);
		else
			memcpy(at, cmd->iov[i].iov_base, cmd->iov[i].iov_len);
		at += cmd->iov[i].iov_len;
	}
}

static void mark_written(const struct weir_cmd *cmd)
{
	uint64_t number = cmd->fua ? 0 : ++ram.last_write;

	for (uint64_t b = cmd->offset; b < cmd->offset + cmd->length; b += RAM_BLOCK)
		ram.written[b / RAM_BLOCK] = number;
}

static void carry_out(const struct ram_running *run)
{
	const struct weir_cmd *cmd = run->cmd;

	switch (cmd->op) {
	case WEIR_OP_READ:
	case WEIR_OP_WRITE:
		move(cmd);
		break;
	case WEIR_OP_FLUSH:
		count(&ram.flushes);
		if (run->covers > ram.flushed && ram.own_clock)
			ram.flushed = run->covers;
		break;
	case WEIR_OP_DISCARD:
		for (uint32_t i = 0; i < nr_ranges(cmd); i++)
			memset(ram.bytes[range_of(cmd, i).offset / RAM_BLOCK], 0xdd,
			       range_of(cmd, i).length);
		break;
	default:
		memset(ram.bytes[cmd->offset / RAM_BLOCK], 0, cmd->length);
	}
	if (ram.own_clock && (cmd->op == WEIR_OP_WRITE || cmd->op == WEIR_OP_WRITE_ZEROES))
		mark_written(cmd);
}

static void end_one(struct ram_instance *r, uint32_t i)
{
	struct ram_running run = r->running[i];
	uint64_t number = count(&ram.commands);

	r->running[i] = r->running[--r->n];
	run.cmd->result = 0;
	if (ram.fail_every && number % ram.fail_every == 0) {
		run.cmd->result = -EIO;
		count(&ram.failed);
	} else {
		carry_out(&run);
	}
	set_busy(run.cmd, 0);
	r->e.params.complete(r->e.params.owner, run.cmd);
}

/* Completes commands in any order; without a clock some are left for the next call. */
static unsigned ram_reap(struct engine *e, uint64_t now)
{
	struct ram_instance *r = (struct ram_instance *)e;
	unsigned n = 0;

	for (uint32_t i = 0; i < r->n;) {
		if (ram.own_clock ? r->running[i].due_ns > now : !ram_pick(r, 3)) {
			i++;
			continue;
		}
		end_one(r, i);
		n++;
	}
	return n;
}

static uint64_t ram_next_event(struct engine *e)
{
	struct ram_instance *r = (struct ram_instance *)e;
	uint64_t next = UINT64_MAX;

	if (!ram.own_clock)
		return r->n ? 0 : UINT64_MAX;
	for (uint32_t i = 0; i < r->n; i++)
		next = r->running[i].due_ns < next ? r->running[i].due_ns : next;
	return next;
}

/* In virtual time a sleep advances the clock; a sleep without an end is a lost wake-up. */
static void ram_wait(struct engine *e, uint64_t deadline)
{
	uint64_t next = ram_next_event(e);

	if (!ram.own_clock) {
		if (next == UINT64_MAX)
			engine_sleep(-1, e->params.wake_fd, deadline);
		return;
	}
	next = next < deadline ? next : deadline;
	assert_true(next != UINT64_MAX);
	if (next > ram.now_ns)
		ram.now_ns = next;
}

static uint64_t ram_now(const struct engine_ops *ops)
{
	(void)ops;
	return ram.now_ns;
}

static int ram_register(struct engine *e, uint32_t index, void *base, size_t length)
{
	(void)e;
	assert_true(index < sizeof(ram.registered) / sizeof(ram.registered[0]));
	assert_ptr_equal(ram.registered[index].iov_base, base);
	assert_int_equal(ram.registered[index].iov_len, length);
	return 0;
}

static const struct engine_ops ram_engine = {
	.name = "ram",
	.summary = "memory with a will of its own",
	.max_discard_ranges = RAM_RANGES,
	.open = ram_engine_open,
	.close = ram_engine_close,
	.queue = ram_queue,
	.submit = ram_submit,
	.reap = ram_reap,
	.wait = ram_wait,
	.next_event = ram_next_event,
	.register_buffer = ram_register,
};

void ram_init(void)
{
	memset(&ram, 0, sizeof(ram));
	ram.seed = 1;
	ram.now_ns = NSEC_PER_SEC;
	assert_int_equal(weir_device_open(&rig.dev, "null:1g", NULL), 0);
	ram.limits = *weir_device_get_info(rig.dev);
	ram.limits.capacity_bytes = sizeof(ram.bytes);
	ram.limits.logical_block_bytes = RAM_BLOCK;
	ram.limits.physical_block_bytes = 2 * RAM_BLOCK;
	ram.limits.memory_align_bytes = RAM_BLOCK;
	ram.limits.max_segments = 8;
	ram.limits.max_io_bytes = 16 * RAM_BLOCK;
	ram.limits.discard_max_bytes = 20 * RAM_BLOCK;
	ram.limits.nr_requests = 0;
}

void ram_open(const struct weir_queue_opts *opts)
{
	struct weir_device_info *info;

	memcpy(&info, &(const struct weir_device_info *){ weir_device_get_info(rig.dev) },
	       sizeof(info));
	*info = ram.limits;
	engine = ram_engine;
	engine.flags = ram.engine_flags;
	engine.now = ram.own_clock ? ram_now : NULL;
	assert_int_equal(queue_open(&rig.q, rig.dev, opts, &engine, NULL), 0);
}

bool ram_stable(uint64_t block)
{
	return ram.written[block] <= ram.flushed;
}
