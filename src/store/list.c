/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - lists every entry with its key, stream by stream in log order.
 *
 * Keys are only on the device, in the batch headers. The loop reads these window by window; each
 * step is an operation. It keeps the records to which the index still points. The calling thread
 * passes them to the callback between steps, so the callback may call the store. The calling thread
 * owns the request; the loop uses it during a step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/container.h"
#include "base/error.h"
#include "store/parts.h"

#define LIST_WINDOW (512u << 10) /* large enough for the longest header */
#define LIST_READ (64u << 10)	 /* bytes of one read, unless a header is longer */

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
};

static void list_add(struct weir_store *s, struct list_req *req, const struct batch_record *r)
{
	struct list_entry e = { r->sequence, r->length, r->key_len, (uint16_t)req->stream };
	uint64_t hash[2];
	struct index_value value;

	checksum_identity(&s->io.key, r->key, r->key_len, hash);
	if (r->flags & DISK_TOMBSTONE || !logs_find(s->logs, hash, &value) ||
	    value.position != layout_position(s->io.lay, req->seg->number, r->block))
		return;
	CHECK(req->out_bytes + sizeof(e) + r->key_len <= LIST_WINDOW);
	memcpy(req->out + req->out_bytes, &e, sizeof(e));
	memcpy(req->out + req->out_bytes + sizeof(e), r->key, r->key_len);
	req->out_bytes += sizeof(e) + ((r->key_len + 7u) & ~7u);
}

/* Handles the batch at byte FROM of the window. Returns how many blocks to go on; 0: it needs
 * another window. */
static uint32_t list_batch(struct weir_store *s, struct list_req *req, size_t from)
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
		return 1;
	if (bytes > req->window_bytes - from) {
		req->need = bytes;
		return 0;
	}
	if (!batch_decode(&h, buf, place, s->io.lay, &s->io.key))
		return 1;
	while (batch_next(buf, &h, &at, &r))
		list_add(s, req, &r);
	return h.blocks;
}

static void list_read_done(struct sio *sio, int result)
{
	struct list_req *req = container_of(sio, struct list_req, sio);
	struct weir_store *s = container_of(sio->store, struct weir_store, io);
	size_t from = 0;
	uint32_t blocks;

	req->need = 0;
	while (!result && from < req->window_bytes) {
		blocks = list_batch(s, req, from);
		if (!blocks)
			break;
		req->at.block += blocks;
		from += (size_t)blocks << s->io.lay->block_shift;
	}
	logs_unpin(req->seg);
	if (result)
		words_note_io(&req->op, &sio->io);
	op_end(&s->io, &req->op, result ? sio_error(result) : 0);
}

/* Returns the segment to continue in, with its block in REQ->at. NULL: there are no more. */
static struct segment *list_segment(struct weir_store *s, struct list_req *req)
{
	struct segment *seg;

	for (; req->stream < DISK_STREAMS; req->stream++) {
		seg = logs_next_segment(s->logs, req->stream, &req->at);
		if (seg)
			return seg;
		memset(&req->at, 0, sizeof(req->at));
	}
	return NULL;
}

static void list_step(struct weir_store *s, struct weir_store_op *op)
{
	struct list_req *req = op_priv(op)->private;
	const struct layout *l = s->io.lay;
	uint64_t left, length = req->need > LIST_READ ? req->need : LIST_READ;

	req->out_bytes = 0;
	req->seg = list_segment(s, req);
	if (!req->seg) {
		req->end = true;
		op_end(&s->io, op, 0);
		return;
	}
	left = (uint64_t)(req->seg->end - req->at.block) << l->block_shift;
	req->window_bytes = left < length ? left : length;
	CHECK(req->window_bytes <= LIST_WINDOW);
	logs_pin(req->seg);
	weir_io_read(&req->sio.io, layout_offset(l, req->seg->number, req->at.block), req->window,
		     req->window_bytes);
	sio_submit(&s->io, &req->sio, list_read_done);
}

static int list_hand_out(const struct list_req *req,
			 int (*fn)(const struct weir_store_entry *, void *), void *user)
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
		if (err)
			return error_set(err, "%s (while listing its keys)", weir_error());
		err = list_hand_out(req, fn, user);
	}
	return err;
}

/* Lists the entries of S, which is on one device. */
static int list_part(struct weir_store *s,
		     int (*fn)(const struct weir_store_entry *entry, void *user), void *user)
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
	req->window = window;
	req->out = req->window + LIST_WINDOW;
	err = list_run(s, req, fn, user);
	free(window);
	free(req);
	return err;
}

int weir_store_list(struct weir_store *s,
		    int (*fn)(const struct weir_store_entry *entry, void *user), void *user)
{
	struct weir_store *part;
	int err = wait_allowed(s);
	uint32_t n;

	PARTS_FOREACH(s, part, n)
	if (!err)
		err = list_part(part, fn, user);
	return err;
}
