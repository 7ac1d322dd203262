/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split.c - splits an io into commands within the device's limits.
 *
 * An io keeps a cursor (in its io_priv: `cursor`, and `iov_index` and `iov_skip` into its pieces of
 * memory); each call makes one request of the next part. Memory that the device cannot take (an
 * address or a piece that is not aligned) is replaced by a bounce buffer for that part.
 *
 * Owns the bounce buffers, from split_next() until split_unbounce(). The lane's owner.
 */
#include "queue/lane/split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "queue/lane/queue.h"
#include "queue/lane/registered.h"

/* One discard or write-zeroes command has at most so many bytes: their number in sectors fits,
 * and other commands get a turn. */
#define SPLIT_RANGE_MAX (1ull << 30)

/* Bounce buffers suit every device that we know: the largest memory alignment is a page. */
#define SPLIT_BOUNCE_ALIGN 4096u

static bool split_has_data(const struct weir_io *io)
{
	return io->op == WEIR_OP_READ || io->op == WEIR_OP_WRITE;
}

/* Returns the length beyond which the scheduler has IO cut, at least a block. */
static uint64_t split_wanted(const struct lane *lane, const struct weir_io *io)
{
	struct sched *s = lane->sched;
	uint64_t block = lane->q->info->physical_block_bytes, wanted;
	struct sched_rq like;

	if (!s->ops->longest || (io->flags & WEIR_IO_NOWAIT))
		return UINT64_MAX;
	like.op = io->op;
	like.flags = split_flags(io);
	like.ioprio = io_priv(io)->prio;
	like.submitter = io_priv(io)->account;
	wanted = s->ops->longest(s, &like);
	block = block > lane->q->block_mask ? block : lane->q->block_mask + 1;
	return wanted < block ? block : wanted;
}

uint64_t split_longest(const struct lane *lane, const struct weir_io *io)
{
	const struct weir_queue *q = lane->q;
	uint64_t discard = q->info->discard_max_bytes & ~(uint64_t)q->block_mask;
	uint64_t longest = SPLIT_RANGE_MAX, wanted = split_wanted(lane, io);

	if (split_has_data(io))
		longest = __atomic_load_n(&q->max_io_bytes, __ATOMIC_RELAXED);
	else if (io->op == WEIR_OP_DISCARD && discard && discard < SPLIT_RANGE_MAX)
		longest = discard;
	return wanted < longest ? wanted : longest;
}

/* Shortens a part of at most LENGTH bytes so that it ends on a physical block if it can, else on
 * a logical one. Returns its length; 0: not even one block fits. */
static uint64_t split_trim(const struct weir_queue *q, const struct weir_io *io, uint64_t length)
{
	uint64_t start = io->offset + io_priv(io)->cursor, end = start + length, physical;

	if (io_priv(io)->cursor + length == io->length)
		return length;
	physical = end - end % q->info->physical_block_bytes;
	if (physical > start && !(physical & q->block_mask))
		return physical - start;
	end &= ~(uint64_t)q->block_mask;
	return end > start ? end - start : 0;
}

/*
 * Walks the pieces of IO from its cursor over at most LIMIT bytes and max_segments pieces.
 * Returns how many bytes of it the device can take as they are, 0 if memory is not aligned.
 */
static uint64_t split_aligned_run(const struct weir_queue *q, const struct weir_io *io,
				  uint64_t limit)
{
	uint32_t index = io_priv(io)->iov_index, n = 0;
	uint64_t run = 0, skip = io_priv(io)->iov_skip;
	/* If addresses need no alignment, lengths need none either. */
	size_t length_mask = q->memory_mask ? q->block_mask : 0;

	for (; run < limit && n < q->max_segments; index++, skip = 0) {
		uint64_t left = io->iov[index].iov_len - skip;
		uint64_t take = left < limit - run ? left : limit - run;

		if (!take)
			continue;
		if ((((uintptr_t)io->iov[index].iov_base + skip) & q->memory_mask) ||
		    (take & length_mask))
			return 0;
		run += take;
		n++;
	}
	return run;
}

/* Returns how many of LIMIT bytes from the cursor of IO on are in the first of several
 * registered buffers, or LIMIT. Memory that goes on from one buffer into the next gets a part
 * for each, so that each is a registered command. An io that must not wait is split only where
 * it must be. */
static uint64_t split_registered_part(const struct lane *lane, const struct weir_io *io,
				      uint64_t limit)
{
	const struct weir_queue *q = lane->q;
	char *base = (char *)io->buf + io_priv(io)->cursor;
	uint64_t part;

	if (io->flags & WEIR_IO_NOWAIT)
		return limit;
	if (io->iovcnt) {
		const struct iovec *piece = &io->iov[io_priv(io)->iov_index];

		if (piece->iov_len - io_priv(io)->iov_skip < limit)
			return limit; /* several pieces are no registered command */
		base = (char *)piece->iov_base + io_priv(io)->iov_skip;
	}
	if (registered_find(lane, base, limit) >= 0)
		return limit;
	part = registered_border(lane, base, limit);
	return (part & q->block_mask) || ((uintptr_t)(base + part) & q->memory_mask) ? limit : part;
}

