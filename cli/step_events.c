/* SPDX-License-Identifier: Apache-2.0 */
/* step_events.c - handles the events of `weir step`. See step.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/amount.h"
#include "base/error.h"
#include "base/parse.h"
#include "cli/report.h"
#include "cli/step.h"

#define STEP_NR_REQUESTS 256u
#define STEP_DEPTH 128u
#define STEP_SUBMITTERS 1024u
/* Sums of times and deadlines must fit in 63 bits; this is 73 years. */
#define STEP_TIME_MAX ((uint64_t)INT64_MAX / 4)
/* The kernel's limits for merging on a device without limits of its own: 1280 KiB, 128 pieces. */
#define STEP_MAX_SECTORS 2560u
#define STEP_MAX_SEGMENTS 128u

static struct step_rq *step_rq(struct sched_rq *rq)
{
	return (struct step_rq *)rq;
}

/* Prints OBJECT, and releases it, on a line of its own. */
static int step_print(json_t *object)
{
	return report_json(object, 1) ? error_set(-ENOMEM, "out of memory") : 0;
}

static void step_say_merge(const struct step *st, const char *id, const char *into)
{
	if (st->json)
		(void)step_print(json_pack("{s:s, s:s, s:I, s:s, s:s}", "schema", "weir.step.v1",
					   "event", "merge", "time", (json_int_t)st->now, "id", id,
					   "into", into));
	else
		printf("merge %s %s\n", id, into);
}

/*
 * The scheduler's merge callback, which step_merge_io() calls too: checks the limits, and prints
 * the merge.
 */
static bool step_merge(void *owner, struct sched_rq *into, struct sched_rq *gone,
		       enum sched_merge how)
{
	struct step *st = owner;

	(void)how;
	if (into->nr_sectors > STEP_MAX_SECTORS - 1 ||
	    gone->nr_sectors > STEP_MAX_SECTORS - into->nr_sectors ||
	    step_rq(into)->segments + step_rq(gone)->segments > STEP_MAX_SEGMENTS) {
		into->flags |= SCHED_RQ_NOMERGE;
		return false;
	}
	step_rq(into)->segments += step_rq(gone)->segments;
	/* The scheduler still uses it; it is forgotten at the end of the event. */
	step_rq(gone)->next = st->gone;
	st->gone = step_rq(gone);
	step_say_merge(st, step_rq(gone)->id, step_rq(into)->id);
	return true;
}

int step_open(struct step *st, const struct step_opts *opts)
{
	bool merge = opts->merging != SCHED_MERGING_OFF;
	struct sched_env env = {
		.nr_requests = STEP_NR_REQUESTS,
		.depth = STEP_DEPTH,
		.nr_lanes = 1,
		.nr_ctxs = STEP_CPUS,
		.max_submitters = STEP_SUBMITTERS,
		.rotational = opts->rotational,
		.merging = (uint8_t)opts->merging,
		.merge = merge ? step_merge : NULL,
		.owner = st,
	};

	*st = (struct step){ .ops = sched_find(opts->sched), .merge = merge, .json = opts->json };
	TAILQ_INIT(&st->flushes);
	return st->ops->init(&st->s, &env);
}

void step_close(struct step *st)
{
	if (st->s)
		st->ops->exit(st->s);
	step_ids_free(&st->ids);
}

/* Returns the index of the tunable NAME, or -EINVAL with weir_error() set. */
static int step_tunable(const struct step *st, const char *name)
{
	int found = sched_find_tunable(st->ops, name);

	return found < 0 ? sched_unknown_tunable(st->ops, name) : found;
}

int step_set(struct step *st, const char *name, const char *text)
{
	int tunable = step_tunable(st, name);
	const struct sched_tunable *t;
	bool clamped = false;
	int64_t value = 0;
	int err;

	if (tunable < 0)
		return tunable;
	t = &st->ops->tunables[tunable];
	if (t->read_only)
		return error_set(-EINVAL, "%s can only be read (%s)", name, t->summary);
	err = sched_read_value(st->ops, t, text, &value, &clamped);
	if (err == -EINVAL)
		return error_set(-EINVAL,
				 "%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64
				 " (%s)%s",
				 name, text, t->min, t->max, t->unit, amount_also(t->unit));
	if (err)
		return amount_refuse(name, text, t->unit, true, err);
	if (clamped)
		report_note("%s=%s is out of range: now it is %" PRId64, name, text, value);
	return st->ops->set(st->s, (unsigned)tunable, value);
}

