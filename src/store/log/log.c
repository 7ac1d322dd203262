/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - makes, asks, counts and frees the logs of a store, one for each stream.
 *
 * Operations that come in during one pass of the loop are gathered and become pending together at
 * its end, so that many small records share a write. This file owns struct logs and struct log,
 * except their members that are structs of other files. It runs on the loop's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/check.h"
#include "store/format/policy.h"
#include "store/log/logs.h"

static void log_init(struct log *l, struct logs *ls, uint32_t stream)
{
	l->all = ls;
	l->io = ls->io;
	l->stream = stream;
	l->weight = LOG_WEIGHT_ONE;
	segments_init_log(&l->segs);
	STAILQ_INIT(&l->batches);
	op_list_init(&l->pending);
	op_list_init(&l->survivors);
	for (uint32_t i = 0; i < PREPARE_AHEAD_MAX; i++) {
		job_init(&l->begin[i], l);
		l->begin[i].awaited = true;
	}
	job_init(&l->seal, l);
	/* Everything on the device is published. It counts as durable only after a flush since this
	 * open. */
	flush_mark_add(ls->io, &l->mark, (struct logpos){ { ls->io->super.epoch, 0 }, 0 });
}

int logs_make(struct logs *ls, uint32_t n)
{
	CHECK(n <= DISK_STREAMS);
	while (ls->count < n) {
		struct log *l = calloc(1, sizeof(*l));

		if (!l || tally_make(&ls->io->tally, ls->count)) {
			free(l);
			return -ENOMEM;
		}
		log_init(l, ls, ls->count);
		ls->log[ls->count++] = l;
	}
	ls->ahead_max = prepare_ahead_max(ls);
	return 0;
}

struct logs *logs_new(struct store_io *io, uint64_t batch_bytes)
{
	const struct weir_device_info *info = weir_device_get_info(io->dev);
	struct logs *ls = calloc(1, sizeof(*ls));

	if (!ls)
		return NULL;
	ls->io = io;
	/* Holes in a file would be lost as space when they are needed again. */
	ls->discards = info->kind != WEIR_DEVICE_FILE && info->discard_max_bytes;
	ls->batch_bytes =
		batch_bytes < io->lay->segment_bytes ? batch_bytes : io->lay->segment_bytes;
	op_list_init(&ls->arrived);
	TAILQ_INIT(&ls->reclaims);
	room_init(&ls->room, 0);
	if (segments_init(&ls->segs, io->lay->segments) || index_init(&ls->index) ||
	    pins_init(&ls->pins, io->lay->capacity_bytes / 4) || logs_make(ls, io->super.streams)) {
		logs_free(ls);
		return NULL;
	}
	return ls;
}

int logs_remember(struct logs *ls, const struct weir_store_opts *opts)
{
	return leave_init(&ls->leave, opts);
}

int logs_ration(struct logs *ls)
{
	return seen_init(&ls->seen);
}

void logs_free(struct logs *ls)
{
	if (!ls)
		return;
	CHECK(TAILQ_EMPTY(&ls->reclaims));
	for (uint32_t i = 0; i < ls->count; i++)
		free(ls->log[i]);
	segments_free(&ls->segs);
	pins_free(&ls->pins);
	index_free(&ls->index);
	leave_free(&ls->leave);
	seen_free(&ls->seen);
	weir_fdp_free(ls->fdp);
	free(ls);
}

int logs_forget(struct logs *ls)
{
	flush_marks_forget(ls->io);
	for (uint32_t i = 0; i < ls->count; i++)
		free(ls->log[i]);
	ls->count = 0;
	segments_free(&ls->segs);
	memset(&ls->segs, 0, sizeof(ls->segs));
	index_free(&ls->index);
	CHECK(!ls->sequence);
	return segments_init(&ls->segs, ls->io->lay->segments) || index_init(&ls->index) ||
			       logs_make(ls, ls->io->super.streams)
		       ? -ENOMEM
		       : 0;
}

void logs_recovered(struct logs *ls, uint64_t sequence)
{
	struct log *l;
	uint32_t i;

	CHECK(sequence > 0 && ls->io->super.epoch > 0);
	ls->sequence = sequence;
	ls->segs.epoch = ls->io->super.epoch;
	LOGS_FOREACH(ls, l, i)
	l->mark.published = (struct logpos){ { ls->segs.epoch, 0 }, 0 };
}

struct log *logs_of_stream(struct logs *ls, uint32_t stream)
{
	CHECK(stream < ls->count);
	return ls->log[stream];
}

struct segments *logs_segments(struct logs *ls)
{
	return &ls->segs;
}

/* Makes all operations of this pass of the loop pending. This is a task, so it is the first event
 * of the next pass. */
static void logs_gather(struct weir_task *task)
{
	struct logs *ls = container_of(task, struct logs, gather);
	struct weir_store_op *op;

	io_check_owner(ls->io);
	CHECK(ls->gather_posted);
	ls->gather_posted = false;
	while ((op = op_list_pop(&ls->arrived))) {
		CHECK(op_priv(op)->log < ls->count);
		op_list_add(&ls->log[op_priv(op)->log]->pending, op);
		log_ask(ls->log[op_priv(op)->log]);
	}
	ls->io->turn(ls->io);
}

void logs_append(struct logs *ls, struct weir_store_op *op)
{
	CHECK(op->kind == WEIR_STORE_PUT || op->kind == WEIR_STORE_DELETE);
	keys_add_pending(&ls->keys, op, keys_choose_log(ls, op));
	op_list_add(&ls->arrived, op);
	if (ls->gather_posted)
		return;
	ls->gather_posted = true;
	ls->gather.fn = logs_gather;
	weir_queue_post(ls->io->q, 0, &ls->gather);
}

