/* SPDX-License-Identifier: Apache-2.0 */
/* iolog_lines.c - parses the lines of blkparse, fio and MSR Cambridge. See iolog_lines.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/nsec.h"
#include "sim/iolog_lines.h"

#define FIELDS_MAX 16
#define SECTOR 512u
/* A longer read or write can only come from a damaged line. */
#define LENGTH_MAX (1ull << 30)

/*
 * Splits LINE at the characters in SEPARATORS; several blanks count as one. Returns the number of
 * fields.
 */
static int fields_split(char *line, const char *separators, char **field)
{
	int n = 0;

	for (char *part; n < FIELDS_MAX && (part = strsep(&line, separators));)
		if (*part || *separators == ',')
			field[n++] = part;
	return n;
}

/* Sets weir_error(): field number N (from 1), named WHAT, is not what MEANT says. */
static int field_wrong(struct iolog_reader *r, int n, const char *what, const char *text,
		       const char *meant)
{
	return text_error(&r->text, -EINVAL, "field %d (%s): \"%.40s\" is not %s", n, what, text,
			  meant);
}

static int field_number(struct iolog_reader *r, int n, const char *what, const char *text,
			uint64_t *out)
{
	uint64_t value = 0;

	for (const char *c = text; *c; c++)
		if (*c < '0' || *c > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return field_wrong(r, n, what, text, "a whole number of 64 bits");
	if (!*text)
		return field_wrong(r, n, what, text, "a whole number of 64 bits");
	*out = value;
	return 0;
}

/* Reads offset and length of IO, in units of UNIT bytes. */
static int field_place(struct iolog_reader *r, int n, char **field, uint64_t unit, int length_at,
		       struct iolog_io *io)
{
	int err = field_number(r, n + 1, "offset", field[n], &io->offset);

	if (!err)
		err = field_number(r, length_at + 1, "length", field[length_at], &io->length);
	if (err)
		return err;
	if (io->offset > INT64_MAX / 2 / unit)
		return field_wrong(r, n + 1, "offset", field[n], "below 4 EiB");
	if (io->length > (io->op == IOLOG_TRIM ? INT64_MAX / 2 : LENGTH_MAX) / unit)
		return field_wrong(r, length_at + 1, "length", field[length_at],
				   io->op == IOLOG_TRIM ? "below 4 EiB" : "1 GiB or less");
	io->offset *= unit;
	io->length *= unit;
	return 0;
}

static int line_short(struct iolog_reader *r, int n, int least)
{
	return text_error(&r->text, -EINVAL,
			  "only %d fields of at least %d: the line is incomplete", n, least);
}

/* Adds the io of a line, unless it has no bytes. */
static int line_done(struct iolog_reader *r, struct iolog_io io)
{
	return io.length || io.op == IOLOG_FLUSH ? iolog_add(r, io) : 0;
}

static bool fio2_is(const char *line)
{
	return !strncmp(line, "fio version 2 iolog", 19);
}

static bool fio3_is(const char *line)
{
	return !strncmp(line, "fio version 3 iolog", 19);
}

static bool word_in(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words))
		words++;
	return *words;
}

/*
 * Parses the fields behind FILE. FIELD holds the N of them; BEFORE fields precede those in the
 * line. IO already has its time.
 */
static int fio_action(struct iolog_reader *r, char **field, int n, int before, struct iolog_io io)
{
	static const char *const ignored[] = { "add", "open", "close", NULL };
	static const char *const flushes[] = { "sync", "datasync", NULL };
	static const char *const moves[] = { "read", "write", "trim", NULL };
	const int action = before + 1;
	int err;

	if (n < action + 1)
		return line_short(r, n, action + 1);
	if (word_in(field[action], ignored))
		return 0;
	(void)iolog_stream(r, "", "iolog");
	if (word_in(field[action], flushes)) {
		io.op = IOLOG_FLUSH;
		return iolog_add(r, io);
	}
	if (!word_in(field[action], moves))
		return field_wrong(r, action + 1, "action", field[action],
				   "add, open, close, read, write, trim, sync, datasync or, in "
				   "version 2, wait");
	if (n < action + 3)
		return line_short(r, n, action + 3);
	io.op = field[action][0] == 'r'	  ? IOLOG_READ
		: field[action][0] == 'w' ? IOLOG_WRITE
					  : IOLOG_TRIM;
	err = field_place(r, action + 1, field, 1, action + 2, &io);
	return err ? err : line_done(r, io);
}

