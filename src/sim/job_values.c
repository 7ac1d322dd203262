/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_values.c - parses fio's sizes and lists. See job_values.h. Owns nothing; any thread may call
 * it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/parse.h"
#include "sim/job_values.h"
#include "sim/jobs.h"
#include "sim/keys.h"

#define BLOCK_MAX (1ull << 30)
#define BYTES_MAX (1ull << 60)

static void *value_at(void *job, size_t offset)
{
	return (char *)job + offset;
}

static int value_in_range(const char *text, uint64_t value, uint64_t min, uint64_t max)
{
	if (value >= min && value <= max)
		return 0;
	return error_set(-EINVAL, "%s is too %s", text, value < min ? "little" : "much");
}

/* Parses a number with a unit, in powers of 1000. */
static int value_decimal(const char *text, uint64_t *out)
{
	static const char units[] = "kmgtp";
	char *end;
	double value = strtod(text, &end);
	const char *unit = strchr(units, tolower((unsigned char)*end));

	for (const char *u = units; *end && unit && u <= unit; u++)
		value *= 1000;
	if (!isdigit((unsigned char)*text) || value > (double)BYTES_MAX)
		return parse_size(text, out); /* sets weir_error() */
	*out = (uint64_t)value;
	return 0;
}

/*
 * Parses a size by the rule of fio 3.33: k means kb_base, and so do ki and kB, but kiB means the
 * other one of 1024 and 1000.
 */
static int value_size(const struct sim_job *job, const char *text, uint64_t *out)
{
	size_t len = strlen(text);
	bool other = len > 2 && !strcasecmp(text + len - 2, "ib");
	char unit = (char)(len ? text[len - 1] : '\0'), *end;

	if (!strncasecmp(text, "0x", 2)) {
		*out = strtoull(text, &end, 16);
		return *end || len == 2 || len > 18
			       ? error_set(-EINVAL, "\"%s\" is no hexadecimal number", text)
			       : 0;
	}
	if (isdigit((unsigned char)unit) || (job->kb_base == 1024) != other)
		return parse_size(text, out);
	return value_decimal(text, out);
}

int job_value_size(void *job, size_t offset, const char *text)
{
	uint64_t *field = value_at(job, offset), value;
	int err = value_size(job, text, &value);

	if (!err)
		err = value_in_range(text, value, 0, BYTES_MAX);
	if (!err)
		*field = value;
	return err;
}

static int value_percent(const char *text, uint64_t max, uint64_t *out)
{
	char digits[16];
	size_t len = strlen(text);

	if (len && text[len - 1] == '%')
		len--;
	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	return parse_number(digits, 0, max, out);
}

int job_value_amount(void *job, size_t offset, const char *text)
{
	struct sim_amount *field = value_at(job, offset);
	struct sim_amount value = { 0, 0 };
	int err;

	if (strchr(text, '%')) {
		err = value_percent(text, 1000, &value.percent);
		if (!err && !value.percent)
			err = error_set(-EINVAL, "0 %% is nothing");
	} else {
		err = value_size(job, text, &value.bytes);
		if (!err)
			err = value_in_range(text, value.bytes, 0, BYTES_MAX);
	}
	if (!err)
		*field = value;
	return err;
}

/* Parses TEXT for direction DIR of the member. */
typedef int value_fn(const struct sim_job *job, void *field, enum sim_dir dir, const char *text);

/*
 * Splits "READS,WRITES,TRIMS". An empty part changes nothing, and the last given part also holds
 * for the parts that are missing.
 */
static int value_each(void *job, size_t offset, const char *text, value_fn *fn)
{
	char *copy = strdup(text), *rest = copy, *part;
	void *field = value_at(job, offset);
	int err = copy ? 0 : error_set(-ENOMEM, "out of memory");

	for (int dir = 0; !err && (part = strsep(&rest, ",")); dir++) {
		if (dir == SIM_DIRS)
			err = error_set(
				-EINVAL,
				"\"%s\": more than one value each for reads, writes and trims",
				text);
		for (int i = dir; *part && !err && i < (rest ? dir + 1 : SIM_DIRS); i++)
			err = fn(job, field, (enum sim_dir)i, part);
	}
	if (!err && !*text)
		err = error_set(-EINVAL, "it needs a value");
	free(copy);
	return err;
}

static int value_block(const struct sim_job *job, const char *text, uint64_t *out)
{
	int err = value_size(job, text, out);

	return err ? err : value_in_range(text, *out, 512, BLOCK_MAX);
}

static int value_bs(const struct sim_job *job, void *field, enum sim_dir dir, const char *text)
{
	struct sim_bs *bs = (struct sim_bs *)field + dir;
	uint64_t bytes;
	int err = value_block(job, text, &bytes);

	if (err)
		return err;
	bs->min = bs->max = bytes;
	bs->nr = 0;
	return 0;
}

int job_value_bs(void *job, size_t offset, const char *text)
{
	return value_each(job, offset, text, value_bs);
}

