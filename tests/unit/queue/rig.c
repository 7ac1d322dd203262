/* SPDX-License-Identifier: Apache-2.0 */
/* rig.c - an engine that the test controls. See rig.h. The rig is global: one test at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "rig.h"

struct rig rig;
static struct engine_ops engine; /* a copy of rig_engine, changed as the test needs it */

struct rig_instance {
	struct engine e;
	struct weir_cmd *first, **last;
	unsigned in_flight;
	uint64_t bytes;
};

static int rig_engine_open(struct engine **e, const struct engine_params *params)
{
	struct rig_instance *r = engine_new(sizeof(*r), params);

	if (!r)
		return -ENOMEM;
	r->last = &r->first;
	rig.timeout_ms = params->tuning.timeout_ms;
	*e = &r->e;
	return 0;
}

static void rig_engine_close(struct engine *e)
{
	assert_int_equal(((struct rig_instance *)e)->in_flight, 0);
	if (rig.on_close)
		rig.on_close(e);
	free(e);
}

static void record(const struct weir_cmd *cmd)
{
	struct rig_cmd *log = &rig.log[rig.nr_log % RIG_LOG];

	rig.nr_log++;
	*log = (struct rig_cmd){ .op = cmd->op,
				 .fua = cmd->fua,
				 .offset = cmd->offset,
				 .length = cmd->length,
				 .iovcnt = cmd->iovcnt,
				 .buf_index = cmd->buf_index,
				 .placement = cmd->placement };
	for (uint32_t i = 0; i < cmd->iovcnt && i < 16; i++) {
		if (cmd->op == WEIR_OP_DISCARD)
			log->ranges[i] = cmd->ranges[i];
		else
			log->iov[i] = cmd->iov[i];
	}
}

static int rig_engine_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct rig_instance *r = (struct rig_instance *)e;

	rig.offer_ns[rig.offers % RIG_LOG] = clock_now();
	rig.offers++;
	if (rig.refuse_every && rig.offers % rig.refuse_every == 0)
		return -EBUSY;
	record(cmd);
	cmd->e_next = NULL;
	*r->last = cmd;
	r->last = &cmd->e_next;
	r->in_flight++;
	r->bytes += cmd->length;
	assert_true(r->in_flight <= e->params.depth);
	if (r->in_flight > rig.max_in_flight)
		rig.max_in_flight = r->in_flight;
	if (r->bytes > rig.max_in_flight_bytes)
		rig.max_in_flight_bytes = r->bytes;
	return 0;
}

static void rig_engine_submit(struct engine *e)
{
	(void)e;
}

static bool rig_fails(const struct weir_cmd *cmd)
{
	if (!rig.fail_error)
		return false;
	if (!rig.fail_covers)
		return cmd->offset == rig.fail_offset;
	if (cmd->op == WEIR_OP_DISCARD)
		for (uint32_t i = 0; i < cmd->iovcnt; i++)
			if (cmd->ranges[i].offset <= rig.fail_offset &&
			    rig.fail_offset < cmd->ranges[i].offset + cmd->ranges[i].length)
				return true;
	return cmd->offset <= rig.fail_offset && rig.fail_offset < cmd->offset + cmd->length;
}

static unsigned rig_engine_reap(struct engine *e, uint64_t now)
{
	struct rig_instance *r = (struct rig_instance *)e;
	unsigned n = 0;

	(void)now;
	while (r->first && (!rig.hold || rig.allowed)) {
		struct weir_cmd *cmd = r->first;

		r->first = cmd->e_next;
		if (!r->first)
			r->last = &r->first;
		rig.allowed -= rig.hold;
		r->in_flight--;
		r->bytes -= cmd->length;
		cmd->result = rig_fails(cmd) ? rig.fail_error : 0;
		cmd->status = cmd->result ? rig.fail_status : 0;
		if (cmd->op == WEIR_OP_READ && !cmd->result)
			for (uint32_t i = 0; i < cmd->iovcnt; i++)
				memset(cmd->iov[i].iov_base, 0xa5, cmd->iov[i].iov_len);
		e->params.complete(e->params.owner, cmd);
		n++;
	}
	return n;
}

static void rig_engine_wait(struct engine *e, uint64_t deadline)
{
	struct rig_instance *r = (struct rig_instance *)e;

	if (rig.own_clock && deadline != UINT64_MAX && deadline > rig.now_ns)
		rig.now_ns = deadline;
	else if (!r->first || rig.hold)
		engine_sleep(-1, e->params.wake_fd, deadline);
}

static uint64_t rig_now(const struct engine_ops *ops)
{
	(void)ops;
	return rig.now_ns;
}

static int rig_register(struct engine *e, uint32_t index, void *base, size_t length)
{
	(void)e;
	(void)index;
	(void)base;
	__atomic_fetch_add(&rig.registers, 1, __ATOMIC_RELAXED);
	if (rig.fail_register)
		return error_set(rig.fail_register, "the rig registers nothing now");
	return length == 13 ? -ENOMEM : 0; /* lengths of 13 bytes fail */
}

static int rig_unregister(struct engine *e, uint32_t index)
{
	(void)e;
	__atomic_fetch_add(&rig.unregisters, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&rig.unregistered, index, __ATOMIC_RELAXED);
	return 0;
}

const struct engine_ops rig_engine = {
	.name = "rig",
	.summary = "does what a test says",
	.open = rig_engine_open,
	.close = rig_engine_close,
	.queue = rig_engine_queue,
	.submit = rig_engine_submit,
	.reap = rig_engine_reap,
	.wait = rig_engine_wait,
	.register_buffer = rig_register,
	.unregister_buffer = rig_unregister,
};

void rig_init(void)
{
	memset(&rig, 0, sizeof(rig));
	assert_int_equal(weir_device_open(&rig.dev, "null:1g", NULL), 0);
	rig.info = *weir_device_get_info(rig.dev);
	rig.info.logical_block_bytes = 512;
	rig.info.physical_block_bytes = 4096;
	rig.info.memory_align_bytes = 512;
	rig.info.max_segments = 8;
	rig.info.max_io_bytes = 65536;
	rig.info.nr_requests = 0;
	rig.nomerges = 2;
}

void rig_open(const struct weir_queue_opts *opts, const struct sched_ops *sched)
{
	struct weir_queue_opts all = WEIR_QUEUE_OPTS_INIT;
	struct weir_device_info *info;

	engine = rig_engine;
	engine.flags = rig.engine_flags;
	engine.options = rig.engine_options;
	engine.max_discard_ranges = rig.max_discard_ranges;
	engine.now = rig.own_clock ? rig_now : NULL;
	/* The test's facts replace those of the device. */
	memcpy(&info, &(const struct weir_device_info *){ weir_device_get_info(rig.dev) },
	       sizeof(info));
	*info = rig.info;
	if (opts)
		all = *opts;
	all.nomerges = rig.nomerges;
	if (!all.scheduler)
		all.scheduler = "none";
	assert_int_equal(queue_open(&rig.q, rig.dev, &all, &engine, sched), 0);
}

void rig_close(void)
{
	assert_int_equal(weir_queue_close(rig.q), 0);
	weir_device_close(rig.dev);
}

void rig_complete(unsigned n)
{
	rig.allowed += n;
	for (int turns = 0; rig.allowed && turns < 1000; turns++)
		assert_true(weir_queue_poll(rig.q) >= 0);
}
