/* SPDX-License-Identifier: Apache-2.0 */
/*
 * medium.c - reads the superblocks and segment headers of a store that nobody has open.
 *
 * It runs on the thread that checks, which owns the queue's loop, and owns struct medium.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/check/medium.h"

#define MEDIUM_DEPTH 64u

int medium_fetch(struct weir_queue *q, uint64_t offset, void *buf, size_t length)
{
	int err = 0;

	for (int n = 0; n < MEDIUM_TRIES; n++) {
		err = syncio_read(q, offset, buf, length);
		if (!err)
			break;
	}
	return err;
}

static enum super_state medium_decode_copy(struct medium *m, uint32_t n, uint64_t offset, void *buf)
{
	size_t bytes = superio_bytes(weir_device_get_info(weir_queue_device(m->q)));
	uint32_t version;

	if (medium_fetch(m->q, offset, buf, bytes))
		return SUPER_UNREADABLE;
	return super_decode(&m->copy[n].super, buf, n + 1, &version);
}

/* Reads copy N, which is at OFFSET, into BUF: once more if it is not valid, because a repair writes
 * over it. */
static void medium_read_copy(struct medium *m, uint32_t n, uint64_t offset, void *buf)
{
	const struct weir_device_info *info = weir_device_get_info(weir_queue_device(m->q));
	struct medium_copy *copy = &m->copy[n];

	copy->state = SUPER_NONE;
	copy->offset = offset;
	if (offset + superio_bytes(info) > info->capacity_bytes || (n && !offset))
		return;
	copy->state = medium_decode_copy(m, n, offset, buf);
	if (copy->state != SUPER_VALID && copy->state != SUPER_UNREADABLE)
		copy->state = medium_decode_copy(m, n, offset, buf);
}

/* Reads both copies, as an open does. The first one knows where the second one is, also if the
 * device has grown. But it may be another store's: then that one is at the end of the device. */
static void medium_find_copies(struct medium *m, void *buf)
{
	const struct weir_device_info *info = weir_device_get_info(weir_queue_device(m->q));
	uint64_t end = layout_second_copy(info->capacity_bytes), named = end;
	struct medium_copy was;

	medium_read_copy(m, 0, 0, buf);
	if (m->copy[0].state == SUPER_VALID)
		named = m->copy[0].super.layout.copy_offset[1];
	medium_read_copy(m, 1, named, buf);
	if (m->copy[1].state == SUPER_VALID || end == named)
		return;
	was = m->copy[1];
	medium_read_copy(m, 1, end, buf);
	if (m->copy[1].state != SUPER_VALID)
		m->copy[1] = was;
}

/* Does the same with memory of its own. Returns 0 or -ENOMEM. */
static int medium_read_copies(struct medium *m)
{
	void *buf;

	if (posix_memalign(&buf, 65536,
			   superio_bytes(weir_device_get_info(weir_queue_device(m->q)))))
		return -ENOMEM;
	medium_find_copies(m, buf);
	free(buf);
	return 0;
}

/* Returns the number of the copy that counts, or -1 and sets weir_error() if two valid ones belong
 * to two stores, and the headers do not tell which is this one. It counts as an open would. */
static int medium_choose(struct medium *m)
{
	const struct medium_copy *c = m->copy;
	bool one = c[0].state == SUPER_VALID, two = c[1].state == SUPER_VALID;
	int own;

	if (!one || !two)
		return one ? 0 : two ? 1 : -1;
	if (!memcmp(c[0].super.uuid, c[1].super.uuid, sizeof(c[0].super.uuid)))
		return c[1].super.revision > c[0].super.revision;
	own = superpick_run(m->q, &c[0].super, &c[1].super);
	return own < 0 ? -1 : own;
}

static void medium_place(struct syncio_many *many, uint64_t i, uint64_t *offset, size_t *length)
{
	const struct medium *m = many->user;

	*offset = layout_offset(m->lay, (uint32_t)i, 0);
	*length = m->lay->block_bytes;
}

/* Reads header I once more into BUF, and decodes its strikes. They stay damaged if the header is
 * another one now. */
static enum strikes_state medium_strikes_again(struct medium *m, uint32_t i, void *buf,
					       struct strikes *strikes)
{
	struct medium_segment *s = &m->seg[i];
	struct header h;

	if (medium_fetch(m->q, layout_offset(m->lay, i, 0), buf, m->lay->block_bytes)) {
		s->state = MEDIUM_UNREADABLE;
		return STRIKES_NONE;
	}
	if (!header_decode(&h, buf, i, &m->key, m->super.uuid) ||
	    generation_compare(h.gen, s->h.gen) != 0)
		return STRIKES_DAMAGED;
	return strikes_decode(strikes, buf, i, h.gen, &m->key);
}

/* Reads the strikes in header I at BUF. Returns 0 or -ENOMEM. */
static int medium_strikes(struct medium *m, uint32_t i, void *buf)
{
	struct medium_segment *s = &m->seg[i];
	struct strikes strikes;
	enum strikes_state state = strikes_decode(&strikes, buf, i, s->h.gen, &m->key);

	if (state == STRIKES_DAMAGED)
		state = medium_strikes_again(m, i, buf, &strikes);
	s->bad_strikes = state == STRIKES_DAMAGED;
	if (state != STRIKES_VALID)
		return 0;
	s->strikes = malloc(sizeof(strikes));
	if (!s->strikes)
		return -ENOMEM;
	*s->strikes = strikes;
	return 0;
}

