/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index_read.c - looks keys up and sets their flags, on any thread, without a lock.
 *
 * A reader walks a bucket while the owner may change it, and believes what it found only if the
 * number of the stripe has not changed (index_at.h says why that suffices). It owns nothing. RCU
 * would save the second look at the number, but its readers must be registered threads, and the
 * owner would have to wait for them before it uses an entry again.
 */
#include <errno.h>
#include <sched.h>

#include "store/log/index_at.h"
#include "store/log/index_read.h"

/* A change takes some tens of nanoseconds, so a reader that finds one under way looks again at
 * once. After SPINS looks the owner was probably interrupted, and may need this CPU. */
#define INDEX_SPINS 100u
#define INDEX_YIELDS 1000u
/* A long bucket is walked so far before the number is compared. One that a change made endless for
 * this reader is left then. */
#define INDEX_STEPS 32u

struct index_look {
	struct index_entry *entry;
	struct index_value value;
	uint32_t seen; /* the stripe's number */
};

static const uint32_t *index_number(const struct index *x, const uint64_t hash[2])
{
	return &x->stripe[index_stripe(hash[0])];
}

static struct index_entry *index_walk(const struct index *x, const uint64_t hash[2], uint32_t seen)
{
	uint32_t bucket = index_bucket(INDEX_LOAD(x->buckets), hash[0]), steps = 0;
	uint32_t n = INDEX_LOAD(*index_head(x, bucket));

	while (n != INDEX_END) {
		struct index_entry *e = index_entry(x, n);

		if (index_is(e, hash))
			return e;
		n = INDEX_LOAD(e->next);
		if (!(++steps % INDEX_STEPS) && INDEX_LOAD(*index_number(x, hash)) != seen)
			break;
	}
	return NULL;
}

/* Tries to find HASH. Returns 1 or 0, or -EAGAIN if a change came in between. */
static int index_try(const struct index *x, const uint64_t hash[2], struct index_look *look)
{
	look->seen = INDEX_LOAD(*index_number(x, hash));
	if (look->seen & 1)
		return -EAGAIN;
	look->entry = index_walk(x, hash, look->seen);
	if (look->entry)
		index_load_value(look->entry, &look->value);
	/* The loads before this one are acquire loads, so this one cannot come before them. */
	if (INDEX_LOAD(*index_number(x, hash)) != look->seen)
		return -EAGAIN;
	return look->entry != NULL;
}

static void index_pause(uint32_t tries)
{
	if (tries >= INDEX_SPINS)
		sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

static int index_look(const struct index *x, const uint64_t hash[2], struct index_look *look)
{
	uint32_t tries;
	int found = -EAGAIN;

	for (tries = 0; tries < INDEX_SPINS + INDEX_YIELDS; tries++) {
		found = index_try(x, hash, look);
		if (found >= 0)
			break;
		index_pause(tries);
	}
	return found;
}

int index_peek(const struct index *x, const uint64_t hash[2], struct index_value *value)
{
	struct index_look look;
	int found = index_look(x, hash, &look);

	if (found > 0)
		*value = look.value;
	return found;
}

static uint32_t *index_head_of(const struct index *x, const uint64_t hash[2])
{
	return index_head(x, index_bucket(INDEX_LOAD(x->buckets), hash[0]));
}

void index_prefetch_head(const struct index *x, const uint64_t hash[2])
{
	__builtin_prefetch(index_head_of(x, hash));
}

void index_prefetch_entry(const struct index *x, const uint64_t hash[2])
{
	uint32_t n = INDEX_LOAD(*index_head_of(x, hash));

	if (n != INDEX_END)
		__builtin_prefetch(index_entry(x, n));
}

/* Changes the place of the entry that LOOK found to FLAGS, if neither it nor the links around it
 * have changed since. An entry that was removed has the place 0. If it was removed and is used for
 * another key with the very same place, that one gets the flags; they are hints, which nobody
 * believes without looking into the table of pins. */
static bool index_change(const struct index *x, const uint64_t hash[2], struct index_look *look,
			 uint16_t flags)
{
	uint64_t place = look->value.position << 16 | look->value.flags;
	uint64_t want = look->value.position << 16 | flags;

	return __atomic_compare_exchange_n(&look->entry->place, &place, want, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
	       INDEX_LOAD(*index_number(x, hash)) == look->seen;
}

int index_set_flags(struct index *x, const uint64_t hash[2], uint16_t set, uint16_t unless,
		    struct index_value *value)
{
	struct index_look look;
	uint32_t tries;

	for (tries = 0; tries < INDEX_SPINS + INDEX_YIELDS; tries++) {
		int found = index_look(x, hash, &look);

		if (found <= 0)
			return found;
		*value = look.value;
		if (look.value.flags & unless)
			return 0;
		if ((look.value.flags & set) == set ||
		    index_change(x, hash, &look, look.value.flags | set))
			return 1;
	}
	return -EAGAIN;
}

int index_clear_flags(struct index *x, const uint64_t hash[2], uint16_t clear)
{
	struct index_look look;
	uint32_t tries;

	for (tries = 0; tries < INDEX_SPINS + INDEX_YIELDS; tries++) {
		int found = index_look(x, hash, &look);

		if (found <= 0)
			return found;
		if (!(look.value.flags & clear) ||
		    index_change(x, hash, &look, look.value.flags & (uint16_t)~clear))
			return 1;
	}
	return -EAGAIN;
}
