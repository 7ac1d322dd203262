/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kyber.c - a target latency for each kind of operation. It is kept by letting fewer requests of
 * the other kinds into the drive.
 *
 * The idea: inside a fast drive requests wait for one another, and no scheduler can reorder them
 * there. So each kind (reads, writes, discards, all others) has a number of tokens, and a request
 * needs one while it is with the drive. Every tenth of a second, kyber checks how long requests
 * took. While all are in time, nothing changes. When one kind is late, the kinds that are within
 * their own targets lose tokens, and the kinds that miss their targets may get tokens back: a kind
 * is slow because other kinds crowd it out, and not because it has too few tokens. Within a kind
 * the order is that of arrival; kinds alternate in batches. docs/schedulers.md has a picture,
 * under "kyber".
 *
 * Each lane has its own instance and its share of each kind's tokens, at least one. An instance
 * computes with the tokens of the whole device and measures its own lane only. With one lane this
 * is exact.
 *
 * Owns its lists; entered by the lane's owner only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/nsec.h"
#include "sched/merge.h"
#include "sched/sched.h"

#define KYBER_TIMER_NS (NSEC_PER_SEC / 10)
/* A percentile needs this many samples, unless it has waited for more long enough. */
#define KYBER_SAMPLES 500u
#define KYBER_PATIENCE_NS NSEC_PER_SEC
#define KYBER_BUCKETS 8u
/* A bucket is a quarter of the target wide, so this many buckets lie within the target. */
#define KYBER_GOOD_BUCKETS 4
#define KYBER_MERGE_LOOK 8u
#define KYBER_ASYNC_PERCENT 75u

enum kyber_domain_id { KYBER_READ, KYBER_WRITE, KYBER_DISCARD, KYBER_OTHER, KYBER_DOMAINS };
/* Two latencies: since the request got its tag, and since the drive has it. */
enum kyber_latency { KYBER_TOTAL, KYBER_IO, KYBER_LATENCIES };

/*
 * For each kind: the tokens at the start and at most, for the whole device; the requests in a
 * batch; the target latency (0: none).
 */
static const struct {
	uint32_t tokens, batch;
	uint64_t target_ns;
} kyber_kind[KYBER_DOMAINS] = {
	[KYBER_READ] = { 256, 16, 2000000 },
	[KYBER_WRITE] = { 128, 8, 10000000 },
	[KYBER_DISCARD] = { 64, 1, 5 * NSEC_PER_SEC },
	[KYBER_OTHER] = { 16, 1, 0 },
};

enum kyber_tunable {
	READ_LAT_NSEC,
	WRITE_LAT_NSEC,
	ASYNC_DEPTH,
	READ_TOKENS,
	WRITE_TOKENS,
	DISCARD_TOKENS,
	NR_TUNABLES
};

#define KYBER_TOKENS_OF(prefix, max_tokens)                                                        \
	{                                                                                          \
		.name = prefix "_tokens", .unit = "requests",                                      \
		.summary = prefix "s that the drive may have at once: what kyber has decided",     \
		.min = 1, .max = max_tokens, .def = max_tokens, .read_only = true                  \
	}

static const struct sched_tunable kyber_tunables[] = {
	[READ_LAT_NSEC] = { .name = "read_lat_nsec",
			    .unit = "ns",
			    .summary = "target latency of reads",
			    .max = INT64_MAX,
			    .def = 2000000 },
	[WRITE_LAT_NSEC] = { .name = "write_lat_nsec",
			     .unit = "ns",
			     .summary = "target latency of writes",
			     .max = INT64_MAX,
			     .def = 10000000 },
	[ASYNC_DEPTH] = { .name = "async_depth",
			  .unit = "requests",
			  .summary = "background writes get a tag while they hold fewer than this",
			  .min = 1,
			  .max = UINT32_MAX,
			  .def_percent = KYBER_ASYNC_PERCENT,
			  .read_only = true },
	[READ_TOKENS] = KYBER_TOKENS_OF("read", 256),
	[WRITE_TOKENS] = KYBER_TOKENS_OF("write", 128),
	[DISCARD_TOKENS] = KYBER_TOKENS_OF("discard", 64),
	[NR_TUNABLES] = { .name = NULL },
};

struct kyber_domain {
	struct sched_list flushed; /* requests that were taken from the ctxs; they leave first */
	uint64_t *marked;	   /* one bit for each ctx that has requests of this kind */
	struct sched_list *ctx;	   /* an array of nr_ctxs lists */
	uint32_t tokens, share, held;
	uint64_t target_ns;
	uint32_t histogram[KYBER_LATENCIES][KYBER_BUCKETS];
	/* until then it waits for more samples; 0: the waiting has not begun */
	uint64_t waits_until_ns;
	int remembered; /* bucket of the last percentile of the total latency, or -1 */
};