/* Reads the time of an event, and lets time pass until then. */
static int step_time(struct step *st, const char *text)
{
	uint64_t t = 0, due;

	if (step_words_number("T", text, 0, STEP_TIME_MAX, &t) < 0)
		return -EINVAL;
	if (t < st->now)
		return error_set(-EINVAL, "time runs backwards: %" PRIu64 " after %" PRIu64, t,
				 st->now);
	while (st->ops->tick && (due = st->ops->next_wakeup(st->s)) <= t) {
		st->ops->tick(st->s, due);
		/* This was not a timer, but the time for the next call of dispatch(). */
		if (st->ops->next_wakeup(st->s) == due)
			break;
	}
	st->now = t;
	return 0;
}

/*
 * Merges RQ into a waiting request, as the queue does with an io. Returns false if there is none
 * that fits.
 */
static bool step_merge_io(struct step *st, struct sched_rq *rq)
{
	struct sched_rq *into = NULL;
	enum sched_merge how;
	uint64_t sector;

	if (!st->merge || !st->ops->find_merge)
		return false;
	how = st->ops->find_merge(st->s, rq, &into);
	if (!how || !step_merge(st, into, rq, how))
		return false;
	sector = into->sector;
	sched_grow(into, rq, how);
	if (st->ops->merged)
		st->ops->merged(st->s, into, how, sector);
	return true;
}

static int step_insert(struct step *st, char **words, int n)
{
	struct sched_list list = TAILQ_HEAD_INITIALIZER(list);
	struct step_rq *r;
	int err;

	if (strlen(words[1]) > STEP_ID_MAX || !strcmp(words[1], "none"))
		return error_set(-EINVAL,
				 "\"%s\" is no name for a request: give another one, of "
				 "at most %d letters",
				 words[1], STEP_ID_MAX);
	if (step_ids_find(&st->ids, words[1]))
		return error_set(-EINVAL, "there is a request \"%s\" already", words[1]);
	r = step_ids_add(&st->ids, words[1]);
	if (!r)
		return error_set(-ENOMEM, "out of memory");
	err = step_words_insert(r, words + 2, n - 2);
	if (err) {
		step_ids_remove(&st->ids, r);
		return err;
	}
	r->rq.start_ns = st->now;
	TAILQ_INSERT_TAIL(&list, &r->rq, fifo);
	if (r->rq.op == SCHED_FLUSH)
		TAILQ_CONCAT(&st->flushes, &list, fifo);
	else if (!step_merge_io(st, &r->rq))
		st->ops->insert(st->s, &list, st->now);
	return 0;
}

static int step_dispatch(struct step *st, char **words, int n)
{
	struct sched_rq *rq = TAILQ_FIRST(&st->flushes);
	const char *id = NULL, *reason = NULL;
	bool flush = rq;

	(void)words;
	(void)n;
	if (rq)
		TAILQ_REMOVE(&st->flushes, rq, fifo);
	else
		rq = st->ops->dispatch(st->s, st->now);
	if (rq) {
		rq->io_start_ns = st->now;
		rq->flags |= SCHED_RQ_STARTED;
		step_rq(rq)->dispatched = true;
		id = step_rq(rq)->id;
		reason = st->ops->reasons && !flush ? st->ops->reasons[rq->reason] : NULL;
	}
	if (st->json)
		return step_print(json_pack("{s:s, s:s, s:I, s:s?, s:s*}", "schema", "weir.step.v1",
					    "event", "dispatch", "time", (json_int_t)st->now, "id",
					    id, "reason", reason));
	puts(id ? id : "none");
	return 0;
}

/*
 * Applies LAT, the latency of the device: the request and its dispatch began no later than that
 * before now.
 */
static int step_latency(const struct step *st, struct sched_rq *rq, const char *word)
{
	uint64_t lat = 0;

	if (strncmp(word, "lat=", 4))
		return error_set(-EINVAL, "unknown word \"%s\": there is lat=", word);
	if (step_words_number("lat", word + 4, 0, st->now, &lat) < 0)
		return -EINVAL;
	rq->io_start_ns = st->now - lat;
	if (rq->start_ns > rq->io_start_ns)
		rq->start_ns = rq->io_start_ns;
	return 0;
}

