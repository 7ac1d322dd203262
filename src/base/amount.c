/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amount.c - reads values of attributes: as sysfs does, and with units. Owns nothing; any thread.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/amount.h"
#include "base/error.h"
#include "base/nsec.h"
#include "base/parse.h"

#define AMOUNT_TEXT_MAX 64u
#define AMOUNT_SECTOR_BYTES 512u

/* A unit of attributes, and the values with units of their own that it can be set to. */
struct amount_unit {
	const char *name;
	uint64_t scale; /* bytes or ns of one */
	int (*parse)(const char *text, uint64_t *value);
	const char *also; /* these values in words */
};

#define AMOUNT_SIZE ", or a size such as 8MiB"
#define AMOUNT_TIME ", or a time such as 2ms"

static const struct amount_unit amount_units[] = {
	{ "bytes", 1, parse_size, AMOUNT_SIZE },
	{ "KiB", 1024, parse_size, AMOUNT_SIZE },
	{ "sectors", AMOUNT_SECTOR_BYTES, parse_size, AMOUNT_SIZE },
	{ "ns", 1, parse_time, AMOUNT_TIME },
	{ "us", NSEC_PER_USEC, parse_time, AMOUNT_TIME },
	{ "ms", NSEC_PER_MSEC, parse_time, AMOUNT_TIME },
};

#define AMOUNT_UNITS (sizeof(amount_units) / sizeof(amount_units[0]))

static const struct amount_unit *amount_find(const char *unit)
{
	for (size_t i = 0; i < AMOUNT_UNITS; i++)
		if (!strcmp(amount_units[i].name, unit))
			return &amount_units[i];
	return NULL;
}

/* Copies TEXT, which must end with a unit, without the newline that echo leaves. A size may have
 * none, but "08192" for KiB is no 8192 bytes. */
static int amount_copy(char copy[AMOUNT_TEXT_MAX], const char *text)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '\n')
		len--;
	if (!len || len >= AMOUNT_TEXT_MAX || (text[len - 1] >= '0' && text[len - 1] <= '9'))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return 0;
}

int amount_parse(const char *text, const char *unit, int64_t *value)
{
	const struct amount_unit *u = amount_find(unit);
	char copy[AMOUNT_TEXT_MAX];
	uint64_t all = 0;
	int err;

	/* First, so that what sysfs understands keeps its meaning: 0x1b is no 0 of anything. */
	if (!parse_sysfs(text, value))
		return 0;
	err = u ? amount_copy(copy, text) : -EINVAL;
	if (!err)
		err = u->parse(copy, &all);
	if (err)
		return err;
	if (all % u->scale)
		return -EDOM;
	if (all / u->scale > INT64_MAX)
		return -ERANGE;
	*value = (int64_t)(all / u->scale);
	return 0;
}

const char *amount_also(const char *unit)
{
	const struct amount_unit *u = amount_find(unit);

	return u ? u->also : "";
}

int amount_refuse(const char *name, const char *text, const char *unit, bool negative, int err)
{
	if (err == -ERANGE)
		return error_set(-EINVAL, "%s: '%s' is beyond what 64 bits hold", name, text);
	if (err == -EDOM)
		return error_set(-EINVAL, "%s: '%s' is not a whole number of %s", name, text, unit);
	return error_set(-EINVAL, "%s: '%s' is not a whole number of %s%s%s", name, text, unit,
			 negative ? "" : ", 0 or more", amount_also(unit));
}
