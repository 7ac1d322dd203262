/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdp_parse.c - decodes a drive's replies about FDP. Pure: owns nothing, any thread.
 *
 * A reply may have any alignment, so fields are copied out; they are little-endian.
 */
#include "device/fdp_parse.h"

#include <endian.h>
#include <errno.h>
#include <libnvme.h>
#include <string.h>

#include "base/error.h"

#define PARSE_TIMESTAMP_BYTES 6

static uint16_t get16(const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

/* The address of field NAME in the struct TYPE that begins at AT. */
#define FIELD(at, type, name) ((const char *)(at) + offsetof(struct type, name))

size_t fdp_config_bytes(const void *log)
{
	return get32(FIELD(log, nvme_fdp_config_log, size));
}

static int parse_descriptor(const char *at, size_t bytes, struct weir_fdp *fdp,
			    uint8_t isolation[FDP_HANDLES_MAX])
{
	uint32_t handles = get16(FIELD(at, nvme_fdp_config_desc, nruh));
	const char *handle = FIELD(at, nvme_fdp_config_desc, ruhs);

	if (sizeof(struct nvme_fdp_config_desc) + handles * sizeof(struct nvme_fdp_ruh_desc) >
	    bytes)
		return error_set(-EBADMSG, "the FDP configuration has no room for its %u handles",
				 handles);
	fdp->handles = handles;
	fdp->reclaim_groups = get32(FIELD(at, nvme_fdp_config_desc, nrg));
	fdp->unit_bytes = get64(FIELD(at, nvme_fdp_config_desc, runs));
	for (uint32_t i = 0; i < handles && i < FDP_HANDLES_MAX; i++) {
		uint8_t type = (uint8_t)handle[i * sizeof(struct nvme_fdp_ruh_desc)];

		isolation[i] = type <= WEIR_FDP_PERSISTENTLY ? type : WEIR_FDP_UNKNOWN;
	}
	return 0;
}

int fdp_parse_config(const void *log, size_t bytes, struct weir_fdp *fdp,
		     uint8_t isolation[FDP_HANDLES_MAX])
{
	size_t at = sizeof(struct nvme_fdp_config_log);

	memset(isolation, WEIR_FDP_UNKNOWN, FDP_HANDLES_MAX);
	for (uint32_t i = 0; at + sizeof(struct nvme_fdp_config_desc) <= bytes; i++) {
		const char *desc = (const char *)log + at;
		size_t length = get16(FIELD(desc, nvme_fdp_config_desc, size));

		if (length < sizeof(struct nvme_fdp_config_desc) || length > bytes - at)
			return error_set(-EBADMSG,
					 "FDP configuration %u says that it has %zu bytes", i,
					 length);
		if (i == fdp->configuration)
			return parse_descriptor(desc, length, fdp, isolation);
		at += length;
	}
	return error_set(-EBADMSG, "the drive uses FDP configuration %u, which it does not list",
			 fdp->configuration);
}

uint32_t fdp_placement_count(const void *data)
{
	return get16(FIELD(data, nvme_fdp_ruh_status, nruhsd));
}

uint32_t fdp_parse_placements(const void *data, size_t bytes, uint32_t block,
			      const uint8_t isolation[FDP_HANDLES_MAX],
			      struct weir_fdp_placement *out, uint32_t count)
{
	size_t fit = (bytes - sizeof(struct nvme_fdp_ruh_status)) /
		     sizeof(struct nvme_fdp_ruh_status_desc);
	const char *at = FIELD(data, nvme_fdp_ruh_status, ruhss);
	uint32_t said = fdp_placement_count(data), n = 0;

	for (; n < said && n < fit && n < count; n++) {
		struct weir_fdp_placement *p = &out[n];

		p->id = get16(FIELD(at, nvme_fdp_ruh_status_desc, pid));
		p->handle = get16(FIELD(at, nvme_fdp_ruh_status_desc, ruhid));
		p->left_s = get32(FIELD(at, nvme_fdp_ruh_status_desc, earutr));
		if (__builtin_mul_overflow(get64(FIELD(at, nvme_fdp_ruh_status_desc, ruamw)), block,
					   &p->left_bytes))
			p->left_bytes = UINT64_MAX;
		p->isolation =
			p->handle < FDP_HANDLES_MAX ? isolation[p->handle] : WEIR_FDP_UNKNOWN;
		at += sizeof(struct nvme_fdp_ruh_status_desc);
	}
	return n;
}

static uint64_t get128(const void *at)
{
	return get64((const char *)at + 8) ? UINT64_MAX : get64(at);
}

void fdp_parse_stats(const void *log, struct weir_fdp *fdp)
{
	fdp->host_bytes = get128(FIELD(log, nvme_fdp_stats_log, hbmw));
	fdp->media_bytes = get128(FIELD(log, nvme_fdp_stats_log, mbmw));
	fdp->erased_bytes = get128(FIELD(log, nvme_fdp_stats_log, mbe));
}

static const char *event_words(uint8_t type)
{
	switch (type) {
	case NVME_FDP_EVENT_RUNFW:
		return "a reclaim unit was left before it was full";
	case NVME_FDP_EVENT_RUTLE:
		return "a reclaim unit was open for too long";
	case NVME_FDP_EVENT_RESET:
		return "a reset changed where handles point to";
	case NVME_FDP_EVENT_PID:
		return "a write named an invalid placement id";
	case NVME_FDP_EVENT_REALLOC:
		return "data were moved";
	case NVME_FDP_EVENT_MODIFY:
		return "a handle points to another reclaim unit";
	default:
		return type < 0x80 ? "another event of the host" : "another event of the drive";
	}
}

static uint64_t event_time(const char *at)
{
	uint64_t v = 0;

	memcpy(&v, at, PARSE_TIMESTAMP_BYTES);
	return le64toh(v);
}

uint32_t fdp_parse_events(const void *log, size_t bytes, struct weir_fdp_event *out, uint32_t count)
{
	size_t head = offsetof(struct nvme_fdp_events_log, events);
	size_t fit = (bytes - head) / sizeof(struct nvme_fdp_event);
	uint32_t said = get32(log), n = 0;
	const char *at = (const char *)log + head;

	for (; n < said && n < fit && n < count; n++, at += sizeof(struct nvme_fdp_event)) {
		uint8_t type = (uint8_t)*FIELD(at, nvme_fdp_event, type);

		out[n].what = event_words(type);
		out[n].by_drive = type >= 0x80;
		out[n].time_ms = event_time(FIELD(at, nvme_fdp_event, ts));
		out[n].placement = *FIELD(at, nvme_fdp_event, flags) & NVME_FDP_EVENT_F_PIV
					   ? get16(FIELD(at, nvme_fdp_event, pid))
					   : -1;
	}
	return n;
}
