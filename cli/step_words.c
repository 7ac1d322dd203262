/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step_words.c - reads the words that describe a request of `weir step`.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/step.h"

#define PRIO_LEVELS 8u
#define PRIO_DEFAULT (uint16_t)(2u << 13 | 4u)

int step_words_number(const char *what, const char *text, uint64_t min, uint64_t max,
		      uint64_t *value)
{
	int err = parse_number(text, min, max, value);

	return err < 0 ? error_set(err, "%s: %s", what, weir_error()) : 0;
}

static int words_prio(const char *text, uint16_t *prio)
{
	static const char *const classes[] = { "none", "rt", "be", "idle" };
	size_t len = strcspn(text, ".");
	uint64_t level = text[len] ? PRIO_LEVELS : 4;

	for (unsigned i = 0; i < 4; i++) {
		if (strlen(classes[i]) != len || strncmp(text, classes[i], len))
			continue;
		if (text[len] &&
		    step_words_number("prio", text + len + 1, 0, PRIO_LEVELS - 1, &level) < 0)
			return -EINVAL;
		/* No class means best effort, as in the queue. */
		*prio = (uint16_t)((i ? i : 2) << 13 | level);
		return 0;
	}
	return error_set(-EINVAL,
			 "prio=%s: give rt, be or idle, with a level from 0 (high) to 7 "
			 "as in be.4",
			 text);
}

/* Reads one of the optional words at the end of `insert`. */
static int words_option(struct step_rq *r, const char *word)
{
	uint64_t value = 0;
	int err;

	if (!strncmp(word, "prio=", 5))
		return words_prio(word + 5, &r->rq.ioprio);
	if (!strncmp(word, "cpu=", 4)) {
		err = step_words_number("cpu", word + 4, 0, STEP_CPUS - 1, &value);
		r->rq.ctx = (uint32_t)value;
	} else if (!strncmp(word, "submitter=", 10)) {
		err = step_words_number("submitter", word + 10, 0, UINT32_MAX, &value);
		r->rq.submitter = (uint32_t)value;
	} else if (!strncmp(word, "deadline=", 9)) {
		err = step_words_number("deadline", word + 9, 0, INT64_MAX, &r->rq.deadline_ns);
	} else if (!strncmp(word, "sync=", 5)) {
		err = step_words_number("sync", word + 5, 0, 1, &value);
		if (!value && r->rq.op != SCHED_READ)
			r->rq.flags &= (uint8_t)~SCHED_RQ_SYNC;
	} else {
		err = error_set(
			-EINVAL,
			"unknown word \"%s\": there are prio=, cpu=, submitter=, deadline=, sync=",
			word);
	}
	return err;
}

static int words_op(const char *text, uint8_t *op)
{
	static const char letters[] = "RWDF";
	static const uint8_t ops[] = { SCHED_READ, SCHED_WRITE, SCHED_DISCARD, SCHED_FLUSH };
	const char *at = strchr(letters, *text);

	if (!*text || text[1] || !at)
		return error_set(-EINVAL, "unknown operation \"%s\": there are R, W, D and F",
				 text);
	*op = ops[at - letters];
	return 0;
}

/* Fills in R from the words behind the name in `insert`. */
int step_words_insert(struct step_rq *r, char **words, int n)
{
	uint64_t sector = 0, nr = 0;
	int err = words_op(words[0], &r->rq.op);

	if (!err)
		err = step_words_number("SECTOR", words[1], 0, INT64_MAX, &sector);
	if (!err)
		err = step_words_number("NSECT", words[2], r->rq.op != SCHED_FLUSH, UINT32_MAX,
					&nr);
	r->rq.sector = sector;
	r->rq.nr_sectors = (uint32_t)nr;
	r->rq.ioprio = PRIO_DEFAULT;
	r->rq.submitter = 1;
	r->rq.flags = SCHED_RQ_SYNC;
	r->segments = 1;
	for (int i = 3; i < n && !err; i++)
		err = words_option(r, words[i]);
	return err;
}
