/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - the newest record of each key in each stream. This file owns struct live; one thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/check/live.h"

#define LIVE_ROOM 1024u /* keys at first */
#define LIVE_TOMBSTONE 2u

/* Returns the key's place in the table, or the free one where it belongs. */
static struct live_key *live_at(const struct live *live, uint32_t stream, const uint64_t hash[2])
{
	uint64_t n = hash[0] + stream * 0x9e3779b97f4a7c15u;

	for (;; n++) {
		struct live_key *k = &live->keys[n & (live->room - 1)];

		if (!k->place ||
		    (k->hash[0] == hash[0] && k->hash[1] == hash[1] && k->stream == stream))
			return k;
	}
}

static int live_grow(struct live *live)
{
	struct live more = { .room = live->room ? 2 * live->room : LIVE_ROOM };

	if (4 * live->used < 3 * live->room)
		return 0;
	more.keys = calloc(more.room, sizeof(*more.keys));
	if (!more.keys)
		return -ENOMEM;
	for (uint64_t n = 0; n < live->room; n++) {
		const struct live_key *k = &live->keys[n];

		if (!k->place)
			continue;
		*live_at(&more, k->stream, k->hash) = *k;
		more.used++;
	}
	CHECK(more.used == live->used);
	free(live->keys);
	*live = more;
	return 0;
}

int live_note(struct live *live, uint32_t stream, const struct footer_entry *e, uint64_t position)
{
	struct live_key *k;
	int err = live_grow(live);

	if (err)
		return err;
	k = live_at(live, stream, e->hash);
	live->used += !k->place;
	*k = (struct live_key){ .hash = { e->hash[0], e->hash[1] },
				.place = e->flags & DISK_TOMBSTONE ? LIVE_TOMBSTONE
								   : position << 1 | 1,
				.length = e->length,
				.stream = stream };
	return 0;
}

const struct live_key *live_find(const struct live *live, uint32_t stream, const uint64_t hash[2])
{
	const struct live_key *k = live->room ? live_at(live, stream, hash) : NULL;

	return k && k->place & 1 ? k : NULL;
}

void live_free(struct live *live)
{
	free(live->keys);
	memset(live, 0, sizeof(*live));
}
