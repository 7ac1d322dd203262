/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.c - writes sizes and times as people read them. Owns nothing; any thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/nsec.h"
#include "base/parse.h"

struct format_unit {
	uint64_t scale;
	const char *name;
};

static const struct format_unit format_size_units[] = {
	{ 1, "B" },
	{ 1ull << 10, "KiB" },
	{ 1ull << 20, "MiB" },
	{ 1ull << 30, "GiB" },
	{ 1ull << 40, "TiB" },
	{ 1ull << 50, "PiB" },
	{ 0, NULL },
};

static const struct format_unit format_time_units[] = {
	{ 1, "ns" }, { NSEC_PER_USEC, "us" }, { NSEC_PER_MSEC, "ms" }, { NSEC_PER_SEC, "s" },
	{ 0, NULL },
};

/* Returns VALUE in PARTS (100: hundredths) of SCALE, rounded. */
static uint64_t format_parts(uint64_t value, uint64_t scale, unsigned parts)
{
	return (uint64_t)(((unsigned __int128)value * parts + scale / 2) / scale);
}

static uint64_t format_hundredths(uint64_t value, uint64_t scale)
{
	return format_parts(value, scale, 100);
}

/* Returns the largest unit that VALUE reaches. Rounding up to a unit counts as reaching it. */
static const struct format_unit *format_pick(uint64_t value, const struct format_unit *u)
{
	while (u[1].name && format_hundredths(value, u->scale) >= 100 * (u[1].scale / u->scale))
		u++;
	return u;
}

const char *format_size(uint64_t bytes, char *buf, size_t size)
{
	const struct format_unit *u = format_pick(bytes, format_size_units);
	uint64_t h = format_hundredths(bytes, u->scale);

	if (bytes % u->scale == 0)
		snprintf(buf, size, "%" PRIu64 " %s", bytes / u->scale, u->name);
	else
		snprintf(buf, size, "%" PRIu64 ".%02" PRIu64 " %s", h / 100, h % 100, u->name);
	return buf;
}

const char *format_size_word(uint64_t bytes, char *buf, size_t size)
{
	const struct format_unit *u = format_size_units;

	while (bytes && u[1].name && bytes % u[1].scale == 0)
		u++;
	snprintf(buf, size, "%" PRIu64 "%s", bytes / u->scale, u->name);
	return buf;
}

/* Three digits are more than a histogram knows of a latency. */
const char *format_time(uint64_t ns, char *buf, size_t size)
{
	const struct format_unit *u = format_time_units;
	uint64_t tenths, h;

	while (u[1].name && format_parts(ns, u->scale, 1) >= u[1].scale / u->scale)
		u++;
	h = format_hundredths(ns, u->scale);
	tenths = format_parts(ns, u->scale, 10);
	if (u->scale == 1)
		snprintf(buf, size, "%" PRIu64 " %s", ns, u->name);
	else if (h < 1000)
		snprintf(buf, size, "%" PRIu64 ".%02" PRIu64 " %s", h / 100, h % 100, u->name);
	else if (tenths < 1000)
		snprintf(buf, size, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
			 u->name);
	else
		snprintf(buf, size, "%" PRIu64 " %s", format_parts(ns, u->scale, 1), u->name);
	return buf;
}
