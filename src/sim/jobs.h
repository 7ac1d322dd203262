/* SPDX-License-Identifier: Apache-2.0 */
/* jobs.h - the load on a simulated drive: a file in fio's job syntax. Read once, then constant. */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/iolog.h"
#include "sim/remarks.h"

#define SIM_NAME_MAX 64
#define SIM_JOBS_MAX 4096
#define SIM_PATH_MAX 1024
/* The largest number of block sizes of one direction in bssplit. */
#define SIM_SPLIT_MAX 64

enum sim_rw { SIM_RW_READ = 1, SIM_RW_WRITE = 2, SIM_RW_TRIM = 4, SIM_RW_RANDOM = 8 };

/* The order of the values "a,b,c" in fio. */
enum sim_dir { SIM_READ, SIM_WRITE, SIM_TRIM, SIM_DIRS };

/* An amount in bytes, or in percent if that is not 0. */
struct sim_amount {
	uint64_t bytes, percent;
};

/* The lengths of the ios of one direction: multiples of min up to max, or those of split. */
struct sim_bs {
	uint64_t min, max;
	uint32_t nr; /* number of entries in split */
	struct {
		uint64_t bytes;
		uint32_t percent;
	} split[SIM_SPLIT_MAX];
};

enum sim_random { SIM_RANDOM_EVEN, SIM_RANDOM_ZIPF, SIM_RANDOM_PARETO, SIM_RANDOM_NORMAL };

/* The distribution of random offsets over the range. */
struct sim_distribution {
	uint64_t kind; /* enum sim_random */
	double value;  /* theta, the skew, or the deviation in percent of the range */
	/* position of the most frequent offsets in the range, 0 to 1; below 0: scattered */
	double centre;
};

/* The ios of a log that a job replays. The log belongs to the jobs. */
struct sim_replay {
	const struct iolog_io *io; /* NULL: the job does not replay a log */
	size_t count;
	uint64_t longest; /* longest read or write, in bytes */
	double speed;	  /* replay this many times as fast as recorded */
	bool timed;	  /* the log has times */
};

/*
 * One section, with the keys of [global] added. Each member has the value of the key of the same
 * name; SIM_UNSET: no value was given and there is no default.
 */
struct sim_job {
	char name[SIM_NAME_MAX];
	unsigned line;
	uint64_t rw; /* bits of enum sim_rw */
	/* numbers behind rw: ios to one random offset, bytes between sequential ones */
	uint64_t rw_step;
	uint64_t rwmixread, iodepth, numjobs;
	uint64_t iodepth_batch, iodepth_batch_complete_min, iodepth_low; /* 0: not given */
	struct sim_bs bs[SIM_DIRS];
	uint64_t percentage_random[SIM_DIRS];
	struct sim_distribution random_distribution;
	struct sim_amount offset, offset_increment, size, io_size;
	uint64_t number_ios, loops;
	uint64_t runtime, ramp_time; /* ns */
	/* the start delay in ns; if max is given, a random time between both */
	uint64_t startdelay, startdelay_max;
	uint64_t time_based, stonewall, exitall;
	uint64_t rate[SIM_DIRS];      /* bytes a second; 0: no limit */
	uint64_t rate_iops[SIM_DIRS]; /* ios a second; 0: no limit */
	uint64_t rate_process;	      /* 1: ios arrive as in a Poisson process */
	uint64_t thinktime;	      /* ns */
	uint64_t thinktime_blocks;
	uint64_t fsync; /* number of writes before each flush; 0: no flushes */
	uint64_t sync;	/* 1: each write must be on the medium when it ends */
	uint64_t prioclass, prio;
	uint64_t weight, submitter, group;
	uint64_t background;	       /* 1: nobody waits for the writes */
	uint64_t deadline;	       /* ns in which each io should end; 0: it has none */
	char read_iolog[SIM_PATH_MAX]; /* path of the log that it replays; "": none */
	uint64_t replay_no_stall;      /* 1: ignore the times of the log */
	struct sim_replay replay;
	uint64_t kb_base; /* the meaning of k in the sizes that follow: 1024 or 1000 */
};

struct sim_jobs {
	struct sim_job *job;
	size_t count;
	const char *path;  /* name of the file for messages; the caller's memory */
	struct iolog *log; /* the logs that jobs replay */
	size_t nr_logs;
	/* Notes about a valid file, each with file and line. */
	struct remarks notes;
	/* All mistakes of an invalid file. */
	struct remarks mistakes;
};

/*
 * Reads IN, which messages call PATH. Returns 0, or -errno with weir_error() giving file and line
 * of the first mistake; MISTAKES then holds all of them. The caller frees JOBS in both cases.
 */
int sim_jobs_read(struct sim_jobs *jobs, FILE *in, const char *path);

/* Frees what JOBS holds. */
void sim_jobs_free(struct sim_jobs *jobs);

#endif
