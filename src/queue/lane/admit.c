/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.c - who gets a tag when there are not enough. See admit.h.
 *
 * Why nobody waits for ever: every completion frees a tag, and a free tag is given at once to
 * somebody who waits and may have it. An account that holds less than its share goes before
 * accounts that hold more, so it has its share after at most nr_requests completions; from then on
 * each completion of its own lets its next io go. Within an account it is the order of arrival,
 * but for kinds that are at their limit, which go on with a completion of that kind, and for ios
 * with deadlines, of which a few may go before one that has none.
 *
 * Owns lane->waiting.admit. The lane's owner.
 */
#include "queue/lane/admit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "queue/lane/lane.h"
#include "queue/lane/queue.h"
#include "queue/lane/split.h"

/* So many ios with deadlines may go before another one, and so many are looked at for the place of
 * one. */
#define JUMPS_MAX 64u
#define JUMPS_LOOK 64u

/* Orders lines: the account that holds fewer tags for its weight comes first, then the io that
 * has waited longer. */
static int line_cmp(const struct line *a, const struct line *b)
{
	uint64_t held_a = (uint64_t)a->account->held * b->account->weight;
	uint64_t held_b = (uint64_t)b->account->held * a->account->weight;

	if (held_a != held_b)
		return held_a < held_b ? -1 : 1;
	if (io_priv(a->ios.first)->turn != io_priv(b->ios.first)->turn)
		return io_priv(a->ios.first)->turn < io_priv(b->ios.first)->turn ? -1 : 1;
	/* An io that went before another one has its turn, and may come back in another line. */
	return a < b ? -1 : a > b;
}

RB_GENERATE_INTERNAL(lines, line, node, line_cmp, static __attribute__((unused)))

static struct lines *lines_of(struct admit *admit, const struct line *line)
{
	return &admit->lines[line->kind][line->held > 0];
}

/* Takes the lines of ACCOUNT out of their trees while what orders them changes; account_enter()
 * puts them back. */
static void account_leave(struct admit *admit, struct account *account)
{
	if (!account->waiting)
		return;
	for (int kind = 0; kind < WAIT_KINDS; kind++)
		if (account->line[kind].ios.first)
			RB_REMOVE(lines, lines_of(admit, &account->line[kind]),
				  &account->line[kind]);
}

static void account_enter(struct admit *admit, struct account *account)
{
	if (!account->waiting)
		return;
	for (int kind = 0; kind < WAIT_KINDS; kind++)
		if (account->line[kind].ios.first)
			RB_INSERT(lines, lines_of(admit, &account->line[kind]),
				  &account->line[kind]);
}

static void account_init(struct account *account)
{
	account->weight = 1;
	for (int kind = 0; kind < WAIT_KINDS; kind++) {
		account->line[kind].kind = (enum wait_kind)kind;
		account->line[kind].account = account;
		io_list_init(&account->line[kind].ios);
	}
}

int admit_init(struct lane *lane)
{
	struct admit *admit = calloc(1, sizeof(*admit));

	if (!admit)
		return -ENOMEM;
	lane->waiting.admit = admit;
	account_init(&admit->all);
	account_init(&admit->common);
	TAILQ_INIT(&admit->idle);
	return 0;
}

void admit_destroy(struct lane *lane)
{
	free(lane->waiting.admit);
}

void admit_scheduler(struct lane *lane)
{
	const struct sched_ops *ops = lane->sched->ops;

	CHECK(tags_all_free(lane));
	CHECK(!lane->waiting.nr);
	lane->waiting.counts_tags =
		ops->limit_depth || (ops->flags & (SCHED_BY_SUBMITTER | SCHED_BY_CLASS));
}

static struct account_bucket *account_bucket_of(struct admit *admit, uint32_t id)
{
	return &admit->bucket[id * 0x9e3779b1u % ACCOUNT_BUCKETS]; /* Fibonacci hashing */
}

static bool account_is_idle(const struct account *account)
{
	return !account->held && !account->waiting;
}

/* Makes an account for ID, which has none yet. */
static struct account *account_make(struct admit *admit, uint32_t id)
{
	struct account *account = TAILQ_FIRST(&admit->idle);

