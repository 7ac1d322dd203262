/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find.c - reports what a check finds: counts it, and tells the program. It owns nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/check/find.h"

static void find_report(struct check *k, struct weir_finding *f, const char *fmt, va_list args)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, args);
	f->size = sizeof(*f);
	f->text = text;
	f->devices = k->m.super.device_count;
	if (!f->device) {
		f->device = k->m.super.device_index + 1;
		f->path = weir_device_path(weir_queue_device(k->q));
	}
	k->result->damage += f->damage;
	k->result->notes += !f->damage;
	k->result->unreadable += f->kind == WEIR_FINDING_UNREADABLE;
	k->result->order += f->kind == WEIR_FINDING_ORDER;
	if (k->opts->found)
		k->opts->found(k->opts->user, f);
	f->text = f->path = NULL;
}

/* Returns what the read at OFFSET that failed said; NULL: weir_error() is of another read by now.
 */
static const char *find_cause(uint64_t offset)
{
	char place[40];

	snprintf(place, sizeof(place), "read at 0x%llx+", (unsigned long long)offset);
	return strstr(weir_error(), place) ? weir_error() : NULL;
}

void find_segment(struct check *k, enum weir_finding_kind kind, enum find_damage damage,
		  struct find_place at, const char *fmt, ...)
{
	const struct layout *l = k->m.lay;
	const struct content_record *r = at.record;
	struct weir_finding f = {
		.kind = kind,
		.damage = damage,
		.segment = k->c.number,
		.block = at.block,
		.offset = layout_offset(l, k->c.number, at.block),
		.length = (uint64_t)at.blocks << l->block_shift,
	};
	va_list args;

	if (k->m.seg[f.segment].state == MEDIUM_USED)
		f.stream = k->m.seg[f.segment].h.stream;
	if (r) {
		memcpy(f.hash, r->e.hash, sizeof(f.hash));
		f.key = r->key;
		f.key_len = r->key ? r->e.key_len : 0;
	}
	if (kind == WEIR_FINDING_UNREADABLE)
		f.cause = find_cause(f.offset);
	va_start(args, fmt);
	find_report(k, &f, fmt, args);
	va_end(args);
}

void find_device(struct check *k, enum weir_finding_kind kind, enum find_damage damage,
		 uint64_t offset, const char *fmt, ...)
{
	struct weir_finding f = { .kind = kind,
				  .damage = damage,
				  .segment = WEIR_FINDING_NO_SEGMENT,
				  .offset = offset,
				  .length = DISK_SUPER_BYTES };
	va_list args;

	va_start(args, fmt);
	find_report(k, &f, fmt, args);
	va_end(args);
}

static void find_words(struct check *k, struct weir_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void find_words(struct check *k, struct weir_finding *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	find_report(k, f, fmt, args);
	va_end(args);
}

void find_absent(struct check *k, uint32_t n)
{
	struct weir_finding f = { .kind = WEIR_FINDING_ABSENT,
				  .segment = WEIR_FINDING_NO_SEGMENT,
				  .device = n + 1 };

	find_words(k, &f,
		   "the store has %u devices, and device %u was not named: it was not checked",
		   k->m.super.device_count, n + 1);
}

static const char *const find_names[WEIR_FINDING_KINDS] = {
	[0] = "none",
	[WEIR_FINDING_SUPERBLOCK] = "superblock",
	[WEIR_FINDING_HEADER] = "header",
	[WEIR_FINDING_STALE_HEADER] = "stale-header",
	[WEIR_FINDING_STREAM] = "stream",
	[WEIR_FINDING_FOOTER] = "footer",
	[WEIR_FINDING_BATCH] = "batch",
	[WEIR_FINDING_ENTRY] = "entry",
	[WEIR_FINDING_PAYLOAD] = "payload",
	[WEIR_FINDING_ORDER] = "order",
	[WEIR_FINDING_CONFLICT] = "conflict",
	[WEIR_FINDING_UNSEALED] = "unsealed",
	[WEIR_FINDING_UNREADABLE] = "unreadable",
	[WEIR_FINDING_OUT_OF_USE] = "out-of-use",
	[WEIR_FINDING_MISPLACED] = "misplaced",
	[WEIR_FINDING_ABSENT] = "absent",
};

const char *weir_finding_name(uint32_t kind)
{
	return kind < WEIR_FINDING_KINDS ? find_names[kind] : "unknown";
}
