/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins.h - the table of the keys that pins and leases hold.
 *
 * It has a lock of its own, because pins are taken by any thread. The functions with "lock held" in
 * their comment need it; so do the members of struct pins.
 */
#ifndef STORE_LOG_PINS_H
#define STORE_LOG_PINS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* A key that is held. */
struct pin {
	uint64_t hash[2];
	struct pin *next; /* in its bucket */
	TAILQ_ENTRY(pin) link;
	uint32_t pins; /* without a limit in time */
	uint32_t leases;
	uint64_t until; /* end of its leases, clock_now() */
	uint64_t bytes; /* of the blocks of its value, counted as leased */
	uint64_t call;	/* the last one that leased it */
};

TAILQ_HEAD(pin_list, pin);

struct pins {
	pthread_mutex_t lock;
	struct pin **bucket;
	uint32_t buckets; /* a power of two */
	uint32_t count;
	struct pin_list leased; /* the oldest lease first */
	uint64_t leased_bytes, leased_max;
	uint64_t changes; /* it changes when something that was held may have been let go */
	uint64_t calls;	  /* that leased */
	uint64_t pinned;  /* keys with pins */
	uint64_t leased_keys;
	uint64_t taken_back; /* leases that ended because there were too many */
};

/* Makes an empty table; all leases together cover at most MAX bytes. Returns 0 or -ENOMEM. */
int pins_init(struct pins *p, uint64_t max);
void pins_free(struct pins *p);

/* Returns the row of HASH, or NULL. Lock held. */
struct pin *pins_find(const struct pins *p, const uint64_t hash[2]);
/* Returns the row of HASH, which is made if there is none. NULL: there is no memory. Lock held. */
struct pin *pins_get(struct pins *p, const uint64_t hash[2]);
/* Removes ROW, with all that holds its key. Lock held. */
void pins_remove(struct pins *p, struct pin *row);

/* Counts one pin more (less) of ROW. Lock held. */
void pins_add(struct pins *p, struct pin *row);
void pins_subtract(struct pins *p, struct pin *row);

/* Counts one lease more of ROW, until UNTIL, by call number CALL. Lock held. */
void pins_lease(struct pins *p, struct pin *row, uint64_t bytes, uint64_t until, uint64_t call);
/* Notes that the value of ROW, which is leased, takes BYTES now. Lock held. */
void pins_resize(struct pins *p, struct pin *row, uint64_t bytes);
/* Ends one lease of ROW. Lock held. */
void pins_end_lease(struct pins *p, struct pin *row);
/* Ends all leases of ROW. Lock held. */
void pins_end_leases(struct pins *p, struct pin *row);
/* Returns the row whose leases should end to make room for BYTES more; NULL if there is room. Lock
 * held. */
struct pin *pins_oldest(const struct pins *p, uint64_t bytes);

/* Returns true if nothing holds the key of ROW at NOW. Lock held. */
static inline bool pins_is_over(const struct pin *row, uint64_t now)
{
	return !row->pins && (!row->leases || row->until <= now);
}

#endif
