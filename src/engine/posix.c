/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix.c - the engine that works everywhere: blocking calls on a small pool of threads.
 *
 * Owns its pool; only the lane's owner uses it. The kernel has as many commands at once as there
 * are threads; the others wait in the FIFO of the pool.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "engine/posix_pool.h"
#include "engine/progress.h"

#define POSIX_THREADS_DEFAULT 16u
#define POSIX_THREADS_MAX 1024u

struct posix_engine {
	struct engine engine;
	struct blocking_target target;
	struct posix_pool *pool;
	struct cmds batch; /* accepted, not submitted */
	uint32_t batched, in_flight;
	char text[64];
};

static int posix_probe(const struct weir_device *dev, char *why, size_t size)
{
	int err = blocking_suits(dev, why, size);

	if (!err)
		snprintf(why, size, "posix: blocking calls on up to %u threads",
			 POSIX_THREADS_DEFAULT);
	return err;
}

static uint32_t posix_threads(const struct engine_params *params)
{
	if (params->tuning.threads)
		return params->tuning.threads;
	return params->depth < POSIX_THREADS_DEFAULT ? params->depth : POSIX_THREADS_DEFAULT;
}

static int posix_open(struct engine **e, const struct engine_params *params)
{
	struct posix_engine *p;
	char why[128];
	int err;

	if (blocking_suits(params->dev, why, sizeof(why)) < 0)
		return error_set(-EOPNOTSUPP, "%s: %s", weir_device_path(params->dev), why);
	p = engine_new(sizeof(*p), params);
	if (!p)
		return error_set(-ENOMEM, "no memory for the posix engine");
	blocking_target(&p->target, params->dev);
	err = posix_pool_open(&p->pool, &p->target, posix_threads(params));
	if (err) {
		free(p);
		return err;
	}
	snprintf(p->text, sizeof(p->text), "posix: blocking calls on %u threads",
		 posix_pool_threads(p->pool));
	*e = &p->engine;
	return 0;
}

static void posix_close(struct engine *e)
{
	struct posix_engine *p = (struct posix_engine *)e;

	posix_pool_close(p->pool);
	free(p);
}

static int posix_queue(struct engine *e, struct weir_cmd *cmd)
{
	struct posix_engine *p = (struct posix_engine *)e;

	if (p->in_flight >= e->params.depth)
		return -EBUSY;
	p->in_flight++;
	p->batched++;
	progress_begin(cmd);
	cmds_push(&p->batch, cmd);
	return 0;
}

static void posix_submit(struct engine *e)
{
	struct posix_engine *p = (struct posix_engine *)e;

	if (p->batched)
		posix_pool_push(p->pool, &p->batch, p->batched);
	p->batched = 0;
}

static unsigned posix_reap(struct engine *e, uint64_t now)
{
	struct posix_engine *p = (struct posix_engine *)e;
	struct weir_cmd *cmd, *next;
	unsigned count = 0;

	(void)now;
	for (cmd = posix_pool_take(p->pool); cmd; cmd = next, count++) {
		next = cmd->e_next;
		p->in_flight--;
		e->params.complete(e->params.owner, cmd);
	}
	return count;
}

static int posix_fd(struct engine *e)
{
	return posix_pool_fd(((struct posix_engine *)e)->pool);
}

static void posix_wait(struct engine *e, uint64_t deadline)
{
	posix_submit(e);
	engine_sleep(posix_fd(e), e->params.wake_fd, deadline);
}

static uint64_t posix_next_event(struct engine *e)
{
	(void)e;
	return UINT64_MAX;
}

static const char *posix_describe(struct engine *e)
{
	return ((struct posix_engine *)e)->text;
}

static const struct engine_option posix_options[] = {
	{ "threads", ENGINE_OPTION_NUMBER, offsetof(struct engine_tuning, threads), 1,
	  POSIX_THREADS_MAX },
	{ NULL, 0, 0, 0, 0 },
};

const struct engine_ops engine_posix = {
	.name = "posix",
	.summary = "blocking calls on a pool of threads: works everywhere",
	.max_discard_ranges = 64,
	.options = posix_options,
	.probe = posix_probe,
	.open = posix_open,
	.close = posix_close,
	.queue = posix_queue,
	.submit = posix_submit,
	.reap = posix_reap,
	.wait = posix_wait,
	.fd = posix_fd,
	.next_event = posix_next_event,
	.describe = posix_describe,
};
