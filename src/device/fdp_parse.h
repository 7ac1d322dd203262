/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fdp_parse.h - decodes a drive's replies about FDP. Pure: owns nothing, any thread. Replies are
 * not trusted: whatever their bytes are, nothing outside of them is read.
 */
#ifndef DEVICE_FDP_PARSE_H
#define DEVICE_FDP_PARSE_H

#include <weir/fdp.h>

/* The isolation of each handle is kept by its number; a drive has at most so many handles. */
#define FDP_HANDLES_MAX 256u

/* Returns the length of the list of configurations at whose start LOG (at least 16 bytes) is. */
size_t fdp_config_bytes(const void *log);

/*
 * Fills in reclaim_groups, handles and unit_bytes of FDP from configuration number
 * fdp->configuration of LOG, and ISOLATION for each handle. Returns 0 or -EBADMSG.
 */
int fdp_parse_config(const void *log, size_t bytes, struct weir_fdp *fdp,
		     uint8_t isolation[FDP_HANDLES_MAX]);

/* Returns how many placement ids the reply DATA (at least 16 bytes) contains. */
uint32_t fdp_placement_count(const void *data);

/*
 * Reads at most COUNT placement ids from DATA into OUT. A block of the namespace has BLOCK bytes.
 * Returns how many there were.
 */
uint32_t fdp_parse_placements(const void *data, size_t bytes, uint32_t block,
			      const uint8_t isolation[FDP_HANDLES_MAX],
			      struct weir_fdp_placement *out, uint32_t count);

/* Fills in host_bytes, media_bytes and erased_bytes. A number beyond 64 bits becomes UINT64_MAX. */
void fdp_parse_stats(const void *log, struct weir_fdp *fdp);

/* Reads at most COUNT events from LOG into OUT. Returns how many there were. */
uint32_t fdp_parse_events(const void *log, size_t bytes, struct weir_fdp_event *out,
			  uint32_t count);

#endif
