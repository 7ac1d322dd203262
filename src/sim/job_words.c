/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_words.c - parses values of fio's keys that begin with a word, and ranges of times. See
 * job_values.h. Owns nothing; any thread may call it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sim/job_values.h"
#include "sim/jobs.h"
#include "sim/keys.h"

static const struct sim_choice directions[] = {
	{ "read", SIM_RW_READ },
	{ "write", SIM_RW_WRITE },
	{ "randread", SIM_RW_READ | SIM_RW_RANDOM },
	{ "randwrite", SIM_RW_WRITE | SIM_RW_RANDOM },
	{ "rw", SIM_RW_READ | SIM_RW_WRITE },
	{ "readwrite", SIM_RW_READ | SIM_RW_WRITE },
	{ "randrw", SIM_RW_READ | SIM_RW_WRITE | SIM_RW_RANDOM },
	{ "trim", SIM_RW_TRIM },
	{ "randtrim", SIM_RW_TRIM | SIM_RW_RANDOM },
	{ "trimwrite", SIM_RW_TRIM | SIM_RW_WRITE },
	{ "randtrimwrite", SIM_RW_TRIM | SIM_RW_WRITE | SIM_RW_RANDOM },
	{ NULL, 0 },
};

static const struct sim_choice distributions[] = {
	{ "random", SIM_RANDOM_EVEN },	 { "zipf", SIM_RANDOM_ZIPF },
	{ "pareto", SIM_RANDOM_PARETO }, { "normal", SIM_RANDOM_NORMAL },
	{ "gauss", SIM_RANDOM_NORMAL },	 { NULL, 0 },
};

/*
 * Copies TEXT to WORD and splits it at its first colon. Returns the part behind the colon, or
 * NULL.
 */
static char *word_split(char *word, size_t size, const char *text)
{
	char *colon;

	snprintf(word, size, "%s", text);
	colon = strchr(word, ':');
	if (colon)
		*colon++ = '\0';
	return colon;
}

int job_value_rw(void *target, size_t offset, const char *text)
{
	struct sim_job *job = target;
	char word[64], *step = word_split(word, sizeof(word), text);
	uint64_t rw, by = 0;
	int err = sim_key_choice(directions, word, &rw);

	(void)offset;
	if (!err && step) {
		/* Parses into a temporary job with the same kb_base. */
		struct sim_job parsed = { .kb_base = job->kb_base };

		err = job_value_size(&parsed, offsetof(struct sim_job, rw_step), step);
		by = parsed.rw_step;
	}
	if (err)
		return err;
	job->rw = rw;
	job->rw_step = by;
	return 0;
}

/* Parses a number from MIN to MAX at TEXT. */
static int word_number(const char *text, double min, double max, double *out)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= max))
		return error_set(-EINVAL, "\"%s\" is not a number from %g to %g", text, min, max);
	*out = value;
	return 0;
}

int job_value_distribution(void *target, size_t offset, const char *text)
{
	static const double most[] = { 0, 100, 1, 100 };
	struct sim_distribution d = { .centre = -1 };
	char word[64], *value = word_split(word, sizeof(word), text), *centre = NULL;
	int err = sim_key_choice(distributions, word, &d.kind);

	if (err)
		return err;
	if (value && (centre = strchr(value, ':')))
		*centre++ = '\0';
	if (d.kind == SIM_RANDOM_EVEN && value)
		err = error_set(-EINVAL, "random takes no number");
	else if (d.kind != SIM_RANDOM_EVEN && !value)
		err = error_set(-EINVAL, "%s needs a number, as in %s:%s", word, word,
				d.kind == SIM_RANDOM_ZIPF     ? "1.2"
				: d.kind == SIM_RANDOM_PARETO ? "0.2"
							      : "10");
	else if (value)
		err = word_number(value, 0, most[d.kind], &d.value);
	if (!err && d.kind != SIM_RANDOM_EVEN &&
	    (d.value <= 0 || (d.kind == SIM_RANDOM_PARETO && d.value >= 1)))
		err = error_set(-EINVAL, "%s: the number is too %s", text,
				d.value <= 0 ? "little" : "much");
	if (!err && centre)
		err = word_number(centre, 0, 1, &d.centre);
	else if (d.kind == SIM_RANDOM_NORMAL)
		d.centre = 0.5;
	if (!err)
		memcpy((char *)target + offset, &d, sizeof(d));
	return err;
}

int job_value_delay(void *target, size_t offset, const char *text)
{
	struct sim_job *job = target;
	char low[64], *high;
	uint64_t min, max;
	int err;

	(void)offset;
	snprintf(low, sizeof(low), "%s", text);
	high = strpbrk(low, "-:");
	if (high)
		*high++ = '\0';
	err = sim_key_time("s", low, &min);
	max = min;
	if (!err && high)
		err = sim_key_time("s", high, &max);
	if (!err && (min > SIM_TIME_MAX || max > SIM_TIME_MAX))
		err = error_set(-EINVAL, "%s is too much", text);
	if (err)
		return err;
	job->startdelay = min < max ? min : max;
	job->startdelay_max = min < max ? max : min;
	return 0;
}