struct kyber {
	struct sched s;
	struct kyber_domain domain[KYBER_DOMAINS];
	unsigned cur, batching;
	uint32_t waiting;
	uint64_t timer_ns; /* SCHED_NEVER: nothing has completed since the timer last fired */
};

static unsigned kyber_domain_of(const struct sched_rq *rq)
{
	switch (rq->op) {
	case SCHED_READ:
		return KYBER_READ;
	case SCHED_WRITE:
		return KYBER_WRITE;
	case SCHED_DISCARD:
		return KYBER_DISCARD;
	default:
		return KYBER_OTHER;
	}
}

/*
 * Returns this lane's part of TOKENS. The parts of all lanes add up to TOKENS, except that none is
 * 0.
 */
static uint32_t kyber_share(const struct sched_env *env, uint32_t tokens)
{
	uint32_t lanes = env->nr_lanes ? env->nr_lanes : 1;
	uint32_t share = tokens / lanes + (env->lane < tokens % lanes);

	return share ? share : 1;
}

static void kyber_set_tokens(struct kyber *k, struct kyber_domain *d, uint32_t tokens)
{
	d->tokens = tokens;
	d->share = kyber_share(&k->s.env, tokens);
}

static uint32_t kyber_words(const struct sched_env *env)
{
	return (env->nr_ctxs + 63) / 64;
}

static int kyber_init_domain(struct kyber *k, unsigned id)
{
	struct kyber_domain *d = &k->domain[id];
	const struct sched_env *env = &k->s.env;

	TAILQ_INIT(&d->flushed);
	d->marked = calloc(kyber_words(env), sizeof(*d->marked));
	d->ctx = calloc(env->nr_ctxs, sizeof(*d->ctx));
	if (!d->marked || !d->ctx)
		return -ENOMEM;
	for (uint32_t i = 0; i < env->nr_ctxs; i++)
		TAILQ_INIT(&d->ctx[i]);
	kyber_set_tokens(k, d, kyber_kind[id].tokens);
	d->target_ns = kyber_kind[id].target_ns;
	d->remembered = -1;
	return 0;
}

static void kyber_exit(struct sched *s)
{
	struct kyber *k = (struct kyber *)s;

	for (int i = 0; i < KYBER_DOMAINS; i++) {
		free(k->domain[i].marked);
		free(k->domain[i].ctx);
	}
	free(k);
}

static int kyber_init(struct sched **s, const struct sched_env *env)
{
	struct kyber *k = calloc(1, sizeof(*k));
	int err = 0;

	if (!k)
		return -ENOMEM;
	*s = &k->s;
	k->s.ops = &sched_kyber;
	k->s.env = *env;
	k->timer_ns = SCHED_NEVER;
	for (unsigned i = 0; i < KYBER_DOMAINS && !err; i++)
		err = kyber_init_domain(k, i);
	if (err) {
		*s = NULL;
		kyber_exit(&k->s);
	}
	return err;
}

static void kyber_insert(struct sched *s, struct sched_list *list, uint64_t now)
{
	struct kyber *k = (struct kyber *)s;
	struct sched_rq *rq;

	(void)now;
	while ((rq = TAILQ_FIRST(list))) {
		struct kyber_domain *d = &k->domain[kyber_domain_of(rq)];

		TAILQ_REMOVE(list, rq, fifo);
		TAILQ_INSERT_TAIL(&d->ctx[rq->ctx], rq, fifo);
		d->marked[rq->ctx / 64] |= 1ull << rq->ctx % 64;
		k->waiting++;
	}
}

static enum sched_merge kyber_find_merge(struct sched *s, const struct sched_rq *rq,
					 struct sched_rq **into)
{
	struct kyber_domain *d = &((struct kyber *)s)->domain[kyber_domain_of(rq)];
	enum sched_merge how = SCHED_MERGE_NONE;
	unsigned looks = KYBER_MERGE_LOOK;

	if (s->env.merging == SCHED_MERGING_OFF)
		return how;
	*into = TAILQ_LAST(&d->ctx[rq->ctx], sched_list);
	while (*into && !(how = merge_side(&s->env, *into, rq)) && --looks)
		*into = TAILQ_PREV(*into, sched_list, fifo);
	return how;
}

