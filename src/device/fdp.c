/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdp.c - asks an NVMe drive about Flexible Data Placement. The answer belongs to the caller, on
 * any thread; nothing is kept.
 */
#include <weir/fdp.h>

#include <endian.h>
#include <errno.h>
#include <libnvme.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/base.h>

#include "base/error.h"
#include "device/fdp_parse.h"
#include "device/nvme_facts.h"
#include "device/state.h"

#define FDP_CONFIG_BYTES_MAX (1u << 20)
/* Events in one reply. There are two replies: events of the host and events of the drive. */
#define FDP_EVENTS 63u
#define FDP_STATUS_MASK 0x7ff
#define FDP_STATUS_DISABLED 0x29 /* "FDP Disabled" */

/* One allocation: the public struct and the data that it points to. */
struct fdp_reply {
	struct weir_fdp fdp;
	struct weir_fdp_event events[2 * FDP_EVENTS];
	struct weir_fdp_placement placements[];
};

/* The facts that are needed to ask the drive. */
struct fdp_source {
	struct weir_device *dev;
	uint32_t nsid;
	uint32_t block;
	uint16_t group;
	uint8_t isolation[FDP_HANDLES_MAX];
};

static int fdp_identify(struct fdp_source *s, struct weir_fdp *fdp)
{
	struct nvme_id_ctrl ctrl = { 0 };
	struct nvme_id_ns ns = { 0 };
	struct nvme_facts facts;
	int err = device_nvme_identify(s->dev, &s->nsid, &ns, &ctrl);

	if (err == -ENOTSUP) /* it is no NVMe drive */
		return 0;
	if (err)
		return err;
	fdp->nvme = 1;
	err = nvme_facts(&facts, &ns, &ctrl, s->dev->path);
	if (err)
		return err;
	s->block = facts.block;
	s->group = le16toh(ns.endgid);
	fdp->endurance_group = s->group;
	fdp->supported = (le32toh(ctrl.ctratt) & NVME_CTRL_CTRATT_FDPS) != 0;
	return 0;
}

/* Asks whether FDP is enabled for the endurance group, and with which configuration. */
static int fdp_feature(struct fdp_source *s, struct weir_fdp *fdp)
{
	uint32_t value = 0;
	struct nvme_get_features_args args = {
		.result = &value,
		.args_size = sizeof(args),
		.fd = s->dev->fd,
		.timeout = NVME_DEFAULT_IOCTL_TIMEOUT,
		.cdw11 = s->group,
		.fid = NVME_FEAT_FID_FDP,
	};
	int err = nvme_get_features(&args);

	if (err)
		return device_nvme_refused(s->dev, "cannot ask whether FDP is enabled", err);
	fdp->enabled = value & 1;
	fdp->configuration = value >> 8 & 0xff;
	return 0;
}

static int fdp_read_config(struct fdp_source *s, struct weir_fdp *fdp)
{
	char head[sizeof(struct nvme_fdp_config_log)];
	int err = nvme_get_log_fdp_configurations(s->dev->fd, s->group, 0, sizeof(head), head);
	size_t bytes;
	char *log;

	if (err)
		return device_nvme_refused(s->dev, "cannot read its FDP configurations", err);
	bytes = (fdp_config_bytes(head) + 3) & ~(size_t)3;
	if (bytes < sizeof(head) || bytes > FDP_CONFIG_BYTES_MAX)
		return error_set(-EBADMSG, "%s: FDP configurations of %zu bytes", s->dev->path,
				 bytes);
	log = calloc(1, bytes);
	if (!log)
		return error_set(-ENOMEM, "no memory for FDP configurations");
	err = nvme_get_log_fdp_configurations(s->dev->fd, s->group, 0, (uint32_t)bytes, log);
	if (err)
		err = device_nvme_refused(s->dev, "cannot read its FDP configurations", err);
	else
		err = fdp_parse_config(log, bytes, fdp, s->isolation);
	free(log);
	return err;
}