	if (admit->nr_pooled < ACCOUNTS_MAX) {
		account = &admit->pool[admit->nr_pooled++];
		account_init(account);
		account->pooled = true;
	} else if (account) {
		CHECK(account_is_idle(account));
		TAILQ_REMOVE(&admit->idle, account, idle);
		LIST_REMOVE(account, hash);
	} else {
		return &admit->common;
	}
	account->id = id;
	LIST_INSERT_HEAD(account_bucket_of(admit, id), account, hash);
	TAILQ_INSERT_TAIL(&admit->idle, account, idle);
	return account;
}

static struct account *account_find(struct admit *admit, uint32_t id)
{
	struct account *account = admit->last;

	if (account && account->id == id)
		return account;
	LIST_FOREACH(account, account_bucket_of(admit, id), hash)
		if (account->id == id)
			break;
	if (!account)
		account = account_make(admit, id);
	if (account->pooled)
		admit->last = account;
	return account;
}

static enum wait_kind admit_kind(const struct lane *lane, const struct weir_io *io)
{
	if (io->op == WEIR_OP_READ)
		return WAIT_READ;
	if (lane->sched->ops->flags & SCHED_LIMITS_WRITES)
		return WAIT_SYNC;
	return split_flags(io) & SCHED_RQ_SYNC ? WAIT_SYNC : WAIT_BACKGROUND;
}

static struct line *line_of(struct lane *lane, const struct weir_io *io)
{
	struct account *account = &lane->waiting.admit->all;
	uint32_t flags = lane->sched->ops->flags;

	if (flags & SCHED_BY_SUBMITTER)
		account = account_find(lane->waiting.admit, io_priv(io)->account);
	else if (flags & SCHED_BY_CLASS)
		account = account_find(lane->waiting.admit, io_priv(io)->prio >> 13);
	return &account->line[admit_kind(lane, io)];
}

/* Fills in what a scheduler needs to know of IO before it has a request. */
static void admit_describe(struct sched_rq *like, const struct weir_io *io)
{
	like->op = io->op;
	like->flags = split_flags(io);
	like->ioprio = io_priv(io)->prio;
	like->submitter = io_priv(io)->account;
}

/* Returns true if the scheduler leaves N more tags to ios of IO's kind. An account that has none
 * of the kind is not held back: the accounts that have all of them may be some that the
 * scheduler keeps waiting as long as there are others. */
static bool admit_limit_leaves(struct lane *lane, const struct line *line, const struct weir_io *io,
			       uint64_t n)
{
	struct sched *s = lane->sched;
	struct sched_rq like;

	if (!s->ops->limit_depth || !line->held || io->op == WEIR_OP_PLACEMENT_UPDATE)
		return true;
	admit_describe(&like, io);
	return lane->waiting.admit->held[line->kind] + n <= s->ops->limit_depth(s, &like);
}

static inline void line_add_tags(struct admit *admit, struct line *line, int n)
{
	CHECK(n > 0 || (line->held && line->account->held && admit->held[line->kind]));
	admit->held[line->kind] += (uint32_t)n;
	line->account->held += (uint32_t)n;
	line->held += (uint32_t)n;
}

/* As line_add_tags(), for an account that has waiting ios: its lines are sorted by the number of
 * tags. */
static __attribute__((noinline)) void line_add_ordered(struct admit *admit, struct line *line,
						       int n)
{
	account_leave(admit, line->account);
	line_add_tags(admit, line, n);
	account_enter(admit, line->account);
}

/* Counts one tag more (N: 1) or fewer (-1) for LINE. */
static inline void line_count(struct admit *admit, struct line *line, int n)
{
	struct account *account = line->account;

	if (account->waiting) {
		line_add_ordered(admit, line, n);
		return;
	}
	line_add_tags(admit, line, n);
	if (!account->pooled)
		return;
	if (n > 0 && account->held == 1)
		TAILQ_REMOVE(&admit->idle, account, idle);
	else if (n < 0 && !account->held)
		TAILQ_INSERT_TAIL(&admit->idle, account, idle);
}

static struct request *admit_take_counted(struct lane *lane, struct line *line)
{
	struct request *rq = tags_take(lane);

	rq->line = line;
	line_count(lane->waiting.admit, line, 1);
	return rq;
}

