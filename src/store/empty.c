/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty.c - finds out whether a file or device is empty, before it is formatted.
 *
 * A file tells which parts of it have data, and the rest is zeroes. A device does not tell, so
 * parts of it are read that lie evenly over the whole. This file runs on the thread that formats,
 * and owns the list of what is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/parse.h"
#include "store/empty.h"
#include "store/format/format.h"
#include "store/io/io.h"
#include "store/signature.h"

/* So much data is read as a whole. Of more data, so much at each end, and so many places. */
#define EMPTY_WHOLE (256ull << 20)
#define EMPTY_END (1ull << 20)
#define EMPTY_PLACES 1024u
#define EMPTY_PLACE_BYTES 4096u
#define EMPTY_DEPTH 32u
/* A file in more parts than this is treated like one whose last part has all the rest. */
#define EMPTY_PARTS 65536u

struct empty_part {
	uint64_t offset, length;
};

struct empty {
	struct weir_queue *q;
	const struct weir_device_info *info;
	const char *path;
	int fd; /* for questions, and for libblkid, which cannot use direct I/O; -1: none */
	struct empty_part *data; /* the parts that may have data, in their order */
	uint32_t parts;
	bool holes; /* the rest is holes of a file */
	uint64_t data_bytes;
	uint64_t step;		  /* bytes of the smallest read, and what reads are aligned to */
	struct empty_part *reads; /* what is read of them */
	uint32_t count;
	uint32_t places;  /* of these, the small ones between the ends; 0: everything is read */
	char looked[160]; /* what was looked at, in words */
};

/* Adds the bytes from FROM to TO, rounded to what direct I/O can read. */
static void empty_add_data(struct empty *e, uint64_t from, uint64_t to)
{
	struct empty_part *last = e->parts ? &e->data[e->parts - 1] : NULL;

	from -= from % e->step;
	to = (to + e->step - 1) / e->step * e->step;
	if (to > e->info->capacity_bytes)
		to = e->info->capacity_bytes;
	if (last && from <= last->offset + last->length) {
		if (to > last->offset + last->length) {
			e->data_bytes += to - last->offset - last->length;
			last->length = to - last->offset;
		}
		return;
	}
	CHECK(e->parts < EMPTY_PARTS && from <= to);
	if (from == to)
		return;
	e->data[e->parts++] = (struct empty_part){ from, to - from };
	e->data_bytes += to - from;
}