/* Asks for COUNT placement ids. Returns the reply (*BYTES), which the caller frees, or NULL with
 * *ERR. */
static char *fdp_ask_placements(struct fdp_source *s, uint32_t count, size_t *bytes, int *err)
{
	size_t size = sizeof(struct nvme_fdp_ruh_status) +
		      count * sizeof(struct nvme_fdp_ruh_status_desc);
	char *data = calloc(1, size);
	int ret;

	*bytes = size;
	if (!data) {
		*err = error_set(-ENOMEM, "no memory for placement ids");
		return NULL;
	}
	ret = nvme_fdp_reclaim_unit_handle_status(s->dev->fd, s->nsid, (uint32_t)size, data);
	if (!ret)
		return data;
	if (ret > 0 && (ret & FDP_STATUS_MASK) == FDP_STATUS_DISABLED)
		*err = error_set(-EOPNOTSUPP, "%s: FDP is not enabled", s->dev->path);
	else
		*err = device_nvme_refused(s->dev, "cannot read its placement ids", ret);
	free(data);
	return NULL;
}

static int fdp_read_placements(struct fdp_source *s, struct fdp_reply **reply)
{
	struct fdp_reply *r;
	uint32_t count;
	size_t bytes;
	int err = 0;
	char *data = fdp_ask_placements(s, 0, &bytes, &err);

	if (!data)
		return err;
	count = fdp_placement_count(data);
	free(data);
	/* The buffer is exactly as long as the reply: a drive may refuse a longer one. */
	data = fdp_ask_placements(s, count, &bytes, &err);
	if (!data)
		return err;
	r = realloc(*reply, sizeof(*r) + count * sizeof(r->placements[0]));
	if (r) {
		*reply = r;
		r->fdp.nr_placements = fdp_parse_placements(data, bytes, s->block, s->isolation,
							    r->placements, count);
	}
	free(data);
	return r ? 0 : error_set(-ENOMEM, "no memory for placement ids");
}

static int fdp_read_logs(struct fdp_source *s, struct fdp_reply *r)
{
	struct nvme_fdp_events_log events;
	struct nvme_fdp_stats_log stats;
	int err = nvme_get_log_fdp_stats(s->dev->fd, s->group, 0, sizeof(stats), &stats);

	if (err)
		return device_nvme_refused(s->dev, "cannot read its FDP statistics", err);
	fdp_parse_stats(&stats, &r->fdp);
	for (int host = 0; host < 2; host++) {
		err = nvme_get_log_fdp_events(s->dev->fd, s->group, host, 0, sizeof(events),
					      &events);
		if (err)
			return device_nvme_refused(s->dev, "cannot read its FDP events", err);
		r->fdp.nr_events += fdp_parse_events(&events, sizeof(events),
						     &r->events[r->fdp.nr_events], FDP_EVENTS);
	}
	return 0;
}

/*
 * Finds out whether FDP is supported and enabled, and reads the placement ids. Only CAP_SYS_ADMIN
 * may ask for the feature that says whether FDP is enabled. Everybody who may open the device may
 * ask for the ids, and a drive with FDP off refuses to give any.
 */
static int fdp_find_ids(struct fdp_source *s, struct fdp_reply **reply)
{
	int err = fdp_identify(s, &(*reply)->fdp);

	/* Without an endurance group FDP cannot be enabled. */
	if (err || !(*reply)->fdp.supported || !s->group)
		return err;
	err = fdp_feature(s, &(*reply)->fdp);
	if (!err && !(*reply)->fdp.enabled)
		return 0;
	if (err && err != -EACCES && err != -EPERM)
		return err;
	(*reply)->fdp.partial = err != 0;
	err = fdp_read_placements(s, reply);
	if (err == -EOPNOTSUPP)
		return 0;
	(*reply)->fdp.enabled = !err;
	return err;
}