bool admit_may(struct lane *lane, const struct weir_io *io, uint64_t n)
{
	if (!tags_are_free(lane, n))
		return false;
	return !lane->waiting.counts_tags || admit_limit_leaves(lane, line_of(lane, io), io, n);
}

struct request *admit_take(struct lane *lane, const struct weir_io *io)
{
	return lane->waiting.counts_tags ? admit_take_counted(lane, line_of(lane, io))
					 : admit_uncounted(lane);
}

struct request *admit_within_limit(struct lane *lane, const struct weir_io *io)
{
	struct line *line = line_of(lane, io);

	return admit_limit_leaves(lane, line, io, 1) ? admit_take_counted(lane, line) : NULL;
}

void admit_uncount(struct lane *lane, struct request *rq)
{
	line_count(lane->waiting.admit, rq->line, -1);
}

bool admit_has_line(struct lane *lane, const struct weir_io *io)
{
	return line_of(lane, io)->ios.first;
}

static void account_weigh(struct lane *lane, struct account *account, const struct weir_io *io)
{
	struct sched *s = lane->sched;
	struct sched_rq like;
	uint32_t weight = 1;

	if (s->ops->weight) {
		admit_describe(&like, io);
		weight = s->ops->weight(s, &like);
	}
	CHECK(weight); /* shares of others are divided by it */
	if (weight == account->weight)
		return;
	account_leave(lane->waiting.admit, account);
	account->weight = weight;
	account_enter(lane->waiting.admit, account);
}

/* Puts IO at the head of LINE, or at its end. */
static void line_add(struct lane *lane, struct line *line, struct weir_io *io, bool head)
{
	struct account *account = line->account;
	struct admit *admit = lane->waiting.admit;

	if (account->pooled && account_is_idle(account))
		TAILQ_REMOVE(&admit->idle, account, idle);
	if (head && line->ios.first)
		RB_REMOVE(lines, lines_of(admit, line), line);
	if (head)
		io_list_push(&line->ios, io);
	else
		io_list_add(&line->ios, io);
	if (head || line->ios.count == 1)
		RB_INSERT(lines, lines_of(admit, line), line);
	account->waiting++;
	lane->waiting.nr++;
}

/* Returns true if IO, which has a deadline that is not over, may go before others of LINE. */
static bool line_may_jump(const struct lane *lane, const struct line *line,
			  const struct weir_io *io)
{
	return io->deadline_ns > lane->now && line->jumps < JUMPS_MAX &&
	       line->kind != WAIT_BACKGROUND && (lane->sched->ops->flags & SCHED_DEADLINES);
}

/* Returns true if IO, which has a deadline, goes before AT, whose deadline is later, or over, or
 * which has none. */
static bool line_goes_before(const struct lane *lane, const struct weir_io *io,
			     const struct weir_io *at)
{
	return at->deadline_ns <= lane->now || at->deadline_ns > io->deadline_ns;
}

/* Puts IO before the first of LINE that it may go before, in the turn of that one. Returns false if
 * there is none among those that are looked at. */
static bool line_jump(struct lane *lane, struct line *line, struct weir_io *io)
{
	struct weir_io *at = line->ios.first, *before = NULL;

	for (unsigned i = 0; at && !line_goes_before(lane, io, at); i++) {
		if (i == JUMPS_LOOK)
			return false;
		before = at;
		at = io_priv(at)->next;
	}
	if (!at)
		return false;
	/* The lines are in order as before: their first ios have the turns that they had. */
	io_priv(io)->turn = io_priv(at)->turn;
	io_list_insert(&line->ios, before, io);
	line->account->waiting++;
	line->jumps++;
	lane->waiting.nr++;
	return true;
}

void admit_wait(struct lane *lane, struct weir_io *io)
{
	struct line *line = line_of(lane, io);

	account_weigh(lane, line->account, io);
	if (line_may_jump(lane, line, io) && line_jump(lane, line, io))
		return;
	io_priv(io)->turn = lane->waiting.admit->turns++;
	line_add(lane, line, io, false);
}

void admit_again(struct lane *lane, struct weir_io *io)
{
	line_add(lane, line_of(lane, io), io, true);
}

