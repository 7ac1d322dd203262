/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conflict.c - settles conflicts: keys that recovery finds alive in two logs.
 *
 * A key moves to another log only after it was deleted in the first one. A power cut can lose that
 * tombstone and keep what was put after it. Then the record with the higher sequence number counts.
 * The older record must not come back when the newer one is evicted or deleted. So it is struck in
 * the footer of its segment before the store is used. From then on it counts as a tombstone,
 * because the log may contain even older records of the key before it.
 *
 * Striking writes to a footer in place, and the footer is valid at any moment. If a power cut could
 * damage it, a walk of the segment would bring back entries that were struck earlier, and batches
 * that failed. A recovery that is interrupted finds the same conflict again, or none.
 *
 * Logs are read one after another. What a log says about a key that lives in an earlier log is kept
 * in a table until the end of the log: usually a tombstone follows. Footers are read again to
 * settle conflicts; those in which an entry was struck stay in memory until everything has been
 * read; strike.c writes them then. This file owns the two small tables and these footers. It runs
 * on the thread of the recovery.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "store/recover/conflict.h"

static int conflict_init_tables(struct conflict *c)
{
	return index_init(&c->here) || index_init(&c->there) ? -ENOMEM : 0;
}

int conflict_init(struct conflict *c, struct store_io *io, struct logs *ls)
{
	memset(c, 0, sizeof(*c));
	SLIST_INIT(&c->footers);
	c->io = io;
	c->ls = ls;
	return conflict_init_tables(c);
}

static void conflict_free_tables(struct conflict *c)
{
	index_free(&c->here);
	index_free(&c->there);
	free(c->marked);
	c->marked = NULL;
}

void conflict_drop(struct conflict *c, struct conflict_footer *f)
{
	SLIST_REMOVE(&c->footers, f, conflict_footer, link);
	bufpool_put(&c->io->pool, f->buf, f->bytes);
	free(f);
}

void conflict_free(struct conflict *c)
{
	conflict_free_tables(c);
	while (!SLIST_EMPTY(&c->footers))
		conflict_drop(c, SLIST_FIRST(&c->footers));
}

int conflict_set(struct conflict *c, const struct log *l, const uint64_t hash[2],
		 const struct index_value *value)
{
	const struct log *other = entries_log(c->ls, hash);

	if (other && other != l)
		return index_set(&c->here, hash, value);
	return entries_set(c->ls, hash, value);
}

void conflict_remove(struct conflict *c, const struct log *l, const uint64_t hash[2])
{
	struct index_value old;

	if (entries_log(c->ls, hash) == l)
		entries_remove(c->ls, hash);
	else
		index_remove(&c->here, hash, &old);
}

/* Returns the footer of SEG if it was read before. It may contain entries that are struck in memory
 * only. */
static struct conflict_footer *conflict_known(const struct conflict *c, const struct segment *seg)
{
	struct conflict_footer *f;

	SLIST_FOREACH(f, &c->footers, link)
	{
		if (f->of->seg == seg)
			break;
	}
	return f;
}

/* Makes F the footer of FOUND, which is read later. */
static int conflict_footer_new(struct conflict *c, const struct found *found,
			       struct conflict_footer **f)
{
	const struct layout *l = c->io->lay;
	struct conflict_footer *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->of = found;
	new->bytes = (size_t)found->footer_blocks << l->block_shift;
	new->offset =
		layout_offset(l, found->seg->number, l->segment_blocks - found->footer_blocks);
	new->buf = bufpool_get(&c->io->pool, new->bytes);
	if (!new->buf) {
		free(new);
		return -ENOMEM;
	}
	SLIST_INSERT_HEAD(&c->footers, new, link);
	*f = new;
	return 0;
}

/* Reads the footer of FOUND again. It was valid a moment ago, so one that is not valid now says no
 * more than a read that failed. */
static int conflict_read(struct conflict *c, const struct found *found, struct conflict_footer *f)
{
	struct store_io *io = c->io;
	const struct layout *l = io->lay;
	const struct segment *seg = found->seg;
	const uint8_t *last = (const uint8_t *)f->buf + f->bytes - l->block_bytes;
	struct footer is;
	int err = syncio_read(io->q, f->offset, f->buf, f->bytes);

	if (err)
		return err;
	if (footer_peek(&is, last, seg->number, seg->gen, l) != FOOTER_VALID ||
	    is.blocks != found->footer_blocks || !footer_check(&is, f->buf, l, &io->key))
		return error_set(-EIO, "%s: read at 0x%llx: other bytes than before",
				 weir_device_path(io->dev), (unsigned long long)f->offset);
	f->count = is.count;
	strikes_apply(found->strikes, f->buf, f->count, false);
	return 0;
}

/* The entries of a segment. */
struct conflict_view {
	struct disk_entry *entries;
	uint32_t count;
	struct conflict_footer *footer; /* NULL: the entries are the segment's own */
};

static int conflict_load(struct conflict *c, const struct found *found, struct conflict_view *v)
{
	struct conflict_footer *f = conflict_known(c, found->seg);
	int err = 0;

	*v = (struct conflict_view){ found->seg->entries, found->seg->records, NULL };
	if (found->walked)
		return 0;
	if (!f) {
		err = conflict_footer_new(c, found, &f);
		if (!err)
			err = conflict_read(c, found, f);
		if (err) {
			c->unread = found->seg;
			return err;
		}
	}
	*v = (struct conflict_view){ f->buf, f->count, f };
	return 0;
}