static int fdp_ask(struct fdp_source *s, struct fdp_reply **reply)
{
	int err = fdp_find_ids(s, reply);

	if (err || !(*reply)->fdp.enabled || (*reply)->fdp.partial)
		return err;
	err = fdp_read_config(s, &(*reply)->fdp);
	/* The ids are read again: isolation belongs to the handle, and is known only now. */
	if (!err)
		err = fdp_read_placements(s, reply);
	return err ? err : fdp_read_logs(s, *reply);
}

static struct fdp_reply *fdp_alloc(void)
{
	struct fdp_reply *r = calloc(1, sizeof(*r));

	if (r)
		r->fdp.size = sizeof(r->fdp);
	else
		error_set(-ENOMEM, "no memory for the drive's facts about FDP");
	return r;
}

static struct weir_fdp *fdp_finish(struct fdp_reply *r)
{
	r->fdp.placements = r->placements;
	r->fdp.events = r->events;
	return &r->fdp;
}

static int fdp_read(struct weir_fdp **fdp, struct weir_device *dev)
{
	struct fdp_source source = { .dev = dev };
	struct fdp_reply *r = fdp_alloc();
	int err = device_check_process(dev);

	if (!r)
		return -ENOMEM;
	if (!err &&
	    (dev->info.kind == WEIR_DEVICE_NVME_CHAR || dev->info.kind == WEIR_DEVICE_BLOCK))
		err = fdp_ask(&source, &r);
	if (err) {
		free(r);
		return err;
	}
	*fdp = fdp_finish(r);
	return 0;
}

int weir_fdp_read(struct weir_fdp **fdp, struct weir_device *dev)
{
	struct error_scope scope;

	error_begin(&scope);
	return error_end(&scope, fdp_read(fdp, dev), "%s: FDP", weir_device_path(dev));
}

void device_fdp_find(struct weir_device *dev)
{
	struct fdp_source source = { .dev = dev };
	struct fdp_reply *r = fdp_alloc();
	int err = r ? fdp_find_ids(&source, &r) : -ENOMEM;

	if (!err) {
		dev->fdp = fdp_finish(r);
		return;
	}
	snprintf(dev->fdp_words, sizeof(dev->fdp_words), "%s", weir_error());
	free(r);
}

const struct weir_fdp_placement *device_placements(const struct weir_device *dev, uint32_t *n)
{
	*n = dev->fdp ? dev->fdp->nr_placements : 0;
	return *n ? dev->fdp->placements : NULL;
}

int device_check_placement(const struct weir_device *dev, uint16_t id)
{
	const struct weir_fdp *fdp = dev->fdp;

	if (dev->info.kind == WEIR_DEVICE_FILE || dev->info.kind == WEIR_DEVICE_BLOCK)
		return error_set(-EOPNOTSUPP,
				 "%s: placement id %u, which only an NVMe character device "
				 "(/dev/ng0n1) carries to the drive",
				 dev->path, id);
	if (!fdp && dev->info.kind == WEIR_DEVICE_NVME_CHAR)
		return error_set(-EOPNOTSUPP,
				 "%s: placement id %u, and which ids the drive has cannot be "
				 "learned: %s",
				 dev->path, id, dev->fdp_words);
	if (!fdp)
		return 0;
	if (!fdp->enabled)
		return error_set(-EOPNOTSUPP,
				 "%s: placement id %u, but FDP is not %s (see weir fdp)", dev->path,
				 id, fdp->supported ? "enabled here" : "what this drive has");
	for (uint32_t i = 0; i < fdp->nr_placements; i++)
		if (fdp->placements[i].id == id)
			return 0;
	return error_set(-EINVAL, "%s: no placement id %u: there are %u (see weir fdp)", dev->path,
			 id, fdp->nr_placements);
}

void weir_fdp_free(struct weir_fdp *fdp)
{
	free(fdp);
}