/* Moves all requests of this kind from the ctxs to the flushed list, in the order of the ctxs. */
static void kyber_flush_ctxs(struct kyber *k, struct kyber_domain *d)
{
	for (uint32_t w = 0; w < kyber_words(&k->s.env); w++) {
		for (; d->marked[w]; d->marked[w] &= d->marked[w] - 1) {
			uint32_t ctx = w * 64 + (uint32_t)__builtin_ctzll(d->marked[w]);

			TAILQ_CONCAT(&d->flushed, &d->ctx[ctx], fifo);
		}
	}
}

static struct sched_rq *kyber_take(struct kyber *k)
{
	struct kyber_domain *d = &k->domain[k->cur];
	struct sched_rq *rq;

	if (d->held >= d->share)
		return NULL;
	/*
	 * Take requests from the ctxs only if there is a token: a request in a ctx can still be
	 * merged.
	 */
	if (TAILQ_EMPTY(&d->flushed))
		kyber_flush_ctxs(k, d);
	rq = TAILQ_FIRST(&d->flushed);
	if (!rq)
		return NULL;
	TAILQ_REMOVE(&d->flushed, rq, fifo);
	rq->priv[0] = d; /* it has a token, until finish() */
	rq->flags |= SCHED_RQ_STARTED;
	d->held++;
	k->waiting--;
	k->batching++;
	return rq;
}

static void kyber_tick(struct sched *s, uint64_t now);

static struct sched_rq *kyber_dispatch(struct sched *s, uint64_t now)
{
	struct kyber *k = (struct kyber *)s;
	struct sched_rq *rq = NULL;

	kyber_tick(s, now);
	if (k->batching < kyber_kind[k->cur].batch)
		rq = kyber_take(k);
	if (rq)
		return rq;
	k->batching = 0;
	for (int kinds = 0; kinds < KYBER_DOMAINS && !rq; kinds++) {
		k->cur = (k->cur + 1) % KYBER_DOMAINS;
		rq = kyber_take(k);
	}
	return rq;
}

static void kyber_sample(struct kyber_domain *d, enum kyber_latency kind, uint64_t since,
			 uint64_t now)
{
	uint64_t quarter = d->target_ns / 4 ? d->target_ns / 4 : 1;
	uint64_t bucket = now > since ? (now - since - 1) / quarter : 0;

	d->histogram[kind][bucket < KYBER_BUCKETS ? bucket : KYBER_BUCKETS - 1]++;
}

static void kyber_completed(struct sched *s, struct sched_rq *rq, uint64_t now)
{
	struct kyber *k = (struct kyber *)s;
	unsigned id = kyber_domain_of(rq);

	kyber_tick(s, now);
	/* Each completion counts, as in Linux, also one that failed: it held a token for so long.
	 * What was cancelled did not complete; Linux has no such thing. */
	if (id == KYBER_OTHER || rq->flags & SCHED_RQ_UNSENT)
		return;
	kyber_sample(&k->domain[id], KYBER_TOTAL, rq->start_ns, now);
	kyber_sample(&k->domain[id], KYBER_IO, rq->io_start_ns, now);
	if (k->timer_ns == SCHED_NEVER)
		k->timer_ns = now + KYBER_TIMER_NS;
}

static void kyber_finish(struct sched *s, struct sched_rq *rq)
{
	struct kyber_domain *d = rq->priv[0];

	(void)s;
	if (d)
		d->held--;
	rq->priv[0] = NULL;
}

/*
 * Returns the bucket in which the percentile lies, or -1 if there are too few samples; then they
 * are kept.
 */
static int kyber_percentile(struct kyber_domain *d, enum kyber_latency kind, unsigned percent,
			    uint64_t now)
{
	uint32_t *histogram = d->histogram[kind];
	uint32_t samples = 0, rank;
	unsigned bucket;

	for (bucket = 0; bucket < KYBER_BUCKETS; bucket++)
		samples += histogram[bucket];
	if (!samples)
		return -1;
	if (!d->waits_until_ns)
		d->waits_until_ns = now + KYBER_PATIENCE_NS;
	if (samples < KYBER_SAMPLES && now < d->waits_until_ns)
		return -1;
	d->waits_until_ns = 0; /* for both latencies: the other one begins to wait again */
	rank = (uint32_t)(((uint64_t)samples * percent + 99) / 100);
	for (bucket = 0; bucket < KYBER_BUCKETS - 1 && histogram[bucket] < rank; bucket++)
		rank -= histogram[bucket];
	for (unsigned i = 0; i < KYBER_BUCKETS; i++)
		histogram[i] = 0;
	return (int)bucket;
}

