/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssd_map.c - the map of a drive without memory for all of it. A page of the map covers
 * SSD_REGION bytes: 1024 blocks of 4 KiB with 4 bytes each. A read of a region that was not used
 * lately must read its part of the map first.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/ssd.h"

#define SSD_REGION (4ull << 20)

int ssd_map_open(struct ssd *ssd, const struct sim_config *c)
{
	if (!c->ssd.map || c->ssd.map >= c->capacity)
		return 0;
	ssd->map_slots = c->ssd.map / SSD_REGION ? c->ssd.map / SSD_REGION : 1;
	ssd->map = calloc(ssd->map_slots, sizeof(*ssd->map));
	return ssd->map ? 0 : -ENOMEM;
}

uint64_t ssd_map_misses(struct ssd *ssd, const struct weir_cmd *cmd)
{
	uint64_t misses = 0;

	if (!ssd->map_slots)
		return 0;
	for (uint64_t region = cmd->offset / SSD_REGION;
	     region <= (cmd->offset + cmd->length - 1) / SSD_REGION; region++) {
		uint32_t *slot = &ssd->map[prng_mix(region) % ssd->map_slots];

		misses += *slot != (uint32_t)region + 1;
		*slot = (uint32_t)region + 1;
	}
	return misses;
}