/* Returns the line that is next; LIMITED: of the lines whose kind may have a tag. */
static struct line *line_next(struct lane *lane, bool limited)
{
	struct line *next = NULL;

	for (int i = 0; i < 2 * WAIT_KINDS; i++) {
		struct line *line = RB_MIN(lines, &lane->waiting.admit->lines[i / 2][i % 2]);

		if (line && (!next || line_cmp(line, next) < 0) &&
		    (!limited || admit_limit_leaves(lane, line, line->ios.first, 1)))
			next = line;
	}
	return next;
}

static struct weir_io *line_pop(struct lane *lane, struct line *line)
{
	struct account *account = line->account;
	struct admit *admit = lane->waiting.admit;
	struct weir_io *io;

	CHECK(line->ios.count);
	CHECK(account->waiting);
	CHECK(lane->waiting.nr);
	RB_REMOVE(lines, lines_of(admit, line), line);
	io = io_list_pop(&line->ios);
	/* Those that went before another one have its turn. */
	if (!line->ios.first || io_priv(line->ios.first)->turn != io_priv(io)->turn)
		line->jumps = 0;
	if (line->ios.first)
		RB_INSERT(lines, lines_of(admit, line), line);
	account->waiting--;
	lane->waiting.nr--;
	if (account->pooled && account_is_idle(account))
		TAILQ_INSERT_TAIL(&admit->idle, account, idle);
	return io;
}

struct weir_io *admit_next(struct lane *lane)
{
	struct line *line = NULL;

	if (lane->waiting.nr && tags_are_free(lane, 1))
		line = line_next(lane, true);
	return line ? line_pop(lane, line) : NULL;
}

void admit_drain(struct lane *lane, struct io_list *list)
{
	struct line *line;

	while (lane->waiting.nr && (line = line_next(lane, false)))
		io_list_add(list, line_pop(lane, line));
	CHECK(!lane->waiting.nr); /* the lines hold as many as were counted */
}

static bool line_has(const struct line *line, bool (*want)(struct weir_io *io))
{
	struct weir_io *io = line->ios.first;

	while (io && !want(io))
		io = io_priv(io)->next;
	return io;
}

/* Moves the ios of LINE that WANT says to LIST; the others keep their order. */
static void line_remove(struct lane *lane, struct line *line, bool (*want)(struct weir_io *io),
			struct io_list *list)
{
	struct account *account = line->account;
	struct admit *admit = lane->waiting.admit;
	struct io_list all;
	struct weir_io *io;

	RB_REMOVE(lines, lines_of(admit, line), line);
	io_list_init(&all);
	io_list_append(&all, &line->ios);
	while ((io = io_list_pop(&all))) {
		if (!want(io)) {
			io_list_add(&line->ios, io);
			continue;
		}
		CHECK(account->waiting);
		CHECK(lane->waiting.nr);
		io_list_add(list, io);
		account->waiting--;
		lane->waiting.nr--;
	}
	if (line->ios.first)
		RB_INSERT(lines, lines_of(admit, line), line);
	else
		line->jumps = 0;
	if (account->pooled && account_is_idle(account))
		TAILQ_INSERT_TAIL(&admit->idle, account, idle);
}

void admit_remove(struct lane *lane, bool (*want)(struct weir_io *io), struct io_list *list)
{
	struct line *line, *next;

	for (int i = 0; lane->waiting.nr && i < 2 * WAIT_KINDS; i++) {
		/* A line that keeps some of its ios may come up once more, and has none then. */
		RB_FOREACH_SAFE(line, lines, &lane->waiting.admit->lines[i / 2][i % 2], next)
		if (line_has(line, want))
			line_remove(lane, line, want, list);
	}
}

void admit_forget(struct lane *lane, uint32_t submitter)
{
	struct admit *admit = lane->waiting.admit;
	struct account *account;

	if (!(lane->sched->ops->flags & SCHED_BY_SUBMITTER))
		return;
	LIST_FOREACH(account, account_bucket_of(admit, submitter), hash)
		if (account->id == submitter)
			break;
	if (!account || !account_is_idle(account))
		return;
	TAILQ_REMOVE(&admit->idle, account, idle);
	TAILQ_INSERT_HEAD(&admit->idle, account, idle);
}