/* Finds the parts of a file that have data. Returns false if the filesystem does not tell. */
static bool empty_ask_file(struct empty *e)
{
	off_t at = 0, end;

	while (e->parts < EMPTY_PARTS - 1) {
		at = lseek(e->fd, at, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO; /* no more data */
		end = lseek(e->fd, at, SEEK_HOLE);
		if (end <= at)
			return false;
		empty_add_data(e, (uint64_t)at, (uint64_t)end);
		at = end;
	}
	empty_add_data(e, (uint64_t)at, e->info->capacity_bytes);
	return true;
}

static int empty_find_data(struct empty *e)
{
	e->data = calloc(EMPTY_PARTS, sizeof(*e->data));
	if (!e->data)
		return -ENOMEM;
	e->holes = e->info->kind == WEIR_DEVICE_FILE && e->fd >= 0 && empty_ask_file(e);
	if (e->holes)
		return 0;
	e->parts = 0;
	e->data_bytes = 0;
	empty_add_data(e, 0, e->info->capacity_bytes);
	return 0;
}

/* Adds reads for LENGTH bytes of data, from byte AT of all the data on. *PART and *BEFORE, the data
 * before it, go forward with AT. */
static void empty_add_reads(struct empty *e, uint64_t at, uint64_t length, uint32_t *part,
			    uint64_t *before)
{
	while (length && *part < e->parts) {
		const struct empty_part *p = &e->data[*part];
		uint64_t skip = at - *before, take = p->length - skip;

		if (skip >= p->length) {
			*before += p->length;
			(*part)++;
			continue;
		}
		take = take > length ? length : take;
		take = take > EMPTY_END ? EMPTY_END : take;
		e->reads[e->count++] = (struct empty_part){ p->offset + skip, take };
		at += take;
		length -= take;
	}
}

/* Decides what is read. */
static int empty_plan(struct empty *e)
{
	uint64_t whole = e->data_bytes <= EMPTY_WHOLE ? e->data_bytes : 0, before = 0;
	uint64_t between = e->data_bytes - 2 * EMPTY_END, at;
	uint32_t part = 0, n;

	/* A read is cut at the end of a part and after EMPTY_END bytes. */
	e->reads = calloc(e->parts + EMPTY_WHOLE / EMPTY_END + EMPTY_PLACES + 4, sizeof(*e->reads));
	if (!e->reads)
		return -ENOMEM;
	empty_add_reads(e, 0, whole ? whole : EMPTY_END, &part, &before);
	if (whole || !e->data_bytes)
		return 0;
	e->places = EMPTY_PLACES;
	for (n = 0; n < EMPTY_PLACES; n++) {
		at = EMPTY_END + between / EMPTY_PLACES * n;
		empty_add_reads(e, at - at % e->step, e->step, &part, &before);
	}
	at = e->data_bytes - EMPTY_END;
	empty_add_reads(e, at - at % e->step, EMPTY_END, &part, &before);
	return 0;
}

/* Says in words what is looked at. SIGNATURES: libblkid could look too. */
static void empty_say(struct empty *e, bool signatures)
{
	const char *and = signatures ? ", and the signatures that libblkid knows" : "";
	char size[32];

	format_size(e->data_bytes, size, sizeof(size));
	if (e->places)
		snprintf(e->looked, sizeof(e->looked),
			 "1 MiB at both ends of %s and 4 KiB at %u places between%s", size,
			 e->places, and);
	else
		snprintf(e->looked, sizeof(e->looked), "all %s %s%s", size,
			 e->holes ? "that are not holes" : "of it", and);
}

static void empty_place(struct syncio_many *many, uint64_t i, uint64_t *offset, size_t *length)
{
	const struct empty *e = many->user;

	CHECK(i < e->count);
	*offset = e->reads[i].offset;
	*length = (size_t)e->reads[i].length;
}

/* Refuses to go on: WHAT was found. */
static int empty_refuse(const struct empty *e, const char *what)
{
	return error_set(-EEXIST, "%s: %s: use %s to destroy what is there (looked at %s)", e->path,
			 what, error_name(ERROR_FORCE), e->looked);
}

static int empty_look(struct syncio_many *many, uint64_t i, void *buf, int result)
{
	const struct empty *e = many->user;
	const uint8_t *bytes = buf;
	char what[80];

	if (result)
		return error_set(result, "%s (while checking that it is empty)", weir_error());
	for (uint64_t n = 0; n < e->reads[i].length; n++) {
		if (!bytes[n])
			continue;
		snprintf(what, sizeof(what), "not empty (byte %llu is not zero)",
			 (unsigned long long)e->reads[i].offset + n);
		return empty_refuse(e, what);
	}
	return 0;
}

static int empty_read(struct empty *e)
{
	struct syncio_many many = { .q = e->q,
				    .count = e->count,
				    .depth = EMPTY_DEPTH,
				    .op = WEIR_OP_READ,
				    .place = empty_place,
				    .done = empty_look,
				    .user = e };

	return syncio_many(&many);
}

/* Refuses a device that begins or ends like a store: libblkid does not know these. */
static int empty_check_store(const struct empty *e)
{
	struct super super;
	struct superio_found found;
	int err = superio_read(e->q, &super, &found);

	if (err == -ENOMEM)
		return err;
	return !err || err == -EPROTONOSUPPORT || err == -EBADMSG || err == -ENODATA
		       ? empty_refuse(e, "holds a weir store")
		       : 0;
}

static int empty_check_signature(struct empty *e)
{
	char name[48], what[64];
	int found = e->fd < 0 ? -EOPNOTSUPP : signature_find(e->fd, name, sizeof(name));

	if (found == -ENOMEM)
		return error_sys(found, "%s: cannot find out whether it is empty", e->path);
	empty_say(e, found >= 0);
	if (found <= 0)
		return 0;
	snprintf(what, sizeof(what), "holds %s", name);
	return empty_refuse(e, what);
}

static int empty_run(struct empty *e)
{
	int err = empty_find_data(e);

	if (!err)
		err = empty_plan(e);
	if (err)
		return error_sys(err, "%s: cannot find out whether it is empty", e->path);
	err = empty_check_signature(e);
	if (!err)
		err = empty_check_store(e);
	return err ? err : empty_read(e);
}

int empty_check(struct weir_queue *q)
{
	struct weir_device *dev = weir_queue_device(q);
	struct empty e = { .q = q,
			   .info = weir_device_get_info(dev),
			   .path = weir_device_path(dev) };
	int err;

	e.step = e.info->logical_block_bytes > EMPTY_PLACE_BYTES ? e.info->logical_block_bytes
								 : EMPTY_PLACE_BYTES;
	/* An NVMe character device can be neither seeked nor read. */
	e.fd = e.info->kind == WEIR_DEVICE_NVME_CHAR ? -1 : open(e.path, O_RDONLY | O_CLOEXEC);
	err = empty_run(&e);
	if (e.fd >= 0)
		close(e.fd);
	free(e.data);
	free(e.reads);
	return err;
}