/* Decodes the header at BUF, or returns false. One that does not verify is read once more, as a
 * link may have garbled it, and a repair frees the segment of a damaged one. */
static bool medium_decode(struct medium *m, uint32_t i, void *buf)
{
	struct medium_segment *s = &m->seg[i];
	uint32_t bytes = m->lay->block_bytes;
	bool valid = header_decode(&s->h, buf, i, &m->key, m->super.uuid);

	if (!valid && medium_fetch(m->q, layout_offset(m->lay, i, 0), buf, bytes)) {
		s->state = MEDIUM_UNREADABLE;
		return false;
	}
	valid = valid || header_decode(&s->h, buf, i, &m->key, m->super.uuid);
	valid = valid && s->h.stream < DISK_STREAMS;
	s->state = !valid ? MEDIUM_DAMAGED : s->h.state == DISK_USED ? MEDIUM_USED : MEDIUM_FREE;
	m->headers += valid;
	m->damaged += !valid;
	return valid;
}

static int medium_header(struct syncio_many *many, uint64_t i, void *buf, int result)
{
	struct medium *m = many->user;
	struct medium_segment *s = &m->seg[i];
	int err;

	s->out = super_is_out(&m->super, (uint32_t)i);
	s->aside = super_is_aside(&m->super, (uint32_t)i);
	if (result)
		result = medium_fetch(m->q, layout_offset(m->lay, (uint32_t)i, 0), buf,
				      m->lay->block_bytes);
	s->state = MEDIUM_UNREADABLE;
	if (result || !medium_decode(m, (uint32_t)i, buf))
		return 0;
	if (generation_compare(s->h.gen, m->newest) > 0)
		m->newest = s->h.gen;
	if (s->state != MEDIUM_USED || (s->out && !s->aside))
		return 0;
	err = medium_strikes(m, (uint32_t)i, buf);
	if (s->state == MEDIUM_USED)
		m->order[m->used++] = (uint32_t)i;
	return err;
}

static int medium_compare(const void *a, const void *b, void *user)
{
	const struct medium *m = user;
	const struct header *x = &m->seg[*(const uint32_t *)a].h;
	const struct header *y = &m->seg[*(const uint32_t *)b].h;

	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return generation_compare(x->gen, y->gen);
}

static int medium_headers(struct medium *m)
{
	struct syncio_many many = { .q = m->q,
				    .count = m->lay->segments,
				    .depth = MEDIUM_DEPTH,
				    .op = WEIR_OP_READ,
				    .place = medium_place,
				    .done = medium_header,
				    .user = m };
	int err;

	m->seg = calloc(m->lay->segments, sizeof(*m->seg));
	m->order = calloc(m->lay->segments, sizeof(*m->order));
	if (!m->seg || !m->order)
		return -ENOMEM;
	err = syncio_many(&many);
	qsort_r(m->order, m->used, sizeof(*m->order), medium_compare, m);
	return err;
}

static int medium_no_store(const struct medium *m, const char *path)
{
	enum super_state a = m->copy[0].state, b = m->copy[1].state;

	if (a == SUPER_VALID && b == SUPER_VALID)
		return error_set(-EBADMSG, "%s", weir_error());
	if (a == SUPER_VERSION || b == SUPER_VERSION)
		return error_set(-EPROTONOSUPPORT,
				 "%s: a weir store of another format version: use the weir that "
				 "made it",
				 path);
	if (a == SUPER_UNREADABLE || b == SUPER_UNREADABLE)
		return error_set(-EIO, "%s: no superblock copy can be read", path);
	if (a == SUPER_DAMAGED || b == SUPER_DAMAGED)
		return error_set(-EBADMSG, "%s: both superblock copies are damaged", path);
	return error_set(-EMEDIUMTYPE, "%s: not a weir store (%s makes one)", path,
			 error_name(ERROR_FORMAT));
}

static int medium_check_fit(const struct medium *m, const char *path)
{
	const struct weir_device_info *info = weir_device_get_info(weir_queue_device(m->q));

	if (m->super.incompat & ~DISK_INCOMPAT_KNOWN)
		return error_set(-EPROTONOSUPPORT,
				 "%s: the store uses features that this weir does not know: use a "
				 "newer one",
				 path);
	return layout_check_device(m->lay, path, info->capacity_bytes, info->logical_block_bytes);
}

int medium_read(struct medium *m, struct weir_queue *q)
{
	const char *path = weir_device_path(weir_queue_device(q));
	int best, err;

	memset(m, 0, sizeof(*m));
	m->q = q;
	if (medium_read_copies(m))
		return error_sys(-ENOMEM, "%s: reading the superblocks", path);
	best = medium_choose(m);
	if (best < 0)
		return medium_no_store(m, path);
	m->super = m->copy[best].super;
	m->lay = &m->super.layout;
	checksum_key_make(&m->key, m->super.uuid, m->super.secret, m->super.device_index);
	err = medium_check_fit(m, path);
	if (err)
		return err;
	err = medium_headers(m);
	return err ? error_sys(err, "%s: cannot read the segment headers", path) : 0;
}

void medium_free(struct medium *m)
{
	for (uint32_t n = 0; m->seg && n < m->lay->segments; n++)
		free(m->seg[n].strikes);
	free(m->seg);
	free(m->order);
	m->seg = NULL;
	m->order = NULL;
}
