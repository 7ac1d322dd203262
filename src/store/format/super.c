/* SPDX-License-Identifier: Apache-2.0 */
/*
 * super.c - encodes and decodes a superblock copy.
 *
 * Pure functions; own nothing, any thread. superio.c decides when the copies are written, and in
 * which order.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "store/format/checksum.h"
#include "store/format/policy.h"
#include "store/format/super.h"

static void super_encode_rest(struct disk_super *disk, const struct super *super)
{
	CHECK(super->out_count <= DISK_OUT_MAX && super->policy <= DISK_POLICY_FIFO);
	disk->sequence_floor = htole64(super->sequence_floor);
	disk->policy = htole32(super->policy);
	disk->rewrite_percent = htole32(super->rewrite_percent);
	disk->free_low = htole32(super->free_low);
	disk->free_high = htole32(super->free_high);
	disk->write_budget = htole64(super->write_budget);
	disk->budget_spent = htole64(super->budget_spent);
	disk->budget_time_ns = htole64(super->budget_time_ns);
	disk->out_count = htole32(super->out_count);
	for (uint32_t n = 0; n < super->out_count; n++)
		disk->out[n] = htole32(super->out[n]);
	/* A weir that knows nothing of segments out of use would free them. */
	if (super->out_count)
		disk->ro_compat |= htole64(DISK_RO_COMPAT_OUT);
	disk->out_aside = htole32(super->out_aside);
	if (super->out_aside)
		disk->ro_compat |= htole64(DISK_RO_COMPAT_ASIDE);
	else
		disk->ro_compat &= ~htole64(DISK_RO_COMPAT_ASIDE);
}

void super_encode(struct disk_super *disk, const struct super *super, uint32_t copy)
{
	const struct layout *l = &super->layout;

	CHECK(copy == 1 || copy == 2);
	memset(disk, 0, sizeof(*disk));
	disk->magic = htole64(DISK_SUPER_MAGIC);
	disk->version = htole32(DISK_VERSION);
	disk->copy = htole32(copy);
	disk->compat = htole64(super->compat);
	disk->ro_compat = htole64(super->ro_compat);
	disk->incompat = htole64(super->incompat);
	memcpy(disk->uuid, super->uuid, sizeof(disk->uuid));
	disk->revision = htole64(super->revision);
	disk->epoch = htole64(super->epoch);
	disk->created_ns = htole64(super->created_ns);
	disk->device_index = htole32(super->device_index);
	disk->device_count = htole32(super->device_count);
	disk->device_bytes = htole64(l->device_bytes);
	disk->capacity_bytes = htole64(l->capacity_bytes);
	disk->data_offset = htole64(l->data_offset);
	disk->segment_bytes = htole64(l->segment_bytes);
	disk->segments = htole64(l->segments);
	disk->block_bytes = htole32(l->block_bytes);
	disk->streams = htole32(super->streams);
	disk->tenants = htole32(super->tenants);
	disk->placement = htole32(super->placement);
	memcpy(disk->secret, super->secret, sizeof(disk->secret));
	memcpy(disk->stream, super->stream, sizeof(disk->stream));
	memcpy(disk->tenant, super->tenant, sizeof(disk->tenant));
	memcpy(disk->name, super->name, sizeof(disk->name));
	super_encode_rest(disk, super);
	disk->checksum = htole64(checksum_super(disk));
}

static void super_decode_layout(struct layout *l, const struct disk_super *disk)
{
	uint64_t segments = le64toh(disk->segments);

	memset(l, 0, sizeof(*l));
	l->device_bytes = le64toh(disk->device_bytes);
	l->capacity_bytes = le64toh(disk->capacity_bytes);
	l->data_offset = le64toh(disk->data_offset);
	l->segment_bytes = le64toh(disk->segment_bytes);
	l->segments = segments > LAYOUT_SEGMENTS_MAX ? 0 : (uint32_t)segments;
	l->block_bytes = le32toh(disk->block_bytes);
}

static void super_decode_rest(struct super *super, const struct disk_super *disk)
{
	super->compat = le64toh(disk->compat);
	super->ro_compat = le64toh(disk->ro_compat);
	super->incompat = le64toh(disk->incompat);
	memcpy(super->uuid, disk->uuid, sizeof(super->uuid));
	memcpy(super->secret, disk->secret, sizeof(super->secret));
	super->revision = le64toh(disk->revision);
	super->epoch = le64toh(disk->epoch);
	super->created_ns = le64toh(disk->created_ns);
	super->device_index = le32toh(disk->device_index);
	super->device_count = le32toh(disk->device_count);
	super->streams = le32toh(disk->streams);
	super->tenants = le32toh(disk->tenants);
	super->placement = le32toh(disk->placement);
	memcpy(super->stream, disk->stream, sizeof(super->stream));
	memcpy(super->tenant, disk->tenant, sizeof(super->tenant));
	memcpy(super->name, disk->name, sizeof(super->name));
}

