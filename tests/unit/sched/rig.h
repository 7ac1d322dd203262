/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - one scheduler, and requests by number, driven event by event. On the way the rig asserts
 * the rules for every scheduler: each request leaves once.
 */
#ifndef RIG_H
#define RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sched/sched.h"

#define RIG_MAX 4097
#define NONE (-1)
#define MS 1000000ull
#define SEC (1000 * MS)
#define R SCHED_READ
#define W SCHED_WRITE
#define D SCHED_DISCARD

#define RT(level) ((uint16_t)(1u << 13 | (level)))
#define BE(level) ((uint16_t)(2u << 13 | (level)))
#define IDLE ((uint16_t)(3u << 13))

enum rig_state { RIG_FREE, RIG_WAITING, RIG_WITH_DRIVE, RIG_MERGED };

struct rig {
	struct sched_env env; /* a test may change it before rig_open() */
	struct sched *s;
	struct sched_rq rq[RIG_MAX];
	enum rig_state state[RIG_MAX];
	int into[RIG_MAX]; /* for merged requests: the one that they were merged into */
	unsigned waiting, merges;
	uint32_t max_sectors; /* the merge callback refuses larger requests */
	/* The values that rig_insert() gives a request. */
	uint16_t prio;
	uint8_t flags;
	uint32_t ctx, submitter;
	uint64_t deadline_ns;
};

extern struct rig rig;

/* Sets everything to its default. A test then changes what it needs. */
void rig_reset(void);
void rig_open(const struct sched_ops *ops);
void rig_close(void);

/* Makes request ID, as the queue would do it. */
struct sched_rq *rig_make(int id, uint8_t op, uint64_t sector, uint32_t nr, uint64_t now);
/* Inserts request ID alone. */
void rig_insert(int id, uint8_t op, uint64_t sector, uint32_t nr, uint64_t now);
/*
 * Behaves like an io: merges with the request that ops->find_merge() finds (and returns how), or
 * inserts.
 */
enum sched_merge rig_submit(int id, uint8_t op, uint64_t sector, uint32_t nr, uint64_t now);
/* Returns the number of the request that leaves, or NONE. */
int rig_dispatch(uint64_t now);
void rig_complete(int id, uint64_t now);
/* Dispatches a request and completes it at once. */
int rig_serve(uint64_t now);
/* Asserts that the next N requests leave in this order; completes each at once. */
void rig_expect(uint64_t now, int n, ...);

/* Inserts N reads (numbers 0...) and N writes (1000...) in ascending sectors, at time 0. */
void rig_backlog(int n);
/* Asserts the lengths of the next runs of one direction. WRITES: the first run has writes. */
void rig_expect_runs(bool writes, int n, const int *runs);

/* Returns the limit on tags for a request of this kind. */
uint32_t rig_limit_depth(uint8_t op, uint8_t flags);

void rig_set(const char *name, int64_t value);
int64_t rig_get(const char *name);

#endif
