/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/fdp.h - Flexible Data Placement (FDP): what an NVMe drive offers, and its statistics.
 *
 * A drive with FDP has reclaim unit handles. A namespace has placement ids, and each leads to one
 * of the handles. A write that names a placement id (weir_io.placement) goes to the reclaim unit
 * that the handle points to. So data that will be deleted together can lie together.
 *
 * Caveats
 *   - A placement id, a handle and a position in the list are three different numbers. An io takes
 *     a placement id.
 *   - Writes that name no placement id go to id 0.
 *   - Whoever may open the drive may learn its placement ids (since Linux 6.2). The size of reclaim
 *     units, their isolation and the statistics are in log pages, which need CAP_SYS_ADMIN: see
 *     `partial`.
 */
#ifndef WEIR_FDP_H
#define WEIR_FDP_H

#include <stddef.h>
#include <stdint.h>

#include <weir/device.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_fdp_isolation {
	WEIR_FDP_UNKNOWN = 0,
	WEIR_FDP_INITIALLY = 1,	   /* the drive may mix data of several handles when it moves it */
	WEIR_FDP_PERSISTENTLY = 2, /* it does not */
};

/* A placement id of the namespace. */
struct weir_fdp_placement {
	uint16_t id;	    /* for struct weir_io's placement */
	uint16_t handle;    /* the number of the handle that it leads to */
	uint32_t isolation; /* enum weir_fdp_isolation, of the handle */
	uint32_t left_s;    /* the drive may close the unit after this time; 0: unknown */
	uint32_t reserved32;
	uint64_t left_bytes; /* that still fit into the unit */
	uint64_t reserved[2];
};

/* An event from the drive's log. */
struct weir_fdp_event {
	const char *what;  /* what happened, a static string */
	uint64_t time_ms;  /* by the drive's clock */
	uint32_t by_drive; /* 1: the drive caused it, 0: the host */
	int32_t placement; /* the placement id; -1: none */
	uint64_t reserved[2];
};

/* What was found. All but size, supported and nvme are 0 where FDP is not enabled. */
struct weir_fdp {
	size_t size;	    /* sizeof the library's struct: fields beyond it are absent */
	uint32_t supported; /* by the controller */
	uint32_t enabled;   /* in the endurance group of the namespace */
	uint32_t endurance_group;
	uint32_t configuration;
	uint32_t reclaim_groups;
	uint32_t handles;
	uint64_t unit_bytes;  /* nominal size of a reclaim unit */
	uint64_t host_bytes;  /* written by hosts, since the drive was new */
	uint64_t media_bytes; /* written to the medium: divided by host_bytes it is the WAF */
	uint64_t erased_bytes;
	const struct weir_fdp_placement *placements;
	const struct weir_fdp_event *events;
	uint32_t nr_placements;
	uint32_t nr_events;
	uint32_t nvme; /* 0: DEV is no NVMe drive, and so has no FDP either */
	/* 1: this process may ask for no more than supported, enabled, endurance_group and
	 * placements (without isolation); the rest is 0, which means unknown. */
	uint32_t partial;
};

/*
 * Asks the drive below DEV, an NVMe character or block device. Returns 0 also for a drive without
 * FDP and for a device that is not NVMe. On success *FDP belongs to the caller, who frees it with
 * weir_fdp_free().
 * Errors: -EACCES, -EBADMSG (the drive's answers make no sense), -EOPNOTSUPP (its LBA format is
 * none that weir takes), -EIO, -ENOMEM. Blocks for some commands; any thread.
 */
int weir_fdp_read(struct weir_fdp **fdp, struct weir_device *dev);

/* Frees FDP; NULL is allowed. */
void weir_fdp_free(struct weir_fdp *fdp);

#ifdef __cplusplus
}
#endif
#endif
