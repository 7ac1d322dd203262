/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openmetrics.c - writes metrics as text.
 *
 * The format is that of the OpenMetrics specification 1.0; the older one is what Prometheus calls
 * its text format 0.0.4. They differ in what the family of a counter or of an info is called, in
 * the lines for units, and in the last line.
 */
#include "base/openmetrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/nsec.h"
#include "base/visible.h"

/* Buckets of a histogram that is written: two for each power of two, from 2^14 ns (16 us) to 2^34
 * ns (17 s). Struct hist has borders at all of these, so nothing is counted in a wrong one. */
#define OPENMETRICS_FIRST_BIT 14u
#define OPENMETRICS_LAST_BIT 34u

static const struct {
	const char *word, *classic, *suffix;
} openmetrics_types[] = {
	[OPENMETRICS_COUNTER] = { "counter", "counter", "_total" },
	[OPENMETRICS_GAUGE] = { "gauge", "gauge", "" },
	[OPENMETRICS_HISTOGRAM] = { "histogram", "histogram", "" },
	[OPENMETRICS_INFO] = { "info", "gauge", "_info" },
};

static bool openmetrics_ends(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);

	return length > n && !strcmp(name + length - n, end);
}

static void openmetrics_unit(struct openmetrics *m, const char *name)
{
	if (openmetrics_ends(name, "_seconds"))
		fprintf(m->out, "# UNIT %s seconds\n", name);
	else if (openmetrics_ends(name, "_bytes"))
		fprintf(m->out, "# UNIT %s bytes\n", name);
}

void openmetrics_family(struct openmetrics *m, const char *name, enum openmetrics_type type,
			const char *help)
{
	int length =
		snprintf(m->name, sizeof(m->name), "%s%s", name, openmetrics_types[type].suffix);

	CHECK((size_t)length < sizeof(m->name));
	CHECK(!strpbrk(help, "\\\"\n")); /* these would have to be escaped */
	m->labels = 0;
	if (m->classic) {
		fprintf(m->out, "# HELP %s %s\n# TYPE %s %s\n", m->name, help, m->name,
			openmetrics_types[type].classic);
		return;
	}
	fprintf(m->out, "# TYPE %s %s\n", name, openmetrics_types[type].word);
	openmetrics_unit(m, name);
	fprintf(m->out, "# HELP %s %s\n", name, help);
}

void openmetrics_keep(struct openmetrics *m, size_t n)
{
	CHECK(n <= m->labels);
	m->labels = n;
}

void openmetrics_label(struct openmetrics *m, const char *name, const char *value)
{
	CHECK(m->labels < OPENMETRICS_LABELS);
	m->label[m->labels++] = (struct openmetrics_label){ name, value };
}

/* Writes TEXT as the value of a label. */
static void openmetrics_value(const struct openmetrics *m, const char *text)
{
	char shown[OPENMETRICS_VALUE];

	for (const char *c = visible(shown, sizeof(shown), text); *c; c++) {
		if (*c == '\n') {
			fputs("\\n", m->out);
			continue;
		}
		if (*c == '\\' || *c == '"')
			fputc('\\', m->out);
		fputc(*c, m->out);
	}
}

/* Writes the name of a sample and its labels; LE is the label of a bucket, or NULL. */
static void openmetrics_begin(const struct openmetrics *m, const char *suffix, const char *le)
{
	const char *before = "{";

	fprintf(m->out, "%s%s", m->name, suffix);
	for (size_t i = 0; i < m->labels; i++) {
		fprintf(m->out, "%s%s=\"", before, m->label[i].name);
		openmetrics_value(m, m->label[i].value);
		fputc('"', m->out);
		before = ",";
	}
	if (le)
		fprintf(m->out, "%sle=\"%s\"", before, le);
	if (m->labels || le)
		fputc('}', m->out);
	fputc(' ', m->out);
}

/* Writes NS as seconds, exactly, without zeroes at the end: "0.000016384", "1.0". */
static const char *openmetrics_seconds(char buf[40], uint64_t ns)
{
	int length = snprintf(buf, 40, "%llu.%09llu", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC);

	while (buf[length - 1] == '0' && buf[length - 2] != '.')
		buf[--length] = '\0';
	return buf;
}

void openmetrics_count(struct openmetrics *m, uint64_t value)
{
	openmetrics_begin(m, "", NULL);
	fprintf(m->out, "%" PRIu64 "\n", value);
}

void openmetrics_time(struct openmetrics *m, uint64_t ns)
{
	char buf[40];

	openmetrics_begin(m, "", NULL);
	fprintf(m->out, "%s\n", openmetrics_seconds(buf, ns));
}

static void openmetrics_bucket(const struct openmetrics *m, const char *le, uint64_t count)
{
	openmetrics_begin(m, "_bucket", le);
	fprintf(m->out, "%" PRIu64 "\n", count);
}

/* Returns the values of H in the buckets from *AT on whose values are below END; *AT goes on. */
static uint64_t openmetrics_below(const struct hist *h, uint32_t *at, uint64_t end)
{
	uint32_t last = hist_bucket(end);
	uint64_t count = 0;

	for (; *at < last; ++*at)
		count += __atomic_load_n(&h->bucket[*at], __ATOMIC_RELAXED);
	return count;
}

void openmetrics_hist(struct openmetrics *m, const struct hist *h)
{
	uint64_t count = 0, half;
	char le[40], sum[40];
	uint32_t at = 0;

	for (unsigned bit = OPENMETRICS_FIRST_BIT; bit <= OPENMETRICS_LAST_BIT; bit++)
		for (half = 0; half < 2 && (!half || bit < OPENMETRICS_LAST_BIT); half++) {
			uint64_t end = (1ull << bit) + half * (1ull << (bit - 1));

			/* A bucket has the values below END, and "le" means at most. */
			count += openmetrics_below(h, &at, end);
			openmetrics_bucket(m, openmetrics_seconds(le, end - 1), count);
		}
	for (; at < HIST_BUCKETS; at++)
		count += __atomic_load_n(&h->bucket[at], __ATOMIC_RELAXED);
	openmetrics_bucket(m, "+Inf", count);
	openmetrics_begin(m, "_count", NULL);
	fprintf(m->out, "%" PRIu64 "\n", count);
	openmetrics_begin(m, "_sum", NULL);
	fprintf(m->out, "%s\n",
		openmetrics_seconds(sum, __atomic_load_n(&h->sum, __ATOMIC_RELAXED)));
}

void openmetrics_end(struct openmetrics *m)
{
	if (!m->classic)
		fputs("# EOF\n", m->out);
}
