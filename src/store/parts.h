/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h - a store on several devices: one whole store for each device, its part.
 *
 * Each part has its own queue, loop, logs and index, as a store on one device has. A key belongs to
 * the part whose number is its identity modulo the number of devices. Programs know the first part
 * that is there as the store; all parts point to one struct store_parts. A store on one device has
 * none, and its calls pay one branch.
 */
#ifndef STORE_PARTS_H
#define STORE_PARTS_H

#include "base/fork.h"
#include "store/store.h"

#define PARTS_WHY_BYTES 256u
#define PARTS_UUID_BYTES 37u

struct store_parts {
	uint32_t count; /* devices that the store has, missing ones included */
	uint32_t missing;
	struct weir_store *first;		     /* the part that programs know */
	struct weir_store *part[WEIR_DEVICES_MAX];   /* NULL: it is missing */
	char why[WEIR_DEVICES_MAX][PARTS_WHY_BYTES]; /* why it is missing; may be "" */
	int epoll; /* the descriptor for programs; -1: nobody has asked for it */
	struct fork_fd epoll_watch;
};

/* Returns the number of devices of S. */
static inline uint32_t parts_count(const struct weir_store *s)
{
	return s->parts ? s->parts->count : 1;
}

/* Returns part N of S; NULL: it is missing. */
static inline struct weir_store *parts_get(struct weir_store *s, uint32_t n)
{
	return s->parts ? s->parts->part[n] : s;
}

/* Goes through the parts of S that are there. */
#define PARTS_FOREACH(s, p, i)                                                                     \
	for ((i) = 0; (i) < parts_count(s); (i)++)                                                 \
		if (((p) = parts_get(s, i)))

/* Returns the part for a key of this identity; NULL: it is missing. */
static inline struct weir_store *parts_of_hash(struct weir_store *s, const uint64_t hash[2])
{
	return s->parts ? s->parts->part[hash[0] % s->parts->count] : s;
}

/* Returns the part that KEY belongs to. Where that is missing, sets weir_error() to words for
 * -ENODEV and returns NULL. KEY may be one that no store takes: then it is the first part. */
struct weir_store *parts_find(struct weir_store *s, const void *key, uint32_t key_len);

/* Returns what parts_find() does; a store on one device costs a branch. */
static inline struct weir_store *parts_route(struct weir_store *s, const void *key,
					     uint32_t key_len)
{
	return s->parts ? parts_find(s, key, key_len) : s;
}

/* Returns the part whose words say why OP, which ended, failed. */
struct weir_store *parts_of_op(struct weir_store *s, const struct weir_store_op *op);

/* Says in words that part N is missing. Returns -ENODEV. */
int parts_say_missing(const struct store_parts *parts, uint32_t n);

/* Refuses SUPER of the device at PATH, with words, unless it is of the store that OTHER at
 * OTHER_PATH is of, and another device of it. Returns 0 or -EINVAL. */
int parts_check_other(const char *path, const struct super *super, const char *other_path,
		      const struct super *other);

/* Writes UUID as text to BUF. Returns BUF. */
const char *parts_uuid(const uint8_t uuid[16], char buf[PARTS_UUID_BYTES]);

/* Runs the loops of all parts, which must be the calling thread's, until DONE says so or DEADLINE
 * has come (UINT64_MAX: never). Returns true where DONE said so. */
bool parts_wait_until(struct store_parts *parts, bool (*done)(const void *user), const void *user,
		      uint64_t deadline);
/* Runs each loop once. Returns 0 or -errno. */
int parts_wait_poll(struct store_parts *parts);
/* Returns a descriptor that fires for all loops, or -errno with words. */
int parts_wait_fd(struct store_parts *parts);

/* What a part has of a setting. */
struct parts_value {
	uint64_t first, second;
};

/* A setting in the superblocks of all parts. The thread that changes it owns it. */
struct parts_setting {
	/* Sets VALUE to what S has. Runs on the loop of S. */
	void (*note)(struct weir_store *s, struct parts_setting *setting,
		     struct parts_value *value);
	/* Gives PART another value, and waits. Returns 0 or -errno. */
	int (*set)(struct weir_store *part, const struct parts_setting *setting,
		   const struct parts_value *value);
	struct parts_value value; /* the new one */
	uint32_t stream;	  /* if it is a stream's */
	bool unknown;		  /* until a part is found that has what is to be set */
};

/* Changes SETTING on all parts that are there, or on none. Returns 0; -ENOENT without words if it
 * stays unknown; or another -errno, with words that name the device and say that WHAT cannot be
 * set. Any thread that may wait. */
int parts_setting_change(struct weir_store *s, struct parts_setting *setting, const char *what);

/* Gives the marks of free segments that FROM has in its superblock to the other parts. They are in
 * force at once, unless OWN: the options of this life ask for others. */
int parts_marks_equal(struct store_parts *parts, struct weir_store *from, bool own);

/* Makes what all parts note about tenants, shares, the write budget and the marks of free segments
 * the same, unless the store is read-only: NEWEST is right where they differ. OWN_MARKS: the
 * options of this life ask for marks. Returns 0 or -errno with words. */
int parts_equal_make(struct store_parts *parts, struct weir_store *newest, bool own_marks);

/* Frees PARTS, not the parts themselves. */
void parts_free(struct store_parts *parts);

#endif