struct weir_store_op *log_pop(struct log *l)
{
	struct weir_store_op *op = op_list_pop(&l->pending);

	if (op)
		keys_remove_pending(&l->all->keys, op);
	return op;
}

void logs_begin_round(struct logs *ls)
{
	uint32_t all = (uint32_t)((1ull << ls->count) - 1);

	ls->round = ls->io->asking & all;
	ls->admits = ls->io->admits & all;
	ls->io->asking = ls->io->admits = 0;
}

void logs_set_policy(struct logs *ls, uint32_t policy, uint32_t percent)
{
	const struct super *super = &ls->io->super;

	ls->policy = policy ? policy : super->policy;
	ls->rewrite_percent = percent ? percent : super->rewrite_percent;
}

void logs_get_policy(const struct logs *ls, uint32_t *policy, uint32_t *percent)
{
	uint64_t budget = policy_budget(ls->policy, ls->rewrite_percent, 100, 0);

	*policy = ls->policy ? ls->policy : WEIR_POLICY_CLOCK;
	*percent = (uint32_t)budget;
}

void logs_set_room(struct logs *ls, uint64_t max)
{
	room_init(&ls->room, max);
}

void logs_set_closing(struct logs *ls)
{
	ls->closing = true;
}

static bool log_busy(const struct log *l)
{
	return l->jobs || l->pending.first || !STAILQ_EMPTY(&l->batches) ||
	       (!l->io->broken && !TAILQ_EMPTY(&l->segs.sealing));
}

bool logs_busy(const struct logs *ls)
{
	const struct log *l;
	uint32_t i;

	if (ls->gather_posted || ls->pass.posted)
		return true;
	LOGS_FOREACH(ls, l, i)
	if (log_busy(l))
		return true;
	return false;
}

bool logs_close(struct logs *ls)
{
	struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	if (l->segs.open) {
		segment_close(l->segs.open);
		log_ask(l);
	}
	return ls->io->asking;
}

void logs_pin(struct segment *seg)
{
	segment_pin(seg);
}

void logs_unpin(struct segment *seg)
{
	if (segment_unpin(seg))
		log_ask(seg->log);
}

/* Does what logs_next_segment() says, among the segments in LIST. */
static struct segment *log_next_in(const struct segment_list *list, struct logpos *at)
{
	struct segment *seg;
	int order;

	TAILQ_FOREACH(seg, list, link) {
		order = generation_compare(seg->gen, at->gen);
		if (order > 0)
			*at = (struct logpos){ seg->gen, 1 };
		if (order >= 0 && at->block < seg->end)
			return seg;
	}
	return NULL;
}

struct segment *logs_next_segment(const struct logs *ls, uint32_t stream, struct logpos *at)
{
	struct segment *seg;

	if (stream >= ls->count)
		return NULL;
	seg = log_next_in(&ls->log[stream]->segs.aside, at);
	return seg ? seg : log_next_in(&ls->log[stream]->segs.list, at);
}

/* Counts what lives in segments that are set aside. */
static void logs_count_aside(const struct logs *ls, struct log_counts *counts)
{
	const struct segment *seg;
	const struct log *l;
	uint32_t i;

	LOGS_FOREACH(ls, l, i)
	TAILQ_FOREACH(seg, &l->segs.aside, link) {
		counts->aside_segments++;
		counts->aside_bytes += seg->live_bytes;
	}
}

void logs_count(const struct logs *ls, struct log_counts *counts)
{
	const struct layout *lay = ls->io->lay;

	*counts = (struct log_counts){ .entries = ls->index.entries,
				       .live_bytes = ls->index.live_bytes,
				       .index_bytes = ls->index.bytes,
				       .ghost_bytes = leave_bytes(ls),
				       .evicted_entries = ls->evicted_entries,
				       .evicted_segments = ls->evicted_segments,
				       .damaged_entries = ls->damaged_entries,
				       .survivors = ls->survivors,
				       .survivor_bytes = ls->survivor_bytes,
				       .writing_bytes = ls->room.bytes,
				       .put_waits = ls->room.waits,
				       .refused = ls->refused,
				       .refused_bytes = ls->refused_bytes,
				       .background_reclaims = ls->marks.ahead,
				       .inline_reclaims = ls->marks.in_line,
				       .space_wait = &ls->marks.wait,
				       .segments = ls->segs.count,
				       .free_segments = ls->segs.free_count,
				       .sealed_bytes = ls->segs.sealed * lay->segment_bytes,
				       .unused_bytes = ls->segs.unused << lay->block_shift };
	logs_count_aside(ls, counts);
}

uint32_t logs_used_segments(const struct logs *ls, uint32_t stream)
{
	return stream < ls->count ? ls->log[stream]->segs.used : 0;
}

void logs_describe(const struct logs *ls, uint32_t stream, struct weir_store_stream *info)
{
	const struct log *l = ls->log[stream];

	*info = (struct weir_store_stream){
		.size = sizeof(*info),
		.placement = l->placement.placed ? l->placement.id : -1,
		.sharing = log_placement_sharing(l),
		.segments = l->segs.used,
		.entries = l->entries,
		.live_bytes = l->live_bytes,
		.written_bytes = l->written_bytes,
		.evicted_segments = l->evicted_segments,
		.share = le32toh(ls->io->super.stream[stream].share),
	};
}
