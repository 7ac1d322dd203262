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

#include "base/nsec.h"
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

static void uring_cmd_free(struct uring *u)
{
	struct uring_cmd *c = (struct uring_cmd *)u;

	free(c->free_payloads);
	free(c->payloads);
	free(c);
}

static struct uring *uring_cmd_make(const struct weir_device *dev, uint32_t depth)
{
	struct uring_cmd *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	blocking_target(&c->u.target, dev);
	c->nvme = *device_nvme(dev);
	c->u.writes_zeroes = !c->nvme.zeroes_max;
	c->discards = weir_device_get_info(dev)->discard_max_bytes;
	c->payloads = calloc(depth, sizeof(*c->payloads));
	c->free_payloads = calloc(depth, sizeof(*c->free_payloads));
	if (!c->payloads || !c->free_payloads) {
		uring_cmd_free(&c->u);
		return NULL;
	}
	while (c->nr_free_payloads < depth) {
		c->free_payloads[c->nr_free_payloads] = c->nr_free_payloads;
		c->nr_free_payloads++;
	}
	return &c->u;
}

static const struct uring_kind uring_cmd_kind = {
	.name = "uring_cmd",
	.ring_flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
	.suits = uring_cmd_suits,
	.make = uring_cmd_make,
	.free = uring_cmd_free,
	.divert = uring_cmd_divert,
	.prep = uring_cmd_prep,
	.result = uring_cmd_result,
};

static int uring_cmd_probe(const struct weir_device *dev, char *why, size_t size)
{
	return uring_probe_kind(&uring_cmd_kind, dev, why, size);
}

static int uring_cmd_open(struct engine **e, const struct engine_params *params)
{
	return uring_open_kind(&uring_cmd_kind, &engine_uring_cmd, e, params);
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
	.close = uring_close,
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
