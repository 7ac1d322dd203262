/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.h - who gets a tag when there are not enough.
 *
 * Ios that wait for a tag stand in lines: one for each kind of each account. An account is whom
 * the scheduler tells apart: a submitter, a priority class, or all together. A free tag goes to the
 * account that holds the fewest tags for its weight, and where these are equal to the io that has
 * waited longest. A limit of the scheduler (limit_depth) is compared with the tags that its kind
 * holds, so it makes a kind wait for itself, and never for others. If the scheduler heeds
 * deadlines, an io that has one goes before others of its line.
 *
 * admit.c owns what is declared here. The lane's owner.
 */
#ifndef ADMIT_H
#define ADMIT_H

#include "queue/lane/tags.h"

/* So many accounts can hold tags or wait at the same time; all others share one account. */
#define ACCOUNTS_MAX 1024u
#define ACCOUNT_BUCKETS 2048u

struct account;

/* Ios of one kind of one account that wait, in order. */
struct line {
	struct io_list ios;
	uint32_t held;	/* tags of this kind and account */
	uint32_t jumps; /* ios that went before others since one left that did not */
	enum wait_kind kind;
	struct account *account;
	RB_ENTRY(line) node; /* in admit.lines, while ios is not empty */
};

RB_HEAD(lines, line);

struct account {
	uint32_t id, weight;
	uint32_t held;	  /* tags of all its kinds */
	uint32_t waiting; /* ios in its lines */
	bool pooled;	  /* has a place in a bucket and, with nothing held or waiting, in idle */
	struct line line[WAIT_KINDS];
	LIST_ENTRY(account) hash;
	TAILQ_ENTRY(account) idle;
};

LIST_HEAD(account_bucket, account);

struct admit {
	uint32_t held[WAIT_KINDS];
	/* The lines of a kind that are not empty, in order; the first is next. [0] has the lines
	 * of accounts that hold no tag of the kind, [1] the others. */
	struct lines lines[WAIT_KINDS][2];
	uint64_t turns; /* ios that ever waited */
	struct account all, common, pool[ACCOUNTS_MAX];
	uint32_t nr_pooled;
	struct account *last;	    /* that was found */
	TAILQ_HEAD(, account) idle; /* the longest idle first */
	struct account_bucket bucket[ACCOUNT_BUCKETS];
};

int admit_init(struct lane *lane);
void admit_destroy(struct lane *lane);
/* Takes over what the scheduler says of accounts and kinds. The lane has a new one, and no tag
 * is in use. */
void admit_scheduler(struct lane *lane);

/* Takes a free tag that is counted for no account. */
static inline struct request *admit_uncounted(struct lane *lane)
{
	struct request *rq = tags_take(lane);

	rq->line = NULL;
	return rq;
}

/* Returns true if IO may have N tags now: they are free, and no limit forbids it. */
bool admit_may(struct lane *lane, const struct weir_io *io, uint64_t n);
/* Takes a tag for IO, after admit_may() or admit_next(). */
struct request *admit_take(struct lane *lane, const struct weir_io *io);

struct request *admit_within_limit(struct lane *lane, const struct weir_io *io);

/* Takes a tag for IO; NULL: it may have none now. */
static inline struct request *admit_tag(struct lane *lane, const struct weir_io *io)
{
	if (!tags_are_free(lane, 1))
		return NULL;
	return lane->waiting.counts_tags ? admit_within_limit(lane, io) : admit_uncounted(lane);
}

void admit_uncount(struct lane *lane, struct request *rq);

/* RQ gives its tag back. */
static inline void admit_put(struct lane *lane, struct request *rq)
{
	if (rq->line)
		admit_uncount(lane, rq);
	tags_give(lane, rq);
}

bool admit_has_line(struct lane *lane, const struct weir_io *io);

/* Returns true if submitters share the tags and some of them wait: then a new io waits in line
 * too, and the fair order decides which is next. */
static inline bool admit_by_submitter(const struct lane *lane)
{
	return lane->waiting.nr && (lane->sched->ops->flags & SCHED_BY_SUBMITTER);
}

/* Returns true if IO must wait because others of its account and kind wait. */
static inline bool admit_must_wait(struct lane *lane, const struct weir_io *io)
{
	return lane->waiting.nr && admit_has_line(lane, io);
}

void admit_wait(struct lane *lane, struct weir_io *io);
/* Takes the next io that may have a tag off its line; NULL: there is none. */
struct weir_io *admit_next(struct lane *lane);
/* Puts IO, which admit_next() gave and which needs more tags, back at its old place. */
void admit_again(struct lane *lane, struct weir_io *io);
/* Takes those ios off their lines that WANT says, and appends them to LIST. */
void admit_remove(struct lane *lane, bool (*want)(struct weir_io *io), struct io_list *list);
/* Moves all that wait to LIST, the longest waiting first. No tag is in use. */
void admit_drain(struct lane *lane, struct io_list *list);

#endif