/* Parses "FILE ACTION OFFSET LENGTH" or "FILE wait TIME". */
static int fio2_line(struct iolog_reader *r, char *line)
{
	struct iolog_io io = { .time_ns = r->waited };
	char *field[FIELDS_MAX];
	uint64_t wait = 0;
	int n, err;

	if (fio2_is(line))
		return 0;
	n = fields_split(line, " \t", field);
	if (n < 2 || strcmp(field[1], "wait"))
		return fio_action(r, field, n, 0, io);
	if (n < 3)
		return line_short(r, n, 3);
	err = field_number(r, 3, "time to wait", field[2], &wait);
	if (!err && __builtin_add_overflow(r->waited, wait, &r->waited))
		return field_wrong(r, 3, "time to wait", field[2], "less than a year");
	r->log->timed = true;
	return err;
}

/* Parses "TIME FILE ACTION OFFSET LENGTH". */
static int fio3_line(struct iolog_reader *r, char *line)
{
	struct iolog_io io = { .offset = 0 };
	char *field[FIELDS_MAX];
	int n, err;

	if (fio3_is(line))
		return 0;
	n = fields_split(line, " \t", field);
	err = field_number(r, 1, "time", field[0], &io.time_ns);
	return err ? err : fio_action(r, field, n, 1, io);
}

#define MSR_HEADING "Timestamp,Hostname,DiskNumber,Type,"

static bool msr_heading_is(const char *line)
{
	return !strncasecmp(line, MSR_HEADING, strlen(MSR_HEADING));
}

static bool msr_is(const char *line)
{
	for (int commas = 0; commas < 3; commas++) {
		line = strchr(line, ',');
		if (!line++)
			return false;
	}
	return !strncasecmp(line, "read,", 5) || !strncasecmp(line, "write,", 6);
}

/* Parses "TIMESTAMP,HOST,DISK,TYPE,OFFSET,BYTES,RESPONSE". */
static int msr_line(struct iolog_reader *r, char *line)
{
	struct iolog_io io = { .offset = 0 };
	char *field[FIELDS_MAX], name[2 * IOLOG_NAME_MAX];
	int n = fields_split(line, ",", field), err;

	if (n < 6)
		return line_short(r, n, 6);
	err = field_number(r, 1, "timestamp", field[0], &io.time_ns);
	if (err)
		return err;
	if (!strcasecmp(field[3], "write"))
		io.op = IOLOG_WRITE;
	else if (strcasecmp(field[3], "read"))
		return field_wrong(r, 4, "type", field[3], "Read or Write");
	err = field_place(r, 4, field, 1, 5, &io);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%.48s.%.12s", field[1], field[2]);
	io.stream = iolog_stream(r, name, name);
	return line_done(r, io);
}

/* Returns true if WORD looks like "8,0". */
static bool blk_device_is(const char *word)
{
	size_t digits = strspn(word, "0123456789");
	size_t more = digits && word[digits] == ',' ? strspn(word + digits + 1, "0123456789") : 0;
	char end = (char)(more ? word[digits + 1 + more] : 'x');

	return end == '\0' || end == ' ' || end == '\t';
}

/* Parses "SECONDS.NANOSECONDS". */
static int blk_time(struct iolog_reader *r, char *text, uint64_t *out)
{
	static const char what[] = "time", meant[] = "seconds with up to 9 digits behind the point";
	size_t whole = strspn(text, "0123456789");
	const char *digits = text[whole] == '.' ? text + whole + 1 : "";
	size_t nr = strspn(digits, "0123456789");
	uint64_t seconds = 0, ns = 0;
	char end = text[whole];

	if (!whole || whole > 10 || (end && (end != '.' || nr > 9 || digits[nr])))
		return field_wrong(r, 4, what, text, meant);
	for (size_t i = 0; i < 9; i++)
		ns = 10 * ns + (i < nr ? (uint64_t)(digits[i] - '0') : 0);
	text[whole] = '\0';
	if (field_number(r, 4, what, text, &seconds))
		return -EINVAL;
	*out = seconds * NSEC_PER_SEC + ns;
	return 0;
}

