/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probes.h - the probes: short loads that together show what an SSD is made of. The loads are data,
 * so the same probes run on a model and on a real device. One thread.
 */
#ifndef FIT_PROBES_H
#define FIT_PROBES_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/run.h"

#define PROBES 18
#define PROBE_FIGURES_MAX 16
/* The last point of the flood that models of the simulator need: 8 s. */
#define PROBE_MODEL_POINT 11
/* The value of a figure that was not measured: the flood did not run for so long. */
#define PROBE_NONE (-1.0)

/* What a probe does; a parameter of a model says which kinds of probes it can change. */
enum probe_kind {
	PROBE_READS = 1,  /* only reads */
	PROBE_WRITES = 2, /* only writes, which the cache takes */
	PROBE_FLUSHES = 4,
	PROBE_MIXED = 8,  /* reads beside writes */
	PROBE_FLOOD = 16, /* the first half second of a flood of writes, and ... */
	PROBE_CLIFF = 32, /* ... what follows */
};

/* What a figure is. */
enum probe_of {
	PROBE_P50, /* latencies of a job, ns */
	PROBE_P99,
	PROBE_IOPS,    /* ios a second of a job */
	PROBE_RATE,    /* bytes a second of a job */
	PROBE_PERIOD,  /* ns from one io of a job to the next */
	PROBE_WRITTEN, /* bytes that all jobs have written after some time */
};

struct probe_figure {
	const char *name; /* unique in its probe */
	enum probe_of of;
	unsigned job; /* which one of the probe's jobs, from 0 */
};

struct probe {
	const char *name;
	const char *question;
	const char *jobs;			       /* a job file with {words} */
	unsigned kind;				       /* bits of enum probe_kind */
	unsigned ms;				       /* how long it runs on a model for a fit */
	struct probe_figure figure[PROBE_FIGURES_MAX]; /* a NULL name follows, if there is room */
};

/* In the order in which a real drive has them: the flood comes last, since it fills caches. */
extern const struct probe probes[PROBES];

/* Their numbers. */
enum {
	PROBE_READ_4K,
	PROBE_READ_FAR,
	PROBE_READ_NEAR,
	PROBE_READ_MID,
	PROBE_READ_128K,
	PROBE_READ_1M,
	PROBE_READ_4K_8,
	PROBE_READ_4K_128,
	PROBE_READ_64K_32,
	PROBE_READ_1M_32,
	PROBE_WRITE_4K,
	PROBE_WRITE_128K,
	PROBE_FLUSH_4K,
	PROBE_FLUSH_1M,
	PROBE_BESIDE,
	PROBE_STREAMS,
	PROBE_PACED,
	PROBE_FLOODED,
};

/* Returns the unit of a figure: "ns", "ios/s", "bytes/s", "bytes". */
const char *probe_unit(enum probe_of of);

/* Returns the time after which point number I of the flood counts what was written, in ns. */
uint64_t probe_point_ns(size_t i);

/* Returns the number of points of a flood that lasts NS. */
size_t probe_points(uint64_t ns);

/* The facts about a drive that nobody needs to probe. A model takes them over. */
struct probe_facts {
	uint64_t capacity, logical_block, physical_block, max_io, max_segments, queue_depth;
};

/* What the probes measured. */
struct probe_set {
	struct probe_facts facts;
	uint64_t runtime_ns[PROBES]; /* of each probe */
	uint64_t written[PROBES];    /* bytes that earlier probes wrote to the same drive */
	double value[PROBES][PROBE_FIGURES_MAX];
	bool bound; /* the thread that submits was the bottleneck of a probe (real devices only) */
	size_t count; /* probes that have run */
};

/* How to run a probe. */
struct probe_run {
	/* The drive (config, or device), engine, seed, stop; nothing else is used. */
	const struct sim_run_opts *run;
	const struct probe_facts *facts;
	uint64_t runtime_ns;
	double paced; /* bytes a second of writes that leave the cache room; probe_paced() */
};

/*
 * Runs probe number I. VALUES gets its figures, PROBE_NONE for those that it has not. WRITTEN gets
 * the bytes that it wrote. Returns 0 or -errno with weir_error() set; -EINTR: it was stopped.
 */
int probe_run(size_t i, const struct probe_run *how, double values[PROBE_FIGURES_MAX],
	      uint64_t *written, bool *bound);

/* Returns the rate of paced writes for a drive that has done what the probe `beside` of SET says.
 */
double probe_paced(const struct probe_set *set);

struct probes_opts {
	const struct sim_run_opts *run; /* as above */
	uint64_t runtime_ns;		/* of each probe but the flood; 0: what a model needs */
	uint64_t flood_ns;
	/* Called before each probe; may be NULL. */
	void (*progress)(void *user, const char *name);
	void *user;
};

/*
 * Runs all probes on a device, one after another, or each on a fresh model. Returns 0 or -errno
 * with weir_error() set. If it was stopped (sim_run_opts.stop), SET has what was complete, and the
 * result is -EINTR.
 */
int probes_run(struct probe_set *set, const struct probes_opts *opts);

/* Fills in FACTS of the model C, or of the device that is open as DEV. */
void probe_facts_of_config(struct probe_facts *facts, const struct sim_config *c);
void probe_facts_of_device(struct probe_facts *facts, const struct weir_device *dev);

/*
 * sanity.c: checks that SET can be true: the facts are those of a drive, nothing is missing, no
 * figure is 0 or beyond any drive, and the probes do not contradict each other. Returns 0, or
 * -EINVAL with weir_error() naming the fact or the probe and its figure.
 */
int probes_check(const struct probe_set *set);

#endif
