/* SPDX-License-Identifier: Apache-2.0 */
/* survive.c - a store whose entries survive. See survive.h. */
#include "survive.h"

#include <unistd.h>

struct rig rig = { .engine = "posix" };

int set_up(void **state)
{
	(void)state;
	alarm(500);
	rig.attach = 1;
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	alarm(0);
	rig.attach = 0;
	return 0;
}

struct weir_store_stats stats_of(void)
{
	struct weir_store_stats stats;

	rig_stats(&rig, &stats);
	return stats;
}

void put(uint64_t key, uint64_t version, size_t length, uint32_t flags)
{
	int err = rig_put(&rig, key, version, length, flags);

	if (err)
		fail_msg("put of key %d: %s", (int)key, weir_error());
}

void has(uint64_t key, uint64_t version, size_t length)
{
	int got = rig_get(&rig, key, version, length);

	if (got != 1)
		fail_msg("key %d has not version %d: %d", (int)key, (int)version, got);
}