bool split_whole(const struct lane *lane, const struct weir_io *io)
{
	const struct weir_queue *q = lane->q;

	if (io_priv(io)->cursor || io->length > split_longest(lane, io))
		return false;
	if (!split_has_data(io))
		return true;
	if (lane->registered.nr && split_registered_part(lane, io, io->length) < io->length)
		return false;
	if (!io->iovcnt)
		return !((uintptr_t)io->buf & q->memory_mask);
	for (uint32_t i = 0; i < io->iovcnt; i++)
		if (!io->iov[i].iov_len)
			return false;
	return split_aligned_run(q, io, io->length) == io->length;
}

/* Moves the cursor of IO over LENGTH bytes and stores their pieces in OUT unless that is NULL.
 * Returns how many pieces there were. */
static uint32_t split_advance(struct weir_io *io, uint64_t length, struct iovec *out)
{
	uint32_t n = 0;

	io_priv(io)->cursor += length;
	while (length) {
		const struct iovec *piece = &io->iov[io_priv(io)->iov_index];
		uint64_t left = piece->iov_len - io_priv(io)->iov_skip;
		uint64_t take = left < length ? left : length;

		if (take && out)
			out[n++] = (struct iovec){ (char *)piece->iov_base + io_priv(io)->iov_skip,
						   take };
		length -= take;
		io_priv(io)->iov_skip += take;
		if (io_priv(io)->iov_skip == piece->iov_len) {
			io_priv(io)->iov_index++;
			io_priv(io)->iov_skip = 0;
		}
	}
	return n;
}

/* Copies LENGTH bytes between BOUNCE and the memory of IO from its byte CURSOR on. */
static void split_copy(struct weir_io *io, uint64_t cursor, char *bounce, uint64_t length,
		       bool to_io)
{
	struct iovec whole = { io->buf, io->length };
	const struct iovec *piece = io->iovcnt ? io->iov : &whole;

	for (; length; piece++) {
		uint64_t left = piece->iov_len > cursor ? piece->iov_len - cursor : 0;
		uint64_t take = left < length ? left : length;

		if (take && to_io)
			memcpy((char *)piece->iov_base + cursor, bounce, take);
		else if (take)
			memcpy(bounce, (char *)piece->iov_base + cursor, take);
		cursor = cursor > piece->iov_len ? cursor - piece->iov_len : 0;
		bounce += take;
		length -= take;
	}
}

static int split_bounce(struct lane *lane, struct weir_io *io, struct request *rq, uint64_t length)
{
	size_t size = (length + SPLIT_BOUNCE_ALIGN - 1) & ~(size_t)(SPLIT_BOUNCE_ALIGN - 1);

	CHECK(!rq->bounce);
	rq->bounce = aligned_alloc(SPLIT_BOUNCE_ALIGN, size);
	if (!rq->bounce)
		return -ENOMEM;
	rq->bounce_cursor = io_priv(io)->cursor;
	if (io->op == WEIR_OP_WRITE)
		split_copy(io, io_priv(io)->cursor, rq->bounce, length, false);
	rq->one = (struct iovec){ rq->bounce, length };
	rq->cmd.iov = &rq->one;
	rq->cmd.iovcnt = 1;
	if (io->iovcnt)
		(void)split_advance(io, length, NULL);
	else
		io_priv(io)->cursor += length;
	hist_add(&lane->stats->bounced, 1);
	return 0;
}

void split_unbounce(struct request *rq, struct weir_io *io)
{
	if (io->op == WEIR_OP_READ && !rq->cmd.result)
		split_copy(io, rq->bounce_cursor, rq->bounce, rq->cmd.length, true);
	split_drop(rq);
}

void split_drop(struct request *rq)
{
	free(rq->bounce);
	rq->bounce = NULL;
}

/* Returns the length of the next part with data, at most LIMIT. *ALIGNED says whether the device
 * can take its memory as it is. */
static inline uint64_t split_length(const struct lane *lane, const struct weir_io *io,
				    uint64_t limit, bool *aligned)
{
	const struct weir_queue *q = lane->q;
	uint64_t part = lane->registered.nr ? split_registered_part(lane, io, limit) : limit;
	uint64_t run;

	if (!io->iovcnt) {
		*aligned = !(((uintptr_t)io->buf + io_priv(io)->cursor) & q->memory_mask);
		return part < limit ? part : split_trim(q, io, limit);
	}
	run = split_aligned_run(q, io, part);
	if (run != part || part == limit)
		run = split_trim(q, io, run);
	*aligned = run;
	return run ? run : split_trim(q, io, limit);
}

