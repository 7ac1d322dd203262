/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.c - finds the part of a store that a key or an operation belongs to.
 *
 * The table of parts never changes after opening, so any thread reads it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/parts.h"

int parts_say_missing(const struct store_parts *parts, uint32_t n)
{
	const char *why = parts->why[n];

	return error_set(-ENODEV,
			 "%s: device %u of the %u of this store is missing, and with it the keys "
			 "that lie there%s%s: close the store, and open it with all devices",
			 weir_device_path(parts->first->io.dev), n + 1, parts->count,
			 *why ? ": " : "", why);
}

struct weir_store *parts_find(struct weir_store *s, const void *key, uint32_t key_len)
{
	const struct store_parts *parts = s->parts;
	uint64_t hash[2];
	struct weir_store *part;

	if (!key || !key_len || key_len > WEIR_KEY_MAX)
		return parts->first;
	/* All parts have one secret, so a key has the same identity in each. */
	checksum_identity(&parts->first->io.key, key, key_len, hash);
	part = parts_of_hash(s, hash);
	if (!part)
		parts_say_missing(parts, (uint32_t)(hash[0] % parts->count));
	return part;
}

/* Refuses a device that is not of the same store. */
static int parts_check_same(const char *path, const struct super *super, const char *other_path,
			    const struct super *other)
{
	char of[PARTS_UUID_BYTES], is[PARTS_UUID_BYTES];

	if (!memcmp(super->uuid, other->uuid, sizeof(super->uuid)) &&
	    super->device_count == other->device_count)
		return 0;
	return error_set(
		-EINVAL,
		"%s belongs to store %s, and %s to store %s: name the devices of one store", path,
		parts_uuid(super->uuid, is), other_path, parts_uuid(other->uuid, of));
}

int parts_check_other(const char *path, const struct super *super, const char *other_path,
		      const struct super *other)
{
	int err = parts_check_same(path, super, other_path, other);

	if (err || super->device_index != other->device_index)
		return err;
	return error_set(-EINVAL,
			 "%s and %s are both device %u of one store: one of them is a copy, leave "
			 "that out",
			 other_path, path, super->device_index + 1);
}

const char *parts_uuid(const uint8_t uuid[16], char buf[PARTS_UUID_BYTES])
{
	size_t at = 0;

	for (unsigned n = 0; n < 16; n++)
		at += (size_t)snprintf(buf + at, PARTS_UUID_BYTES - at, "%s%02x",
				       n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", uuid[n]);
	return buf;
}

struct weir_store *parts_of_op(struct weir_store *s, const struct weir_store_op *op)
{
	return s->parts ? op_priv(op)->store : s;
}

void parts_free(struct store_parts *parts)
{
	if (!parts)
		return;
	fork_fd_close(&parts->epoll_watch);
	free(parts);
}