static void kyber_resize(struct kyber *k, unsigned id, bool late, uint64_t now)
{
	struct kyber_domain *d = &k->domain[id];
	int p99 = kyber_percentile(d, KYBER_TOTAL, 99, now);
	uint32_t tokens;

	if (late) {
		if (p99 < 0)
			p99 = d->remembered;
		d->remembered = -1;
	} else if (p99 >= 0) {
		d->remembered = p99;
	}
	if (p99 < 0 || (!late && p99 < KYBER_GOOD_BUCKETS))
		return;
	tokens = d->tokens * (uint32_t)(p99 + 1) / 4;
	if (tokens > kyber_kind[id].tokens)
		tokens = kyber_kind[id].tokens;
	kyber_set_tokens(k, d, tokens ? tokens : 1);
}

static void kyber_tick(struct sched *s, uint64_t now)
{
	struct kyber *k = (struct kyber *)s;
	bool late = false;

	if (now < k->timer_ns)
		return;
	k->timer_ns = SCHED_NEVER;
	for (unsigned id = 0; id < KYBER_OTHER; id++)
		late |= kyber_percentile(&k->domain[id], KYBER_IO, 90, now) >= KYBER_GOOD_BUCKETS;
	for (unsigned id = 0; id < KYBER_OTHER; id++)
		kyber_resize(k, id, late, now);
}

static uint32_t kyber_async_depth(const struct sched_env *env)
{
	uint32_t depth = (uint32_t)((uint64_t)env->nr_requests * KYBER_ASYNC_PERCENT / 100);

	return depth ? depth : 1;
}

static uint32_t kyber_limit_depth(struct sched *s, const struct sched_rq *like)
{
	if (like->op == SCHED_READ || (like->flags & (SCHED_RQ_SYNC | SCHED_RQ_FUA)))
		return s->env.nr_requests;
	return kyber_async_depth(&s->env);
}

static void kyber_depth_changed(struct sched *s, uint32_t nr_requests)
{
	s->env.nr_requests = nr_requests;
}

static bool kyber_has_work(struct sched *s)
{
	return ((struct kyber *)s)->waiting;
}

static uint64_t kyber_next_wakeup(struct sched *s)
{
	return ((struct kyber *)s)->timer_ns;
}

/*
 * Samples are counted in quarters of the target, so they are useless for another target: drop
 * them.
 */
static int kyber_set(struct sched *s, unsigned tunable, int64_t value)
{
	struct kyber *k = (struct kyber *)s;
	struct kyber_domain *d = &k->domain[tunable == READ_LAT_NSEC ? KYBER_READ : KYBER_WRITE];

	if (d->target_ns == (uint64_t)value)
		return 0;
	d->target_ns = (uint64_t)value;
	memset(d->histogram, 0, sizeof(d->histogram));
	d->waits_until_ns = 0;
	d->remembered = -1;
	return 0;
}

static int64_t kyber_get(struct sched *s, unsigned tunable)
{
	const struct kyber_domain *domain = ((struct kyber *)s)->domain;

	switch (tunable) {
	case READ_LAT_NSEC:
		return (int64_t)domain[KYBER_READ].target_ns;
	case WRITE_LAT_NSEC:
		return (int64_t)domain[KYBER_WRITE].target_ns;
	case ASYNC_DEPTH:
		return kyber_async_depth(&s->env);
	default:
		return domain[KYBER_READ + tunable - READ_TOKENS].tokens;
	}
}

static uint64_t kyber_read_target(struct sched *s)
{
	return ((struct kyber *)s)->domain[KYBER_READ].target_ns;
}

static const char *const kyber_gauges[] = { "read_tokens", "write_tokens", "discard_tokens",
					    "other_tokens", NULL };

static void kyber_gauge(struct sched *s, int64_t *values)
{
	const struct kyber *k = (struct kyber *)s;

	for (unsigned id = 0; id < KYBER_DOMAINS; id++)
		values[id] = k->domain[id].tokens;
}

const struct sched_ops sched_kyber = {
	.name = "kyber",
	.summary = "target latencies, held by tokens for each kind of operation: for fast SSDs",
	.scope = SCHED_PER_LANE,
	.flags = SCHED_UNSIGNED,
	.tunables = kyber_tunables,
	.gauges = kyber_gauges,
	.gauge = kyber_gauge,
	.init = kyber_init,
	.exit = kyber_exit,
	.insert = kyber_insert,
	.find_merge = kyber_find_merge,
	.dispatch = kyber_dispatch,
	.completed = kyber_completed,
	.finish = kyber_finish,
	.limit_depth = kyber_limit_depth,
	.depth_changed = kyber_depth_changed,
	.has_work = kyber_has_work,
	.next_wakeup = kyber_next_wakeup,
	.tick = kyber_tick,
	.read_target = kyber_read_target,
	.set = kyber_set,
	.get = kyber_get,
};