/* Policies, percentages and marks that no weir writes count as the default: they decide only which
 * entries leave first, and when. */
static void super_decode_policy(struct super *super, const struct disk_super *disk)
{
	super->sequence_floor = le64toh(disk->sequence_floor);
	super->policy = le32toh(disk->policy);
	if (super->policy > DISK_POLICY_FIFO)
		super->policy = 0;
	super->rewrite_percent = le32toh(disk->rewrite_percent);
	if (super->rewrite_percent > 100)
		super->rewrite_percent = 0;
	super->free_low = le32toh(disk->free_low);
	super->free_high = le32toh(disk->free_high);
	if (!policy_marks_good(super->free_low, super->free_high))
		super->free_low = super->free_high = 0;
	super->write_budget = le64toh(disk->write_budget);
	if (super->write_budget && super->write_budget < POLICY_WRITE_BUDGET_MIN)
		super->write_budget = POLICY_WRITE_BUDGET_MIN;
	super->budget_spent = le64toh(disk->budget_spent);
	super->budget_time_ns = le64toh(disk->budget_time_ns);
}

/* Returns the place of SEGMENT in the table of segments out of use; out_count: it is not there. */
static uint32_t super_find_out(const struct super *super, uint32_t segment)
{
	uint32_t n = 0;

	while (n < super->out_count && super->out[n] != segment)
		n++;
	return n;
}

bool super_is_out(const struct super *super, uint32_t segment)
{
	return super_find_out(super, segment) < super->out_count;
}

bool super_is_aside(const struct super *super, uint32_t segment)
{
	uint32_t n = super_find_out(super, segment);

	return n < super->out_count && super->out_aside & 1u << n;
}

void super_put_out(struct super *super, uint32_t segment, bool aside)
{
	CHECK(super->out_count < DISK_OUT_MAX && !super_is_out(super, segment));
	super->out_aside |= (uint32_t)aside << super->out_count;
	super->out[super->out_count++] = segment;
}

bool super_forget_aside(struct super *super, uint32_t segment)
{
	bool was = super_is_aside(super, segment);

	if (was)
		super->out_aside &= ~(1u << super_find_out(super, segment));
	return was;
}

/* Decodes the table of segments out of use. Returns false for one that no weir writes: which
 * segments it means is not known. */
static bool super_decode_out(struct super *super, const struct disk_super *disk)
{
	uint32_t count = le32toh(disk->out_count), n;

	super->out_count = 0;
	if (count > DISK_OUT_MAX)
		return false;
	for (n = 0; n < count; n++) {
		uint32_t segment = le32toh(disk->out[n]);

		if (segment >= super->layout.segments || super_is_out(super, segment))
			return false;
		super->out[super->out_count++] = segment;
	}
	super->out_aside = le32toh(disk->out_aside);
	return super->out_aside >> count == 0;
}

static bool super_tenants_valid(const struct super *super)
{
	if (super->tenants > DISK_TENANTS)
		return false;
	for (uint32_t n = 0; n < super->tenants; n++)
		if (le32toh(super->tenant[n].stream) >= super->streams)
			return false;
	return true;
}

enum super_state super_decode(struct super *super, const struct disk_super *disk, uint32_t copy,
			      uint32_t *version)
{
	struct super found = { 0 };

	if (le64toh(disk->magic) != DISK_SUPER_MAGIC)
		return SUPER_NONE;
	/* The version is checked before the checksum: another version may compute it in another
	 * way. */
	if (le32toh(disk->version) != DISK_VERSION) {
		*version = le32toh(disk->version);
		return SUPER_VERSION;
	}
	if (le64toh(disk->checksum) != checksum_super(disk) || le32toh(disk->copy) != copy)
		return SUPER_DAMAGED;
	super_decode_layout(&found.layout, disk);
	super_decode_rest(&found, disk);
	super_decode_policy(&found, disk);
	if (layout_derive(&found.layout) || found.device_index >= found.device_count ||
	    found.streams < 1 || found.streams > DISK_STREAMS || !super_tenants_valid(&found) ||
	    !super_decode_out(&found, disk))
		return SUPER_DAMAGED;
	*super = found;
	return SUPER_VALID;
}