/* Splits "LOW-HIGH" or "LOW:HIGH"; returns NULL if TEXT has no separator. */
static char *value_cut(char *text)
{
	char *at = strpbrk(text, "-:");

	if (at)
		*at++ = '\0';
	return at;
}

static int value_bsrange(const struct sim_job *job, void *field, enum sim_dir dir, const char *text)
{
	struct sim_bs *bs = (struct sim_bs *)field + dir;
	char low[64], *high;
	uint64_t min, max;
	int err;

	snprintf(low, sizeof(low), "%s", text);
	high = value_cut(low);
	if (!high)
		return error_set(-EINVAL, "\"%s\" is no range: give two sizes, as in 4k-64k", text);
	err = value_block(job, low, &min);
	if (!err)
		err = value_block(job, high, &max);
	if (err)
		return err;
	bs->min = min < max ? min : max;
	bs->max = min < max ? max : min;
	bs->nr = 0;
	return 0;
}

int job_value_bsrange(void *job, size_t offset, const char *text)
{
	return value_each(job, offset, text, value_bsrange);
}

/* Distributes the rest of 100 % among the EMPTY entries of BS, which have UINT32_MAX. */
static int value_split_rest(struct sim_bs *bs, uint32_t empty, uint32_t sum, const char *text)
{
	if (sum > 100 || (!empty && sum != 100))
		return error_set(-EINVAL, "\"%s\": the percentages add up to %u, not 100", text,
				 sum);
	for (uint32_t i = 0; i < bs->nr; i++) {
		uint32_t share = empty ? (100 - sum) / empty : 0;

		if (bs->split[i].percent != UINT32_MAX)
			continue;
		bs->split[i].percent = share;
		sum += share;
		empty--;
	}
	return 0;
}

/* Parses one SIZE/PERCENT of bssplit. */
static int value_split_one(const struct sim_job *job, struct sim_bs *bs, char *one)
{
	char *slash = strchr(one, '/');
	uint64_t percent = UINT32_MAX;
	int err = 0;

	if (bs->nr == SIM_SPLIT_MAX)
		return error_set(-EINVAL, "more than %d sizes", SIM_SPLIT_MAX);
	if (slash)
		*slash++ = '\0';
	if (slash && *slash)
		err = value_percent(slash, 100, &percent);
	if (!err)
		err = value_block(job, one, &bs->split[bs->nr].bytes);
	bs->split[bs->nr].percent = (uint32_t)percent;
	if (err)
		return err;
	bs->min = bs->split[bs->nr].bytes < bs->min ? bs->split[bs->nr].bytes : bs->min;
	bs->max = bs->split[bs->nr].bytes > bs->max ? bs->split[bs->nr].bytes : bs->max;
	bs->nr++;
	return 0;
}

static int value_bssplit(const struct sim_job *job, void *field, enum sim_dir dir, const char *text)
{
	struct sim_bs bs = { .min = UINT64_MAX };
	char *copy = strdup(text), *rest = copy, *one;
	uint32_t sum = 0, empty = 0;
	int err = copy ? 0 : error_set(-ENOMEM, "out of memory");

	while (!err && (one = strsep(&rest, ":"))) {
		err = value_split_one(job, &bs, one);
		if (!err && bs.split[bs.nr - 1].percent == UINT32_MAX)
			empty++;
		else if (!err)
			sum += bs.split[bs.nr - 1].percent;
	}
	free(copy);
	if (!err)
		err = value_split_rest(&bs, empty, sum, text);
	if (!err)
		((struct sim_bs *)field)[dir] = bs;
	return err;
}

int job_value_bssplit(void *job, size_t offset, const char *text)
{
	return value_each(job, offset, text, value_bssplit);
}

static int value_rate(const struct sim_job *job, void *field, enum sim_dir dir, const char *text)
{
	uint64_t value;
	int err = value_size(job, text, &value);

	if (!err)
		err = value_in_range(text, value, 1, BYTES_MAX);
	if (!err)
		((uint64_t *)field)[dir] = value;
	return err;
}

int job_value_rates(void *job, size_t offset, const char *text)
{
	return value_each(job, offset, text, value_rate);
}

static int value_iops(const struct sim_job *job, void *field, enum sim_dir dir, const char *text)
{
	uint64_t value;
	int err = value_size(job, text, &value);

	if (!err)
		err = value_in_range(text, value, 1, 1000000000);
	if (!err)
		((uint64_t *)field)[dir] = value;
	return err;
}

int job_value_iops(void *job, size_t offset, const char *text)
{
	return value_each(job, offset, text, value_iops);
}

static int value_share(const struct sim_job *job, void *field, enum sim_dir dir, const char *text)
{
	(void)job;
	return value_percent(text, 100, (uint64_t *)field + dir);
}

int job_value_percents(void *job, size_t offset, const char *text)
{
	return value_each(job, offset, text, value_share);
}

int job_value_mixwrite(void *job, size_t offset, const char *text)
{
	uint64_t *field = value_at(job, offset), writes;
	int err = value_percent(text, 100, &writes);

	if (!err)
		*field = 100 - writes;
	return err;
}