/*
 * Parses R, W or D with flags. Returns false if the event is not an io but another kind of
 * command.
 */
static bool blk_kind(const char *rwbs, struct iolog_io *io, bool *flush)
{
	const char *at = strpbrk(rwbs, "RWD");

	/* An F before the letter means a flush before the data; an F behind it means FUA. */
	*flush = *rwbs == 'F';
	io->op = IOLOG_FLUSH;
	if (!at)
		return *flush;
	io->op = *at == 'R' ? IOLOG_READ : *at == 'W' ? IOLOG_WRITE : IOLOG_TRIM;
	if (*at == 'W' && strchr(at, 'F'))
		io->flags |= IOLOG_FUA;
	if (*at == 'W' && !strchr(at, 'S') && !strchr(rwbs, 'F'))
		io->flags |= IOLOG_BACKGROUND;
	return true;
}

/* Parses an io. FIELD: 5 pid, 6 action, 7 RWBS, 8 sector, 9 "+", 10 sectors, [process]. */
static int blk_io(struct iolog_reader *r, char **field, int n, struct iolog_io io)
{
	char name[IOLOG_NAME_MAX];
	struct iolog_io first = io;
	bool flush, place = n >= 10 && !strcmp(field[8], "+");
	const char *process = field[n - 1];
	uint64_t pid;
	int err = field_number(r, 5, "process", field[4], &pid);

	if (err)
		return err;
	if (field[6][strspn(field[6], "ABDEFMNPRSWX")])
		return field_wrong(r, 7, "RWBS", field[6], "letters as RWDFNASMB");
	if (!blk_kind(field[6], &io, &flush))
		return 0;
	if (place)
		err = field_place(r, 7, field, SECTOR, 9, &io);
	else if (!flush)
		return text_error(&r->text, -EINVAL,
				  "\"sector + number\" is missing behind \"%.20s\"", field[6]);
	snprintf(name, sizeof(name), "%.20s %.40s", field[4], *process == '[' ? process : "");
	io.stream = first.stream = iolog_stream(r, field[4], name);
	first.op = IOLOG_FLUSH;
	if (!err && flush)
		err = iolog_add(r, first);
	return !err && io.op != IOLOG_FLUSH ? line_done(r, io) : err;
}

static bool blk_is(const char *line)
{
	return blk_device_is(line);
}

/*
 * Parses "DEVICE CPU SEQUENCE TIME PID ACTION RWBS ...". A summary follows the last event; it
 * begins with CPU0.
 */
static int blk_line(struct iolog_reader *r, char *line)
{
	struct iolog_io io = { .offset = 0 };
	char *field[FIELDS_MAX] = { line };
	int n, err;

	if (!strncmp(line, "CPU", 3) || !strncmp(line, "Total (", 7))
		return 1;
	n = fields_split(line, " \t", field);
	if (!blk_device_is(field[0]))
		return field_wrong(r, 1, "device", field[0], "major,minor, as 8,0");
	if (n < 6)
		return line_short(r, n, 6);
	err = blk_time(r, field[3], &io.time_ns);
	if (err)
		return err;
	if (strcmp(field[5], "Q") && (strcmp(field[5], "D") || r->queued))
		return 0;
	if (n < 7)
		return line_short(r, n, 7);
	if (*field[5] == 'Q' && !r->queued) {
		iolog_forget(r);
		r->queued = true;
	}
	return blk_io(r, field, n, io);
}

/* In version 3, fio 3.33 writes and reads times in microseconds. */
const struct iolog_format iolog_formats[] = {
	{ .is = fio2_is, .line = fio2_line, .tick_ns = NSEC_PER_USEC, .timeless = true },
	{ .is = fio3_is, .line = fio3_line, .tick_ns = NSEC_PER_USEC },
	{ .is = msr_heading_is, .line = msr_line, .tick_ns = 100, .heading = true },
	{ .is = msr_is, .line = msr_line, .tick_ns = 100 },
	{ .is = blk_is, .line = blk_line, .tick_ns = 1 },
	{ .is = NULL },
};
