/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiolog_replay.c - a replay as a job of a simulation, of which fiolog.c makes fio's. A get of a
 * block is a read, and a put is a write. Those that failed have a latency, but are no ios: they
 * moved nothing. See fiolog.h.
 */
#include "cli/fiolog.h"

#include "cli/sim.h"

static double replay_get(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* Returns the blocks that were read or written, whose number, bytes and rate RUN has as said, and
 * which took LATENCY. */
static json_t *replay_direction(const json_t *run, const char *blocks, const char *bytes,
				const char *mbps, json_t *latency)
{
	double seconds = replay_get(run, "seconds"), ios = replay_get(run, blocks);

	return json_pack("{s:I, s:I, s:f, s:f, s:O*}", "ios", (json_int_t)ios, "bytes",
			 (json_int_t)replay_get(run, bytes), "iops",
			 seconds > 0 ? ios / seconds : 0.0, "mbps", replay_get(run, mbps),
			 "latency", latency);
}

/* Returns the options of a job of fio that does what RUN did: clients that read or write blocks
 * somewhere on the drive, so many at a time. */
static json_t *replay_options(const json_t *run, double gets, double puts)
{
	struct sim_job job = { .iodepth = (uint64_t)replay_get(run, "depth"),
			       .numjobs = (uint64_t)replay_get(run, "clients") };

	job.rw = SIM_RW_RANDOM | (puts > 0 ? SIM_RW_WRITE : 0) |
		 (gets > 0 || !(puts > 0) ? SIM_RW_READ : 0);
	for (int dir = 0; dir < SIM_DIRS; dir++)
		job.bs[dir].min = job.bs[dir].max = (uint64_t)replay_get(run, "block_bytes");
	return sim_json_options(&job);
}

json_t *fiolog_replay_job(const json_t *run)
{
	json_t *get = json_object_get(run, "get"), *put = json_object_get(run, "put");
	double gets = replay_get(get, "count"), puts = replay_get(put, "count");

	return json_pack("{s:s, s:f, s:o, s:{s:I}, s:O*, s:{s:o, s:o}}", "name", "replay",
			 "active_ns", replay_get(run, "seconds") * 1e9, "options",
			 replay_options(run, gets, puts), "latency", "count",
			 (json_int_t)(gets + puts), "ranges", json_object_get(run, "ranges"),
			 "directions", "reads",
			 replay_direction(run, "hits", "read_bytes", "read_mbps", get), "writes",
			 replay_direction(run, "put_blocks", "written_bytes", "write_mbps", put));
}
