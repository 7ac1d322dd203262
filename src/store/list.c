/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - lists every entry with its key, stream by stream in log order.
 *
 * Keys are only on the device, in the batch headers. The loop reads these window by window; each
 * step is an operation. It keeps the records to which the index still points. The calling thread
 * passes them to the callback between steps, so the callback may call the store. The calling thread
 * owns the request; the loop uses it during a step.
 *
 * Where a header is damaged or cannot be read, the listing goes on behind it, and counts the
 * entries that it cannot name (hidden.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/container.h"
#include "base/error.h"
#include "base/opts.h"
#include "store/hidden.h"
#include "store/parts.h"

#define LIST_WINDOW (512u << 10) /* large enough for the longest header */
#define LIST_READ (64u << 10)	 /* bytes of one read, unless a header is longer */
#define LIST_TRIES 3u		 /* of a read that fails; it says nothing about the bytes */
/* When so many blocks of a segment could not be read, the rest of it is not tried. */
#define LIST_UNREAD_MAX 16u

/* An entry for the caller. Behind it comes its key, padded to a multiple of 8. */
struct list_entry {
	uint64_t sequence;
	uint32_t length;
	uint16_t key_len;
	uint16_t stream;
};

static_assert(sizeof(struct list_entry) <= sizeof(struct disk_record),
	      "what was read as headers fits as entries");

struct list_req {
	struct inner_op inner; /* first */
	struct weir_store_op op;
	struct sio sio;
	uint32_t stream; /* the stream whose log is read */
	struct logpos at;
	struct segment *seg;
	uint8_t *window; /* LIST_WINDOW bytes, aligned */
	uint8_t *out;	 /* LIST_WINDOW bytes, aligned */
	size_t window_bytes, out_bytes;
	uint64_t need; /* set if a header is longer than the window */
	bool end;
	bool reread;	      /* the window was read once more, because a header did not verify */
	unsigned tries;	      /* reads of this window that failed */
	unsigned unread;      /* blocks of this segment that could not be read */
	bool passed;	      /* the step has failed, and the listing goes on behind the block */
	struct hidden hidden; /* of this device */
	const struct weir_list_opts *opts; /* the caller's */
	uint64_t listed;
	char why[ERROR_BYTES]; /* of the first block that could not be read */
};

/* Returns true if the key of R begins as the caller wants it. */
static bool list_wants(const struct weir_list_opts *opts, const struct batch_record *r)
{
	return r->key_len >= opts->prefix_len &&
	       (!opts->prefix_len || !memcmp(r->key, opts->prefix, opts->prefix_len));
}

static void list_add(struct weir_store *s, struct list_req *req, const struct batch_record *r)
{
	struct list_entry e = { r->sequence, r->length, r->key_len, (uint16_t)req->stream };
	uint64_t hash[2];
	struct index_value value;

	if (r->flags & DISK_TOMBSTONE || !list_wants(req->opts, r))
		return;
	checksum_identity(&s->io.key, r->key, r->key_len, hash);
	if (!logs_find(s->logs, hash, &value) ||
	    value.position != layout_position(s->io.lay, req->seg->number, r->block))
		return;
	CHECK(req->out_bytes + sizeof(e) + r->key_len <= LIST_WINDOW);
	memcpy(req->out + req->out_bytes, &e, sizeof(e));
	memcpy(req->out + req->out_bytes + sizeof(e), r->key, r->key_len);
	req->out_bytes += sizeof(e) + ((r->key_len + 7u) & ~7u);
}

/* Handles a place where no header verifies. A header is read once more first, because a drive or a
 * link may garble a read. Returns what list_batch() returns. */
static int64_t list_miss(struct weir_store *s, struct list_req *req)
{
	if (!req->hidden.open && !req->reread) {
		req->reread = true;
		s->reads.rereads++;
		return 0;
	}
	return hidden_miss(&req->hidden, req->at.block, false) ? -ENOMEM : 1;
}

/* Handles the batch at byte FROM of the window. Returns how many blocks to go on; 0: it needs
 * another window; -ENOMEM. */
static int64_t list_batch(struct weir_store *s, struct list_req *req, size_t from)
{
	struct checksum_place place = { req->seg->number, req->at.block, req->seg->gen };
	const uint8_t *buf = req->window + from;
	uint64_t left = (uint64_t)(req->seg->end - req->at.block) << s->io.lay->block_shift;
	struct batch_header h;
	struct batch_record r;
	uint32_t at = 0;
	uint64_t bytes;

	/* A batch beyond what was published is damaged: no window would ever hold it. */
	if (!batch_peek(buf, place, s->io.lay, &bytes) || bytes > LIST_WINDOW || bytes > left)
		return list_miss(s, req);
	if (bytes > req->window_bytes - from) {
		req->need = bytes;
		return 0;
	}
	if (!batch_decode(&h, buf, place, s->io.lay, &s->io.key))
		return list_miss(s, req);
	hidden_end_gap(&req->hidden, req->at.block);
	req->reread = false;
	while (batch_next(buf, &h, &at, &r))
		list_add(s, req, &r);
	return h.blocks;
}

/* Handles the window, which was read. Returns 0 or -ENOMEM. */
static int list_window(struct weir_store *s, struct list_req *req)
{
	size_t from = 0;
	int64_t blocks = 1;

	req->need = 0;
	req->tries = 0;
	while (blocks > 0 && from < req->window_bytes) {
		blocks = list_batch(s, req, from);
		if (blocks > 0) {
			req->at.block += (uint32_t)blocks;
			from += (size_t)blocks << s->io.lay->block_shift;
		}
	}
	return blocks < 0 ? -ENOMEM : 0;
}

/* Handles a read that failed with RESULT. It is tried again, without the blocks behind the header;
 * then the listing goes on behind it. Returns 0 or -errno. */
static int list_unread(struct weir_store *s, struct list_req *req, int result)
{
	int err = sio_error(result);

	if (err != -EIO || __atomic_load_n(&s->io.ring_lost, __ATOMIC_ACQUIRE))
		return err;
	if (++req->tries < LIST_TRIES)
		return 0;
	if (hidden_miss(&req->hidden, req->at.block, true))
		return -ENOMEM;
	req->tries = 0;
	req->need = 0;
	req->passed = true;
	req->at.block = ++req->unread < LIST_UNREAD_MAX ? req->at.block + 1 : req->seg->end;
	return err;
}

static void list_read_done(struct sio *sio, int result)
{
	struct list_req *req = container_of(sio, struct list_req, sio);
	struct weir_store *s = container_of(sio->store, struct weir_store, io);
	int err = result ? list_unread(s, req, result) : list_window(s, req);

	if (req->at.block >= req->seg->end) {
		hidden_end_gap(&req->hidden, req->at.block);
		hidden_count(&req->hidden, s->logs, s->io.lay, req->seg);
		req->unread = 0;
	}
	logs_unpin(req->seg);
	if (result && err == sio_error(result))
		words_note_io(&req->op, &sio->io);
	op_end(&s->io, &req->op, err);
}

/* Returns the segment to continue in, with its block in REQ->at. NULL: there are no more. */
static struct segment *list_segment(struct weir_store *s, struct list_req *req)
{
	struct generation was = req->at.gen;
	struct segment *seg = NULL;

	for (; !seg && req->stream < DISK_STREAMS; req->stream += !seg) {
		seg = logs_next_segment(s->logs, req->stream, &req->at);
		if (!seg)
			memset(&req->at, 0, sizeof(req->at));
	}
	if (seg && !generation_compare(seg->gen, was))
		return seg;
	/* If the segment before was not read to its end, it was reclaimed meanwhile. */
	hidden_forget(&req->hidden);
	req->tries = req->unread = 0;
	req->need = 0;
	req->reread = false;
	return seg;
}

static void list_step(struct weir_store *s, struct weir_store_op *op)
{
	struct list_req *req = op_priv(op)->private;
	const struct layout *l = s->io.lay;
	uint64_t left, length = req->tries ? l->block_bytes : LIST_READ;

	req->out_bytes = 0;
	req->passed = false;
	req->seg = list_segment(s, req);
	if (!req->seg) {
		req->end = true;
		op_end(&s->io, op, 0);
		return;
	}
	length = req->need > length ? req->need : length;
	left = (uint64_t)(req->seg->end - req->at.block) << l->block_shift;
	req->window_bytes = left < length ? left : length;
	CHECK(req->window_bytes <= LIST_WINDOW);
	logs_pin(req->seg);
	weir_io_read(&req->sio.io, layout_offset(l, req->seg->number, req->at.block), req->window,
		     req->window_bytes);
	sio_submit(&s->io, &req->sio, list_read_done);
}

static int list_hand_out(struct list_req *req, int (*fn)(const struct weir_store_entry *, void *),
			 void *user)
{
	const uint8_t *p = req->out;
	struct list_entry e;
	int err = 0;

	while (!err && p < req->out + req->out_bytes) {
		struct weir_store_entry entry = { .size = sizeof(entry) };

		memcpy(&e, p, sizeof(e));
		entry.key = p + sizeof(e);
		entry.key_len = e.key_len;
		entry.stream = e.stream;
		entry.value_len = e.length;
		entry.sequence = e.sequence;
		req->listed++;
		err = fn(&entry, user);
		p += sizeof(e) + ((e.key_len + 7u) & ~7u);
	}
	return err;
}

static int list_run(struct weir_store *s, struct list_req *req,
		    int (*fn)(const struct weir_store_entry *, void *), void *user)
{
	int err = 0;

	while (!err && !req->end) {
		err = op_post_inner(s, &req->op, &req->inner);
		if (err)
			return error_sys(err, "%s: cannot list its keys",
					 weir_device_path(s->io.dev));
		wait_op(s, &req->op);
		err = words_set(&s->io, &req->op);
		if (err && req->passed && !*req->why)
			snprintf(req->why, sizeof(req->why), "%s", weir_error());
		if (err && !req->passed)
			return error_set(err, "%s (while listing its keys)", weir_error());
		err = list_hand_out(req, fn, user);
	}
	return err;
}

/* Notes in RESULT what could not be listed of S, which is on one device: words, and -EIO if keys
 * could not be read, or -EBADMSG if only damaged headers hide keys. The first device counts. */
static void list_words(const struct weir_store *s, const struct list_req *req,
		       struct list_result *result)
{
	const struct hidden *h = &req->hidden;

	if (result->hides || (!h->unread && !h->damaged))
		return;
	result->hides = h->unread ? -EIO : -EBADMSG;
	if (h->unread)
		snprintf(result->words, sizeof(result->words),
			 "%s (while listing its keys): %llu keys are not listed because of such "
			 "reads, and %llu because batch headers are damaged",
			 req->why, (unsigned long long)h->unread, (unsigned long long)h->damaged);
	else
		snprintf(result->words, sizeof(result->words),
			 "%s: damaged batch headers hide %llu keys, which are not listed; a get of "
			 "such a key works. weir fsck names the places",
			 weir_device_path(s->io.dev), (unsigned long long)h->damaged);
}

static int list_part_run(struct weir_store *s, struct list_req *req,
			 int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
			 struct list_result *result)
{
	int err = list_run(s, req, fn, user);

	result->counts.listed += req->listed;
	result->counts.hidden += req->hidden.damaged;
	result->counts.unread += req->hidden.unread;
	if (!err)
		list_words(s, req, result);
	hidden_free(&req->hidden);
	return err;
}

/* Lists the entries of S, which is on one device. */
static int list_part(struct weir_store *s, const struct weir_list_opts *opts,
		     int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
		     struct list_result *result)
{
	struct list_req *req;
	void *window = NULL;
	int err;

	req = calloc(1, sizeof(*req));
	if (!req || posix_memalign(&window, s->io.pool.align, 2 * (size_t)LIST_WINDOW)) {
		free(req);
		return error_sys(-ENOMEM, "cannot list the keys");
	}
	req->inner.run = list_step;
	req->opts = opts;
	req->window = window;
	req->out = req->window + LIST_WINDOW;
	err = list_part_run(s, req, fn, user, result);
	free(window);
	free(req);
	return err;
}

static int list_check(struct weir_store *s, struct weir_list_opts *all,
		      const struct weir_list_opts *opts)
{
	int err = wait_allowed(s);

	if (!err)
		err = opts_copy(all, sizeof(*all), opts, opts ? opts->size : 0);
	if (!err && all->prefix_len > WEIR_KEY_MAX)
		err = error_set(-EINVAL, "a prefix of %u bytes: keys have at most %u",
				all->prefix_len, WEIR_KEY_MAX);
	if (!err && all->prefix_len && !all->prefix)
		err = error_set(-EINVAL, "a prefix of %u bytes at NULL", all->prefix_len);
	return err;
}

int list_all(struct weir_store *s, const struct weir_list_opts *opts,
	     int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
	     struct list_result *result)
{
	struct weir_list_opts all = WEIR_LIST_OPTS_INIT;
	struct weir_store *part;
	int err = list_check(s, &all, opts);
	uint32_t n;

	*result = (struct list_result){ .counts = WEIR_STORE_LIST_COUNTS_INIT };
	PARTS_FOREACH(s, part, n)
	if (!err)
		err = list_part(part, &all, fn, user, result);
	return err;
}

int weir_store_list(struct weir_store *s,
		    int (*fn)(const struct weir_store_entry *entry, void *user), void *user)
{
	return weir_store_list_counted(s, NULL, fn, user, NULL);
}

int weir_store_list_counted(struct weir_store *s, const struct weir_list_opts *opts,
			    int (*fn)(const struct weir_store_entry *entry, void *user), void *user,
			    struct weir_store_list_counts *counts)
{
	struct list_result result;
	int err = list_all(s, opts, fn, user, &result);
	int given =
		counts ? opts_give(counts, counts->size, &result.counts, sizeof(result.counts)) : 0;

	if (err || given)
		return err ? err : given;
	return result.hides ? error_set(result.hides, "%.511s", result.words) : 0;
}
