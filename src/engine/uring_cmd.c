/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring_cmd.c - opens and closes the engine for NVMe passthrough.
 *
 * Commands go to the drive as they are, by io_uring_cmd on the namespace's character device. Owns a
 * ring of big entries and the payloads of discards and placement updates. Only the lane's owner
 * uses it.
 */
#include "engine/uring_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/progress.h"

/* A discard is a hint: if the drive cannot do it, it succeeds. */
static bool uring_cmd_divert(struct uring *u, struct weir_cmd *cmd)
{
	const struct uring_cmd *c = (const struct uring_cmd *)u;

	if (cmd->op != WEIR_OP_DISCARD || c->discards)
		return false;
	progress_end(cmd, 0);
	cmds_push(&u->done, cmd);
	return true;
}

static const struct uring_kind uring_cmd_kind = {
	.name = "uring_cmd",
	.ring_flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	.divert = uring_cmd_divert,
	.prep = uring_cmd_prep,
	.result = uring_cmd_result,
};

static int uring_cmd_suits(const struct weir_device *dev, char *why, size_t size)
{
	const char *path = weir_device_path(dev), *slash = strrchr(path, '/');
	unsigned controller, ns;
	int end = 0;

	if (device_nvme(dev))
		return 0;
	if (weir_device_get_info(dev)->kind == WEIR_DEVICE_BLOCK && slash &&
	    sscanf(slash, "/nvme%un%u%n", &controller, &ns, &end) == 2 && !slash[end])
		snprintf(why, size,
			 "io_uring_cmd needs the NVMe character device: use /dev/ng%un%u for %s",
			 controller, ns, path);
	else
		snprintf(why, size, "io_uring_cmd needs an NVMe character device, as /dev/ng0n1");
	return -EOPNOTSUPP;
}

static void uring_cmd_free(struct uring_cmd *c)
{
	free(c->free_payloads);
	free(c->payloads);
	free(c);
}

/* Allocates the engine for DEPTH commands on DEV; NULL: no memory. */
static struct uring_cmd *uring_cmd_new(const struct weir_device *dev, uint32_t depth)
{
	struct uring_cmd *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->u.kind = &uring_cmd_kind;
	blocking_target(&c->u.target, dev);
	c->nvme = *device_nvme(dev);
	c->u.writes_zeroes = !c->nvme.zeroes_max;
	c->discards = weir_device_get_info(dev)->discard_max_bytes;
	c->payloads = calloc(depth, sizeof(*c->payloads));
	c->free_payloads = calloc(depth, sizeof(*c->free_payloads));
	if (!c->payloads || !c->free_payloads) {
		uring_cmd_free(c);
		return NULL;
	}
	while (c->nr_free_payloads < depth) {
		c->free_payloads[c->nr_free_payloads] = c->nr_free_payloads;
		c->nr_free_payloads++;
	}
	return c;
}

static int uring_cmd_probe(const struct weir_device *dev, char *why, size_t size)
{
	struct uring_cmd *c;
	int err = uring_cmd_suits(dev, why, size);

	if (err)
		return err;
	c = uring_cmd_new(dev, 1);
	if (!c) {
		snprintf(why, size, "no memory");
		return -ENOMEM;
	}
	err = uring_try(&c->u, why, size);
	uring_cmd_free(c);
	return err;
}

static int uring_cmd_open(struct engine **e, const struct engine_params *params)
{
	struct uring_cmd *c;
	char why[256];
	int err;

	if (uring_cmd_suits(params->dev, why, sizeof(why)) < 0)
		return error_set(-EOPNOTSUPP, "%s: %s", weir_device_path(params->dev), why);
	c = uring_cmd_new(params->dev, params->depth);
	if (!c)
		return error_set(-ENOMEM, "no memory for the uring_cmd engine");
	err = uring_start(&c->u, &engine_uring_cmd, params);
	if (err) {
		uring_cmd_free(c);
		return err;
	}
	*e = &c->u.engine;
	return 0;
}

static void uring_cmd_close(struct engine *e)
{
	struct uring_cmd *c = (struct uring_cmd *)e;

	uring_stop(&c->u);
	uring_cmd_free(c);
}

static const struct engine_option uring_cmd_options[] = {
	{ "timeout", ENGINE_OPTION_TIME_MS, offsetof(struct engine_tuning, timeout_ms),
	  NSEC_PER_MSEC, UINT32_MAX *NSEC_PER_MSEC },
	{ NULL, 0, 0, 0, 0 },
};

const struct engine_ops engine_uring_cmd = {
	.name = "uring_cmd",
	.summary = "NVMe passthrough by io_uring: /dev/ngXnY, registered file and buffers",
	.flags = ENGINE_PLACEMENT_UPDATE,
	.options = uring_cmd_options,
	.probe = uring_cmd_probe,
	.open = uring_cmd_open,
	.close = uring_cmd_close,
	.queue = uring_queue,
	.submit = uring_submit,
	.reap = uring_reap,
	.wait = uring_wait,
	.fd = uring_fd,
	.next_event = uring_next_event,
	.register_buffer = uring_register_buffer,
	.unregister_buffer = uring_unregister_buffer,
	.describe = uring_describe,
};