static int step_complete(struct step *st, char **words, int n)
{
	struct step_rq *r = step_ids_find(&st->ids, words[1]);

	if (!r)
		return error_set(-EINVAL, "there is no request \"%s\"", words[1]);
	if (!r->dispatched)
		return error_set(-EINVAL, "\"%s\" was not dispatched yet", words[1]);
	if (n > 2 && step_latency(st, &r->rq, words[2]))
		return -EINVAL;
	if (r->rq.op != SCHED_FLUSH) {
		if (st->ops->completed)
			st->ops->completed(st->s, &r->rq, st->now);
		if (st->ops->finish)
			st->ops->finish(st->s, &r->rq);
	}
	step_ids_remove(&st->ids, r);
	return 0;
}

static int step_timer(struct step *st, char **words, int n)
{
	(void)st;
	(void)words;
	(void)n;
	return 0;
}

static int step_set_event(struct step *st, char **words, int n)
{
	(void)n;
	return step_set(st, words[1], words[2]);
}

static int step_weight(struct step *st, char **words, int n)
{
	uint64_t submitter = 0, weight = 0;
	int err = step_words_number("SUBMITTER", words[1], 0, UINT32_MAX, &submitter);

	(void)n;
	if (!err)
		err = step_words_number("WEIGHT", words[2], 1, 1000, &weight);
	if (err)
		return err;
	if (!st->ops->set_weight)
		return sched_no_weights(st->ops, -EINVAL);
	err = st->ops->set_weight(st->s, (uint32_t)submitter, (uint32_t)weight);
	return err ? error_set(err, "too many submitters have a weight") : 0;
}

static int step_get(struct step *st, char **words, int n)
{
	int tunable = step_tunable(st, words[0]);
	int64_t value;

	(void)n;
	if (tunable < 0)
		return tunable;
	value = st->ops->get(st->s, (unsigned)tunable);
	if (st->json)
		return step_print(json_pack("{s:s, s:s, s:s, s:I}", "schema", "weir.step.v1",
					    "event", "get", "name", words[0], "value",
					    (json_int_t)value));
	printf("%" PRId64 "\n", value);
	return 0;
}

static const struct step_verb {
	const char *name;
	const char *usage;
	int min, max; /* number of words behind the name */
	bool timed;   /* the first of them is the time */
	int (*run)(struct step *st, char **words, int n);
} step_verbs[] = {
	{ "insert", "T ID R|W|D|F SECTOR NSECT [prio=] [cpu=] [submitter=] [deadline=] [sync=]", 5,
	  10, true, step_insert },
	{ "dispatch", "T", 1, 1, true, step_dispatch },
	{ "complete", "T ID [lat=NS]", 2, 3, true, step_complete },
	{ "timer", "T", 1, 1, true, step_timer },
	{ "set", "T NAME VALUE", 3, 3, true, step_set_event },
	{ "weight", "T SUBMITTER WEIGHT", 3, 3, true, step_weight },
	{ "get", "NAME", 1, 1, false, step_get },
};

#define STEP_VERBS (sizeof(step_verbs) / sizeof(step_verbs[0]))

/* Sets weir_error() for WORD, which begins no event. Returns -EINVAL. */
static int step_unknown_verb(const char *word)
{
	char all[128] = "";

	for (size_t i = 0; i < STEP_VERBS; i++) {
		size_t used = strlen(all);

		snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", step_verbs[i].name);
	}
	return error_set(-EINVAL, "unknown word \"%s\": there are %s", word, all);
}

static void step_forget_merged(struct step *st)
{
	while (st->gone) {
		struct step_rq *r = st->gone;

		st->gone = r->next;
		step_ids_remove(&st->ids, r);
	}
}

int step_event(struct step *st, char **words, int n)
{
	const struct step_verb *v = step_verbs;
	int err = 0;

	while (v < step_verbs + STEP_VERBS && strcmp(v->name, words[0]))
		v++;
	if (v == step_verbs + STEP_VERBS)
		return step_unknown_verb(words[0]);
	if (n - 1 < v->min || n - 1 > v->max)
		return error_set(-EINVAL, "too %s words: %s %s", n - 1 < v->min ? "few" : "many",
				 v->name, v->usage);
	if (v->timed)
		err = step_time(st, words[1]);
	if (!err)
		err = v->run(st, words + 1, n - 1);
	step_forget_merged(st);
	return err;
}