/* Handles one entry in conflict. Returns true if the entry must be struck. */
typedef bool (*conflict_fn)(struct conflict *c, const struct footer_entry *e,
			    const struct index_value *here, uint64_t position);

/* Notes the sequence number of the other log's record, to compare it later. */
static bool conflict_note(struct conflict *c, const struct footer_entry *e,
			  const struct index_value *here, uint64_t position)
{
	struct index_value there;

	(void)here;
	if (logs_find(c->ls, e->hash, &there) && there.position == position) {
		there.checksum = e->sequence;
		/* There is room for as many as there are conflicts. */
		CHECK(!index_set(&c->there, e->hash, &there));
	}
	return false;
}

/* Returns true if the record at THERE is newer than the one with SEQUENCE in a segment of EPOCH. A
 * record of a later life is newer, whatever its number is: a life that saw less may have given
 * numbers again. */
static bool conflict_is_newer(const struct conflict *c, const struct index_value *there,
			      uint64_t epoch, uint64_t sequence)
{
	uint64_t other = logs_segment_of(c->ls, there)->gen.epoch;

	return other != epoch ? other > epoch : there->checksum > sequence;
}

/*
 * Decides about this log's record: it wins or is struck.
 *
 * Law later-life (conflict_is_newer): of a key that is alive in two logs the record of the later
 * life counts, and within a life the higher sequence number.
 */
static bool conflict_decide(struct conflict *c, const struct footer_entry *e,
			    const struct index_value *here, uint64_t position)
{
	uint64_t epoch = logs_segment_of(c->ls, here)->gen.epoch;
	struct index_value there;

	if (here->position != position)
		return false;
	if (index_get(&c->there, e->hash, &there) &&
	    conflict_is_newer(c, &there, epoch, e->sequence))
		return true;
	/* It replaces an existing entry. */
	CHECK(!entries_set(c->ls, e->hash, here));
	return false;
}

/* Strikes the other log's record if it has lost. */
static bool conflict_strike(struct conflict *c, const struct footer_entry *e,
			    const struct index_value *here, uint64_t position)
{
	struct index_value there, now;

	(void)here;
	return index_get(&c->there, e->hash, &there) && there.position == position &&
	       logs_find(c->ls, e->hash, &now) && now.position != position;
}

static bool conflict_entry(struct conflict *c, struct segment *seg, struct disk_entry *disk,
			   conflict_fn fn)
{
	struct footer_entry e;
	struct index_value here;

	footer_entry_decode(&e, disk);
	if (!e.key_len || e.flags & DISK_TOMBSTONE || !index_get(&c->here, e.hash, &here) ||
	    !fn(c, &e, &here, layout_position(c->io->lay, seg->number, e.block)))
		return false;
	footer_entry_strike(disk);
	return true;
}

static int conflict_segment(struct conflict *c, struct found *found, conflict_fn fn)
{
	struct conflict_view v;
	bool struck = false;
	uint32_t n;
	int err = conflict_load(c, found, &v);

	for (n = 0; !err && n < v.count; n++)
		struck |= conflict_entry(c, found->seg, &v.entries[n], fn);
	if (struck && v.footer)
		v.footer->struck = true;
	found->struck |= struck;
	return err;
}

static int conflict_pass(struct conflict *c, struct found *found, uint32_t n, conflict_fn fn)
{
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++)
		if (c->marked[found[i].seg->number])
			err = conflict_segment(c, &found[i], fn);
	return err;
}

static void conflict_mark_value(struct conflict *c, const struct index_value *value)
{
	CHECK(layout_position_segment(c->io->lay, value->position) < c->io->lay->segments);
	c->marked[layout_position_segment(c->io->lay, value->position)] = true;
}

/* Marks the segments of both records; only these must be read. */
static void conflict_mark(const uint64_t hash[2], const struct index_value *here, void *user)
{
	struct conflict *c = user;
	struct index_value there;

	conflict_mark_value(c, here);
	if (logs_find(c->ls, hash, &there))
		conflict_mark_value(c, &there);
}

static int conflict_passes(struct conflict *c, struct found *found, uint32_t n)
{
	int err = conflict_pass(c, found, n, conflict_note);

	if (!err)
		err = conflict_pass(c, found, n, conflict_decide);
	if (!err)
		err = conflict_pass(c, found, n, conflict_strike);
	return err;
}

/* Frees the footers that need not be written. */
static void conflict_drop_unstruck(struct conflict *c)
{
	struct conflict_footer *f, *next;

	for (f = SLIST_FIRST(&c->footers); f; f = next) {
		next = SLIST_NEXT(f, link);
		if (!f->struck)
			conflict_drop(c, f);
	}
}

int conflict_settle(struct conflict *c, struct found *found, uint32_t n)
{
	uint64_t i, count = c->here.entries;
	int err = 0;

	if (!count)
		return 0;
	for (i = 0; i < count && !err; i++)
		err = index_reserve(&c->there);
	CHECK(!c->marked);
	c->marked = calloc(c->io->lay->segments, sizeof(*c->marked));
	if (err || !c->marked)
		return -ENOMEM;
	index_each(&c->here, conflict_mark, c);
	err = conflict_passes(c, found, n);
	c->count += count;
	conflict_free_tables(c);
	conflict_drop_unstruck(c);
	return err ? err : conflict_init_tables(c);
}

struct conflict_footer *conflict_next(struct conflict *c)
{
	struct conflict_footer *f = SLIST_FIRST(&c->footers);

	CHECK(!f || f->struck);
	return f;
}
