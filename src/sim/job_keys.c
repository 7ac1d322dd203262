/* SPDX-License-Identifier: Apache-2.0 */
/* job_keys.c - the table of the keys of jobs. See job_keys.h. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/suggest.h"
#include "sim/fio_keys.h"
#include "sim/job_keys.h"
#include "sim/job_logs.h"
#include "sim/job_values.h"
#include "sim/keys.h"

#define NAMES_MAX 512

#define NUMBER(name, field, lo, hi)                                                                \
	{                                                                                          \
		NULL, name, SIM_KEY_NUMBER, offsetof(struct sim_job, field), lo, hi, NULL, NULL,   \
			NULL                                                                       \
	}
#define TIME(name, field, lo, unit)                                                                \
	{                                                                                          \
		NULL, name, SIM_KEY_TIME, offsetof(struct sim_job, field), lo, SIM_TIME_MAX, unit, \
			NULL, NULL                                                                 \
	}
#define CHOICE(name, field, words)                                                                 \
	{                                                                                          \
		NULL, name, SIM_KEY_CHOICE, offsetof(struct sim_job, field), 0, 0, NULL, words,    \
			NULL                                                                       \
	}
#define OWN(name, field, fn)                                                                       \
	{                                                                                          \
		NULL, name, SIM_KEY_OWN, offsetof(struct sim_job, field), 0, 0, NULL, NULL, fn     \
	}

static const struct sim_choice classes[] = {
	{ "0", 0 },  { "1", 1 },  { "2", 2 },	 { "3", 3 },
	{ "rt", 1 }, { "be", 2 }, { "idle", 3 }, { NULL, 0 },
};

/* In fio a flag may have no value. */
static const struct sim_choice flags[] = { { "", 1 }, { "1", 1 }, { "0", 0 }, { NULL, 0 } };

static const struct sim_choice syncs[] = {
	{ "", 1 },     { "1", 1 },     { "0", 0 },  { "none", 0 },
	{ "sync", 1 }, { "dsync", 1 }, { NULL, 0 },
};

static const struct sim_choice processes[] = { { "linear", 0 }, { "poisson", 1 }, { NULL, 0 } };
static const struct sim_choice bases[] = { { "1024", 1024 }, { "1000", 1000 }, { NULL, 0 } };

static const struct sim_key job_keys[] = {
	OWN("rw", rw, job_value_rw),
	OWN("readwrite", rw, job_value_rw),
	NUMBER("rwmixread", rwmixread, 0, 100),
	OWN("rwmixwrite", rwmixread, job_value_mixwrite),
	OWN("bs", bs, job_value_bs),
	OWN("blocksize", bs, job_value_bs),
	OWN("bsrange", bs, job_value_bsrange),
	OWN("blocksize_range", bs, job_value_bsrange),
	OWN("bssplit", bs, job_value_bssplit),
	NUMBER("iodepth", iodepth, 1, 65536),
	NUMBER("iodepth_batch", iodepth_batch, 0, 65536),
	NUMBER("iodepth_batch_submit", iodepth_batch, 0, 65536),
	NUMBER("iodepth_batch_complete", iodepth_batch_complete_min, 0, 65536),
	NUMBER("iodepth_batch_complete_min", iodepth_batch_complete_min, 0, 65536),
	NUMBER("iodepth_low", iodepth_low, 0, 65536),
	NUMBER("numjobs", numjobs, 1, SIM_JOBS_MAX),
	OWN("offset", offset, job_value_amount),
	OWN("fileoffset", offset, job_value_amount),
	OWN("offset_increment", offset_increment, job_value_amount),
	OWN("size", size, job_value_amount),
	OWN("io_size", io_size, job_value_amount),
	OWN("io_limit", io_size, job_value_amount),
	OWN("number_ios", number_ios, job_value_size),
	NUMBER("loops", loops, 1, UINT32_MAX),
	OWN("random_distribution", random_distribution, job_value_distribution),
	OWN("percentage_random", percentage_random, job_value_percents),
	TIME("runtime", runtime, 1, "s"),
	TIME("timeout", runtime, 1, "s"),
	TIME("ramp_time", ramp_time, 0, "s"),
	OWN("startdelay", startdelay, job_value_delay),
	CHOICE("time_based", time_based, flags),
	CHOICE("stonewall", stonewall, flags),
	CHOICE("wait_for_previous", stonewall, flags),
	CHOICE("exitall", exitall, flags),
	OWN("rate", rate, job_value_rates),
	OWN("rate_iops", rate_iops, job_value_iops),
	CHOICE("rate_process", rate_process, processes),
	TIME("thinktime", thinktime, 0, "us"),
	NUMBER("thinktime_blocks", thinktime_blocks, 1, UINT32_MAX),
	NUMBER("fsync", fsync, 0, UINT32_MAX),
	NUMBER("fdatasync", fsync, 0, UINT32_MAX),
	CHOICE("sync", sync, syncs),
	CHOICE("prioclass", prioclass, classes),
	NUMBER("prio", prio, 0, 7),
	OWN("read_iolog", read_iolog, job_logs_path),
	CHOICE("replay_no_stall", replay_no_stall, flags),
	CHOICE("kb_base", kb_base, bases),
	/* keys that only weir has */
	NUMBER("weight", weight, 1, 1000),
	NUMBER("submitter", submitter, 1, UINT32_MAX),
	NUMBER("group", group, 1, UINT32_MAX),
	CHOICE("background", background, flags),
	TIME("deadline", deadline, 0, "us"),
	{ NULL, NULL, SIM_KEY_SIZE, 0, 0, 0, NULL, NULL, NULL },
};

#define BLOCK                                                                                      \
	{                                                                                          \
		.min = 4096, .max = 4096                                                           \
	}

const struct sim_job job_defaults = {
	.rw = SIM_RW_READ,
	.rwmixread = 50,
	.bs = { BLOCK, BLOCK, BLOCK },
	.percentage_random = { 100, 100, 100 },
	.random_distribution.centre = -1,
	.iodepth = 1,
	.iodepth_low = SIM_UNSET,
	.numjobs = 1,
	.loops = 1,
	.thinktime_blocks = 1,
	.size.bytes = SIM_UNSET,
	.io_size.bytes = SIM_UNSET,
	.runtime = SIM_UNSET,
	.prioclass = 2,
	.prio = 4,
	.weight = SIM_UNSET,
	.submitter = SIM_UNSET,
	.group = SIM_UNSET,
	.kb_base = 1024,
	.replay.speed = 1,
};

int job_key_set(struct sim_job *job, const char *name, const char *value)
{
	const struct sim_key *key = sim_key_find(job_keys, "", name);

	return key ? sim_key_value(key, job, value) : -ENOENT;
}

int job_key_unknown(const char *name)
{
	const char *names[NAMES_MAX], *near, *fio;
	size_t n = 0;

	for (; job_keys[n].name; n++)
		names[n] = job_keys[n].name;
	for (size_t i = 0; n < NAMES_MAX && (fio = fio_key_name(i)); i++)
		names[n++] = fio;
	near = suggest_nearest(name, strlen(name), names, n);
	return error_set(-EINVAL, "no such key: \"%s\"%s%s%s", name,
			 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}