/* Gives RQ the memory of the next part: sets cmd.iov and cmd.length, and moves the cursor. */
static int split_memory(struct lane *lane, struct weir_io *io, struct request *rq, uint64_t limit)
{
	bool aligned;

	rq->cmd.length = split_length(lane, io, limit, &aligned);
	if (!aligned)
		return split_bounce(lane, io, rq, rq->cmd.length);
	if (io->iovcnt) {
		rq->cmd.iov = rq->pieces;
		rq->cmd.iovcnt = split_advance(io, rq->cmd.length, rq->pieces);
		CHECK(rq->cmd.iovcnt <= lane->q->max_segments);
		CHECK(io_priv(io)->cursor <= io->length);
		return 0;
	}
	rq->one = (struct iovec){ (char *)io->buf + io_priv(io)->cursor, rq->cmd.length };
	rq->cmd.iov = &rq->one;
	rq->cmd.iovcnt = 1;
	io_priv(io)->cursor += rq->cmd.length;
	return 0;
}

uint64_t split_parts(const struct lane *lane, const struct weir_io *io, uint64_t most)
{
	const struct weir_queue *q = lane->q;
	uint64_t n = 0, longest = split_longest(lane, io);
	/* The whole io is not copied: a thread that waits for it changes its `state` meanwhile. */
	struct weir_io rest = { .op = io->op,
				.flags = io->flags,
				.offset = io->offset,
				.length = io->length,
				.buf = io->buf, /* or iov, which shares its place */
				.iovcnt = io->iovcnt };
	bool aligned;

	io_priv(&rest)->cursor = io_priv(io)->cursor;
	io_priv(&rest)->iov_index = io_priv(io)->iov_index;
	io_priv(&rest)->iov_skip = io_priv(io)->iov_skip;
	if (io->length <= longest && io->iovcnt <= q->max_segments)
		return 1;
	for (; io_priv(&rest)->cursor < rest.length && n <= most; n++) {
		uint64_t left = rest.length - io_priv(&rest)->cursor;
		uint64_t limit = left < longest ? left : longest;

		if (!split_has_data(io))
			io_priv(&rest)->cursor += split_trim(q, &rest, limit);
		else if (rest.iovcnt)
			(void)split_advance(&rest, split_length(lane, &rest, limit, &aligned),
					    NULL);
		else
			io_priv(&rest)->cursor += split_length(lane, &rest, limit, &aligned);
	}
	return n;
}

static void split_describe(struct weir_io *io, struct request *rq, uint64_t offset, bool passes_fua)
{
	/* Parts of an io that was split are not merged, so that an io is in one request or has
	 * each of its requests to itself. Nor is a part whose memory is a copy. */
	bool alone = (io->flags & (WEIR_IO_NOMERGE | WEIR_IO_PREFLUSH)) || io_priv(io)->step ||
		     rq->cmd.length < io->length || rq->bounce;

	rq->rq.sector = offset >> SCHED_SECTOR_SHIFT;
	rq->rq.nr_sectors = (uint32_t)(rq->cmd.length >> SCHED_SECTOR_SHIFT);
	rq->rq.submitter = io_priv(io)->account;
	rq->rq.ioprio = io_priv(io)->prio;
	rq->rq.op = io->op;
	rq->rq.flags = split_flags(io) | (alone ? SCHED_RQ_NOMERGE : 0);
	rq->rq.ctx = io_priv(io)->ctx;
	rq->cmd.offset = offset;
	rq->cmd.op = io->op;
	rq->cmd.fua = passes_fua && (io->flags & WEIR_IO_FUA) &&
		      (io->op == WEIR_OP_WRITE || io->op == WEIR_OP_WRITE_ZEROES);
	rq->cmd.prio = io_priv(io)->prio;
	rq->cmd.placement = io->placement;
	rq->cmd.result = 0;
	rq->cmd.status = 0;
	rq->cmd.resubmits = 0;
	rq->submit_ns = io_priv(io)->start_ns;
}

int split_next(struct lane *lane, struct weir_io *io, struct request *rq)
{
	uint64_t offset = io->offset + io_priv(io)->cursor;
	uint64_t left = io->length - io_priv(io)->cursor, limit = split_longest(lane, io);
	int err = 0;

	if (limit > left)
		limit = left;
	rq->cmd.iov = NULL;
	rq->cmd.iovcnt = 0;
	rq->cmd.buf_index = -1;
	if (split_has_data(io)) {
		err = split_memory(lane, io, rq, limit);
	} else {
		rq->cmd.length = split_trim(lane->q, io, limit);
		io_priv(io)->cursor += rq->cmd.length;
	}
	if (err)
		return err;
	split_describe(io, rq, offset, lane->q->passes_fua);
	rq->rq.deadline_ns = split_deadline(lane, io);
	if (rq->cmd.iovcnt == 1 && lane->registered.nr)
		rq->cmd.buf_index =
			registered_find(lane, rq->cmd.iov->iov_base, rq->cmd.iov->iov_len);
	rq->registered = rq->cmd.buf_index >= 0;
	return 0;
}
