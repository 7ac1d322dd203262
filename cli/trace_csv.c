/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_csv.c - reads MLPerf Storage's trace of a KV cache. A row is a read or a write of an
 * object on a tier (0 GPU, 1 memory, 2 NVMe); a header names the columns. An object becomes the
 * blocks that hold its bytes. One thread for each reader.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "cli/blockid.h"
#include "cli/trace_lines.h"
#include "text/text.h"

#define CSV_FIELDS 64
#define CSV_TIER "Tier-"
/* A client has memory for the ids of the largest object. */
#define CSV_BLOCKS_MAX (16u << 20)
/* An error message shows at most this many characters of a bad field. */
#define CSV_SHOWN 40

static const char *const csv_columns[TRACE_COLUMNS] = {
	[TRACE_TIMESTAMP] = "Timestamp",
	[TRACE_OPERATION] = "Operation",
	[TRACE_SIZE] = "Object_Size_Bytes",
	[TRACE_TIER] = "Tier",
	[TRACE_KEY] = "Key",
};

/*
 * Splits the first field off *AT and returns its text, with a NUL behind it. *AT moves behind the
 * comma, or becomes NULL after the last field. Returns NULL if the field has a quote that CSV does
 * not permit.
 */
static char *csv_field(char **at)
{
	char *from = *at, *to, *s;
	bool last;

	if (*from != '"') {
		s = from + strcspn(from, ",");
		to = s;
	} else {
		from++;
		for (to = s = from; *s && (*s != '"' || s[1] == '"'); s++) {
			s += *s == '"';
			*to++ = *s;
		}
		if (*s != '"' || (s[1] && s[1] != ','))
			return NULL;
		s++;
	}
	last = !*s;
	*to = '\0';
	*at = last ? NULL : s + 1;
	return from;
}

/* Splits the row TEXT. Returns the number of fields, or -EINVAL. */
static int csv_split(const struct trace_reader *r, char *text, char *fields[CSV_FIELDS])
{
	int n = 0;

	while (text) {
		if (n == CSV_FIELDS)
			return text_error(r->line, -EINVAL, "more than %d fields", CSV_FIELDS);
		fields[n] = csv_field(&text);
		if (!fields[n])
			return text_error(r->line, -EINVAL,
					  "field %d: a quoted field does not end on this line, or "
					  "text follows its closing quote",
					  n + 1);
		n++;
	}
	return n;
}

bool trace_csv_is_header(const char *text)
{
	return text[strspn(text, " \t")] != '{' && strstr(text, csv_columns[TRACE_SIZE]);
}

int trace_csv_header(struct trace_reader *r, char *text)
{
	char *fields[CSV_FIELDS];
	int n = csv_split(r, text, fields);

	if (n < 0)
		return n;
	r->columns = (size_t)n;
	for (size_t c = 0; c < TRACE_COLUMNS; c++) {
		size_t i = 0;

		while (i < r->columns && strcmp(fields[i], csv_columns[c]) != 0)
			i++;
		if (i == r->columns)
			return text_error(r->line, -EINVAL,
					  "the header has no column %s: it should be Timestamp,"
					  "Operation,Object_Size_Bytes,Tier,Key,Phase",
					  csv_columns[c]);
		r->at[c] = i;
	}
	return 0;
}

static int csv_bad(const struct trace_reader *r, enum trace_column c, const char *text,
		   const char *what)
{
	return text_error(r->line, -EINVAL, "%s: \"%.*s\" is not %s", csv_columns[c], CSV_SHOWN,
			  text, what);
}

static int csv_time(const struct trace_reader *r, const char *text, uint64_t *time_ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end)
		return csv_bad(r, TRACE_TIMESTAMP, text, "a number of seconds");
	return trace_time(r, csv_columns[TRACE_TIMESTAMP], seconds, time_ns);
}

static int csv_operation(const struct trace_reader *r, const char *text, enum trace_kind *kind)
{
	if (strcmp(text, "Read") != 0 && strcmp(text, "Write") != 0)
		return csv_bad(r, TRACE_OPERATION, text, "Read or Write");
	*kind = *text == 'R' ? TRACE_READ : TRACE_WRITE;
	return 0;
}

/* Computes the number of blocks that hold an object. The last block is stored whole. */
static int csv_blocks(const struct trace_reader *r, const char *text, size_t *blocks)
{
	uint64_t bytes, n;
	char block[32];

	if (parse_number(text, 0, UINT64_MAX, &bytes) < 0)
		return csv_bad(r, TRACE_SIZE, text, "a number of bytes");
	n = bytes / r->opts->block_bytes + (bytes % r->opts->block_bytes != 0);
	if (n > CSV_BLOCKS_MAX)
		return text_error(r->line, -EINVAL,
				  "%s: %" PRIu64 " bytes are more than %u blocks of %s; a larger "
				  "--block-bytes makes fewer",
				  csv_columns[TRACE_SIZE], bytes, CSV_BLOCKS_MAX,
				  format_size(r->opts->block_bytes, block, sizeof(block)));
	*blocks = (size_t)n;
	return 0;
}

static int csv_tier(const struct trace_reader *r, const char *text, bool *played)
{
	size_t len = strlen(CSV_TIER);
	unsigned tier = TRACE_TIERS;

	if (!strncmp(text, CSV_TIER, len) && text[len] && !text[len + 1])
		tier = (unsigned)(unsigned char)text[len] - '0';
	if (tier >= TRACE_TIERS)
		return csv_bad(r, TRACE_TIER, text, "Tier-0, Tier-1 or Tier-2");
	*played = r->opts->tiers >> tier & 1;
	return 0;
}

int trace_csv_line(struct trace_reader *r, char *text)
{
	struct trace_object object = { 0 };
	char *fields[CSV_FIELDS];
	bool played = false;
	const char *key;
	int n = csv_split(r, text, fields);
	int err;

	if (n < 0)
		return n;
	if ((size_t)n != r->columns)
		return text_error(r->line, -EINVAL, "%d fields, but the header has %zu", n,
				  r->columns);
	key = fields[r->at[TRACE_KEY]];
	err = csv_time(r, fields[r->at[TRACE_TIMESTAMP]], &object.time_ns);
	if (!err)
		err = csv_operation(r, fields[r->at[TRACE_OPERATION]], &object.kind);
	if (!err)
		err = csv_blocks(r, fields[r->at[TRACE_SIZE]], &object.blocks);
	if (!err)
		err = csv_tier(r, fields[r->at[TRACE_TIER]], &played);
	if (!err && !*key)
		err = csv_bad(r, TRACE_KEY, key, "the name of an object");
	r->trace->skipped += !err && !played;
	if (err || !played)
		return err;
	object.id = blockid_text(key, strlen(key));
	return trace_add_object(r->trace, &object);
}
