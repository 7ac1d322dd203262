/* SPDX-License-Identifier: Apache-2.0 */
/* learned_text.c - writes and reads what schedulers have learned. See learned_text.h. */
#include "queue/learned_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/error.h"
#include "base/nsec.h"

#define TEXT_VERSION 1u
/* Longer than what the most lanes have. */
#define TEXT_MAX (4u << 20)
#define TEXT_DEVICE 192u
#define TEXT_DAY (86400 * NSEC_PER_SEC)

/* Says which device it is, as far as this matters for its speed. The size of a file does not. */
static void text_device(const struct weir_device *dev, char *to)
{
	const struct weir_device_info *info = weir_device_get_info(dev);

	if (info->kind == WEIR_DEVICE_NULL)
		snprintf(to, TEXT_DEVICE, "%.100s, %" PRIu64 " bytes", weir_device_path(dev),
			 info->capacity_bytes);
	else if (info->kind == WEIR_DEVICE_FILE)
		snprintf(to, TEXT_DEVICE, "file on %u:%u, %s", info->dev_major, info->dev_minor,
			 info->direct ? "direct" : "buffered");
	else
		snprintf(to, TEXT_DEVICE, "%s %u:%u, %" PRIu64 " bytes",
			 info->kind == WEIR_DEVICE_BLOCK ? "block" : "nvme", info->dev_major,
			 info->dev_minor, info->capacity_bytes);
}

static void text_write_lane(FILE *out, uint32_t lane, const struct learned *l)
{
	if (!l->nr)
		return;
	fprintf(out, "lane %" PRIu32 " %u", lane, l->nr);
	for (unsigned i = 0; i < l->nr; i++)
		fprintf(out, " %" PRIu64, l->value[i]);
	fputc('\n', out);
}

static void text_write_all(FILE *out, const struct learned_text *t)
{
	char device[TEXT_DEVICE];

	text_device(t->device, device);
	fprintf(out, "weir-learned %u\nscheduler %s %" PRIu32 "\ndevice %s\n", TEXT_VERSION,
		t->ops->name, t->ops->state_version, device);
	fprintf(out, "lanes %" PRIu32 "\nsaved %" PRIu64 "\n", t->lanes,
		(uint64_t)(t->saved_ns / NSEC_PER_SEC));
	for (uint32_t i = 0; i < t->lanes; i++)
		text_write_lane(out, i, &t->lane[i]);
}

int learned_text_write(const struct learned_text *t, char **text, size_t *length)
{
	FILE *out = open_memstream(text, length);
	int lost = !out;

	if (out) {
		text_write_all(out, t);
		/* This sets *TEXT and *LENGTH. */
		lost = fflush(out);
		if (!lost)
			fprintf(out, "checksum %016" PRIx64 "\n",
				(uint64_t)XXH3_64bits(*text, *length));
		lost |= ferror(out);
		lost |= fclose(out);
		if (lost)
			free(*text);
	}
	return lost ? error_sys(-ENOMEM, "cannot write what the scheduler has learned") : 0;
}

static int text_damaged(const char *what)
{
	return error_set(-EINVAL, "the learned state is damaged: %s", what);
}

/* Moves *AT to the next line and returns this one, or NULL if there is none. */
static char *text_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

/* Returns what stands behind NAME and a blank in the next line, or NULL. */
static char *text_field(char **at, const char *name)
{
	size_t length = strlen(name);
	char *line = text_line(at);

	if (!line || strncmp(line, name, length) || line[length] != ' ')
		return NULL;
	return line + length + 1;
}

/* Reads a number of decimal digits and moves *AT behind it, and behind a blank. */
static bool text_number(char **at, uint64_t most, uint64_t *value)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*value = strtoull(*at, &end, 10);
	if (errno || *value > most || (*end && *end != ' '))
		return false;
	*at = end + (*end == ' ');
	return true;
}

/* Takes the line with the checksum off TEXT. Returns false if it is not that of what is before. */
static bool text_sum_is_right(char *text, size_t length)
{
	char expected[32], *line = length > 1 ? memrchr(text, '\n', length - 1) : NULL;

	if (!line)
		return false;
	line++;
	snprintf(expected, sizeof(expected), "checksum %016" PRIx64 "\n",
		 (uint64_t)XXH3_64bits(text, (size_t)(line - text)));
	if (strcmp(line, expected))
		return false;
	*line = '\0';
	return true;
}

