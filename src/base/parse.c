/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.c - reads numbers, sizes and times as people type them. Owns nothing; any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nsec.h"
#include "base/error.h"
#include "base/parse.h"

/* Only so many digits of a fraction are read; more of them could not change the result. */
#define PARSE_FRACTION_DIGITS 18

struct parse_unit {
	const char *name; /* case does not matter */
	uint64_t scale;
};

/* A kind of value that can be parsed: its name and its valid forms in words, and its units. */
struct parse_kind {
	const char *name;
	const char *valid;
	const struct parse_unit *units; /* ended by a NULL name */
};

#define PARSE_SIZE_UNITS(letter, shift)                                                            \
	{ letter, 1ull << (shift) }, { letter "B", 1ull << (shift) },                              \
		{ letter "i", 1ull << (shift) },                                                   \
	{                                                                                          \
		letter "iB", 1ull << (shift)                                                       \
	}

static const struct parse_unit parse_size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	PARSE_SIZE_UNITS("k", 10),
	PARSE_SIZE_UNITS("M", 20),
	PARSE_SIZE_UNITS("G", 30),
	PARSE_SIZE_UNITS("T", 40),
	PARSE_SIZE_UNITS("P", 50),
	{ NULL, 0 },
};

static const struct parse_unit parse_time_units[] = {
	{ "ns", 1 },	       { "us", NSEC_PER_USEC },	   { "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC }, { "m", 60 * NSEC_PER_SEC }, { "h", 3600 * NSEC_PER_SEC },
	{ NULL, 0 },
};

static const struct parse_kind parse_size_kind = {
	"size",
	"a number with one of the units k, M, G, T, P (powers of 1024) or B, as in 64k or 1.5G",
	parse_size_units
};

static const struct parse_kind parse_time_kind = {
	"time", "a number with one of the units ns, us, ms, s, m or h, as in 250us",
	parse_time_units
};

/* A number WHOLE.FRACTION with a unit, in its parts. */
struct parse_parts {
	uint64_t whole;
	uint64_t fraction;     /* the digits as a whole number ... */
	uint64_t fraction_one; /* ... and how many of these are 1 */
	int has_fraction;
	const char *unit;
};

/* Reads the digits at *AT into *VALUE and moves *AT behind them. Returns 0, -EINVAL (no digits) or
 * -ERANGE. */
static int parse_digits(const char **at, uint64_t *value)
{
	const char *p = *at;
	uint64_t v = 0;
	int overflow = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		overflow |= __builtin_mul_overflow(v, 10u, &v) ||
			    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	if (p == *at)
		return -EINVAL;
	*at = p;
	*value = v;
	return overflow ? -ERANGE : 0;
}

static int parse_fraction(const char **at, struct parse_parts *parts)
{
	const char *p = *at;

	parts->has_fraction = 1;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (p - *at >= PARSE_FRACTION_DIGITS)
			continue;
		parts->fraction = parts->fraction * 10 + (uint64_t)(*p - '0');
		parts->fraction_one *= 10;
	}
	if (p == *at)
		return -EINVAL;
	*at = p;
	return 0;
}

static int parse_split(const char *text, struct parse_parts *parts)
{
	int err = parse_digits(&text, &parts->whole);

	if (err < 0)
		return err;
	if (*text == '.') {
		text++;
		err = parse_fraction(&text, parts);
		if (err < 0)
			return err;
	}
	if (*text == ' ' && text[1])
		text++;
	parts->unit = text;
	return 0;
}

static int parse_scale(const struct parse_parts *parts, uint64_t scale, uint64_t *value)
{
	unsigned __int128 v = (unsigned __int128)parts->fraction * scale;

	v = (v + parts->fraction_one / 2) / parts->fraction_one;
	v += (unsigned __int128)parts->whole * scale;
	if (v > UINT64_MAX)
		return -ERANGE;
	*value = (uint64_t)v;
	return 0;
}

/* A fraction of the smallest unit has no meaning, and is refused. */
static int parse_apply_unit(const struct parse_parts *parts, const struct parse_unit *units,
			    uint64_t *value)
{
	for (const struct parse_unit *u = units; u->name; u++) {
		if (strcasecmp(u->name, parts->unit))
			continue;
		if (parts->has_fraction && u->scale == 1)
			return -EINVAL;
		return parse_scale(parts, u->scale, value);
	}
	return -EINVAL;
}

static int parse_value(const char *text, const struct parse_kind *kind, uint64_t *value)
{
	struct parse_parts parts = { .fraction_one = 1 };
	int err = parse_split(text, &parts);

	if (!err)
		err = parse_apply_unit(&parts, kind->units, value);
	if (err == -ERANGE)
		return error_set(err, "\"%s\": this %s is beyond what 64 bits hold", text,
				 kind->name);
	if (err < 0)
		return error_set(err, "\"%s\" is not a %s: give %s", text, kind->name, kind->valid);
	return 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	return parse_value(text, &parse_size_kind, bytes);
}

int parse_time(const char *text, uint64_t *ns)
{
	if (!strcmp(text, "0")) {
		*ns = 0;
		return 0;
	}
	return parse_value(text, &parse_time_kind, ns);
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *end = text;
	uint64_t v = 0;
	int err = parse_digits(&end, &v);

	if (err == -EINVAL || *end)
		return error_set(-EINVAL,
				 "\"%s\" is not a number: give a whole number from %" PRIu64
				 " to %" PRIu64,
				 text, min, max);
	if (err < 0 || v < min || v > max)
		return error_set(-ERANGE,
				 "%s is out of range: give a whole number from %" PRIu64
				 " to %" PRIu64,
				 text, min, max);
	*value = v;
	return 0;
}

int parse_sysfs(const char *text, int64_t *value)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;
	long long v;

	/* strtoll() would accept blanks and a second sign. */
	if (*digits < '0' || *digits > '9')
		return -EINVAL;
	v = strtoll(text, &end, 0);
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	*value = v;
	return 0;
}
