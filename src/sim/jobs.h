/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h - what loads a simulated drive: a file in fio's job syntax. Read once, then constant.
 */
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
/* Block sizes of one direction in bssplit. */
#define SIM_SPLIT_MAX 64

enum sim_rw { SIM_RW_READ = 1, SIM_RW_WRITE = 2, SIM_RW_TRIM = 4, SIM_RW_RANDOM = 8 };

/* The order in which fio's values "a,b,c" stand. */
enum sim_dir { SIM_READ, SIM_WRITE, SIM_TRIM, SIM_DIRS };

/* Bytes, or a percentage of something, where that is not 0. */
struct sim_amount {
	uint64_t bytes, percent;
};

/* The lengths of a direction's ios: multiples of min up to max, or those of split. */
struct sim_bs {
	uint64_t min, max;
	uint32_t nr; /* of split */
	struct {
		uint64_t bytes;
		uint32_t percent;
	} split[SIM_SPLIT_MAX];
};

enum sim_random { SIM_RANDOM_EVEN, SIM_RANDOM_ZIPF, SIM_RANDOM_PARETO, SIM_RANDOM_NORMAL };

/* How random offsets spread over the range. */
struct sim_distribution {
	uint64_t kind; /* enum sim_random */
	double value;  /* theta, the skew, or the deviation in percent of the range */
	double centre; /* of the range, 0 to 1, where the most go; below 0: scattered */
};

/* Ios of a log, which its jobs own. */
struct sim_replay {
	const struct iolog_io *io; /* NULL: the job is no replay */
	size_t count;
	uint64_t longest; /* read or write, bytes */
	double speed;	  /* times as fast as it was recorded */
	bool timed;	  /* the log has times */
};

/* One section, [global] added. Every field is the key of the same name; SIM_UNSET: not given
 * and without a default. */
struct sim_job {
	char name[SIM_NAME_MAX];
	unsigned line;
	uint64_t rw;	  /* bits of enum sim_rw */
	uint64_t rw_step; /* behind rw: ios to one random offset, bytes between sequential ones */
	uint64_t rwmixread, iodepth, numjobs;
	uint64_t iodepth_batch, iodepth_batch_complete_min, iodepth_low; /* 0: not given */
	struct sim_bs bs[SIM_DIRS];
	uint64_t percentage_random[SIM_DIRS];
	struct sim_distribution random_distribution;
	struct sim_amount offset, offset_increment, size, io_size;
	uint64_t number_ios, loops;
	uint64_t runtime, ramp_time;	     /* ns */
	uint64_t startdelay, startdelay_max; /* ns; a time between them */
	uint64_t time_based, stonewall, exitall;
	uint64_t rate[SIM_DIRS];      /* bytes a second; 0: any */
	uint64_t rate_iops[SIM_DIRS]; /* ios a second; 0: any */
	uint64_t rate_process;	      /* 1: at times as of a Poisson process */
	uint64_t thinktime;	      /* ns */
	uint64_t thinktime_blocks;
	uint64_t fsync; /* a flush after so many writes; 0: none */
	uint64_t sync;	/* 1: each write is to be on the medium when it ends */
	uint64_t prioclass, prio;
	uint64_t weight, submitter;
	uint64_t background;	       /* 1: nobody waits for the writes */
	char read_iolog[SIM_PATH_MAX]; /* its ios come from there; "": they do not */
	uint64_t replay_no_stall;      /* 1: without the times of the log */
	struct sim_replay replay;
	uint64_t kb_base; /* what k means in the sizes behind it: 1024 or 1000 */
};

struct sim_jobs {
	struct sim_job *job;
	size_t count;
	const char *path;  /* the caller's */
	struct iolog *log; /* that jobs replay */
	size_t nr_logs;
	/* What a reader should know of a file that was taken, each with file and line. */
	struct remarks notes;
	/* What is wrong with one that was not: all of it. */
	struct remarks mistakes;
};

/*
 * Reads IN, which messages call PATH. 0, or -errno with weir_error() naming file and line of the
 * first mistake, and MISTAKES holding all of them. JOBS is to be freed in either case.
 */
int sim_jobs_read(struct sim_jobs *jobs, FILE *in, const char *path);

/* Frees what JOBS holds. */
void sim_jobs_free(struct sim_jobs *jobs);

#endif