static int text_read_scheduler(const struct learned_text *t, char **at)
{
	char *name = text_field(at, "scheduler"), *version = name ? strchr(name, ' ') : NULL;
	uint64_t n;

	if (!version)
		return text_damaged("no scheduler");
	*version++ = '\0';
	if (!text_number(&version, UINT32_MAX, &n))
		return text_damaged("no version of the scheduler");
	if (strcmp(name, t->ops->name))
		return error_set(-EINVAL, "the learned state is of %.32s, and the scheduler is %s",
				 name, t->ops->name);
	if (n != t->ops->state_version)
		return error_set(-EPROTONOSUPPORT,
				 "the learned state is version %" PRIu64 " of %s: this weir reads "
				 "version %" PRIu32,
				 n, name, t->ops->state_version);
	return 0;
}

static int text_read_device(const struct learned_text *t, char **at)
{
	char device[TEXT_DEVICE], *of = text_field(at, "device"), *lanes;
	uint64_t n;

	text_device(t->device, device);
	if (!of)
		return text_damaged("no device");
	if (strcmp(of, device))
		return error_set(-EINVAL, "the learned state is of another device: %.150s, not %s",
				 of, device);
	lanes = text_field(at, "lanes");
	if (!lanes || !text_number(&lanes, UINT32_MAX, &n))
		return text_damaged("no lanes");
	if (n != t->lanes)
		return error_set(-EINVAL,
				 "the learned state is of %" PRIu64 " lanes, and the queue has "
				 "%" PRIu32,
				 n, t->lanes);
	return 0;
}

static int text_read_age(struct learned_text *t, char **at)
{
	char *saved = text_field(at, "saved");
	uint64_t then, most = UINT64_MAX / NSEC_PER_SEC;

	if (!saved || !text_number(&saved, most, &then))
		return text_damaged("no time");
	then *= NSEC_PER_SEC;
	t->saved_ns = then;
	if (then > t->wall_ns && then - t->wall_ns > TEXT_DAY)
		return error_set(-ESTALE, "the learned state is from the future, or the clock is "
					  "wrong");
	if (t->wall_ns > then && t->wall_ns - then > WEIR_STATE_DAYS * TEXT_DAY)
		return error_set(-ESTALE,
				 "the learned state is %" PRIu64 " days old: %d is the most",
				 (uint64_t)((t->wall_ns - then) / TEXT_DAY), WEIR_STATE_DAYS);
	return 0;
}

static bool text_read_lane(const struct learned_text *t, char *at)
{
	struct learned *l;
	uint64_t lane, nr;

	if (!text_number(&at, t->lanes - 1, &lane) || !text_number(&at, SCHED_STATE_MAX, &nr))
		return false;
	l = &t->lane[lane];
	for (unsigned i = 0; i < nr; i++)
		if (!text_number(&at, UINT64_MAX, &l->value[i]))
			return false;
	l->nr = (unsigned)nr;
	return !*at && t->ops->valid(l->value, l->nr);
}

static int text_read_all(struct learned_text *t, char *at)
{
	int err = text_read_scheduler(t, &at);
	bool some = false;
	char *lane;

	if (!err)
		err = text_read_device(t, &at);
	if (!err)
		err = text_read_age(t, &at);
	while (!err && *at) {
		lane = text_field(&at, "lane");
		if (!lane || !text_read_lane(t, lane))
			err = text_damaged("the numbers of a lane");
		some = true;
	}
	return err || some ? err : text_damaged("no lane has numbers");
}

static int text_read_copy(struct learned_text *t, char *text, size_t length)
{
	char *at = text, *version;
	uint64_t n;

	/* What this version cannot read has another checksum, perhaps. */
	if (strncmp(text, "weir-learned ", strlen("weir-learned ")))
		return error_set(-EINVAL, "this is no learned state of a scheduler");
	version = at + strlen("weir-learned ");
	n = strtoull(version, NULL, 10);
	if (n && n != TEXT_VERSION)
		return error_set(-EPROTONOSUPPORT,
				 "the learned state has version %" PRIu64 ": this weir reads "
				 "version %u",
				 n, TEXT_VERSION);
	if (strlen(text) != length || !text_sum_is_right(text, length))
		return text_damaged("its checksum is wrong");
	(void)text_line(&at);
	return text_read_all(t, at);
}

int learned_text_read(struct learned_text *t, const char *text, size_t length)
{
	char *copy;
	int err;

	if (length > TEXT_MAX)
		return error_set(-EINVAL,
				 "this is no learned state of a scheduler: it is too long");
	copy = malloc(length + 1);
	if (!copy)
		return error_sys(-ENOMEM, "cannot read what a scheduler has learned");
	if (length)
		memcpy(copy, text, length);
	copy[length] = '\0';
	err = text_read_copy(t, copy, length);
	free(copy);
	return err;
}
