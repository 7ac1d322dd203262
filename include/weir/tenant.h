/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tenant.h - tenants, who share a store, and the streams that their keys go to.
 *
 * A stream is a log of its own in the store, and with FDP it has a placement id of its own on the
 * drive. So data that belongs together is written together and deleted together. A tenant is a name
 * (a user, a model, a class of data) whose new keys go to one stream. The store records which
 * stream that is. Stream 0 is for keys that belong to no tenant.
 *
 * A store has one stream for every 8 segments at most, and never more than 32. A new tenant gets a
 * stream of its own while there is room; later tenants share the stream that fills the fewest
 * segments. The table has 64 rows; the stream of further tenants is computed from their name. Both
 * leave out streams that have a share; a tenant that was told a stream before that keeps it until
 * it asks again.
 *
 * All streams share the space: when there is no more, garbage of any stream is reclaimed. If there
 * is not enough of that, the oldest segment of the store is evicted, whatever stream it is in,
 * unless a stream has more than its share (weir_store_set_share()).
 */
#ifndef WEIR_TENANT_H
#define WEIR_TENANT_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes in the name of a new tenant; the shortest has 1. The store keeps all of them. */
#define WEIR_TENANT_SHOWN_MAX 32u
/* Bytes in the name of a tenant that an earlier weir added: of these the store kept the first 32.
 */
#define WEIR_TENANT_NAME_MAX 1024u

/*
 * Sets *STREAM to the stream for TENANT's new keys: the value for weir_store_op.stream. A new
 * tenant gets a row in both superblock copies first, which takes two flushes, so ask once and keep
 * the number. Returns 1 if the tenant is new, 0 if it is known or if the table has no row for it.
 * A device of several that fails at this moment puts the tenant's new keys into stream 0 until the
 * tenant asks again or the store is opened again.
 * Errors: -EINVAL (the length of the name), -ENAMETOOLONG (new, and longer than 32 bytes), -EROFS
 * (new, and the store is read-only), -EIO, -ENOMEM, -EDEADLK from a callback. Blocks; any thread.
 */
int weir_store_add_tenant(struct weir_store *s, const char *tenant, uint32_t *stream);

/* Facts about a stream. Start from WEIR_STORE_STREAM_INIT. */
struct weir_store_stream {
	size_t size;
	uint32_t tenants;			  /* tenants whose keys go to it */
	int32_t placement;			  /* its placement id; -1: none */
	uint32_t sharing;			  /* other streams with the same placement id */
	uint32_t segments;			  /* now */
	uint64_t entries;			  /* now */
	uint64_t live_bytes;			  /* payload bytes of the entries now */
	uint64_t written_bytes, evicted_segments; /* since the store was opened */
	uint32_t share; /* in percent; 0: none, see weir_store_set_share() */
};

#define WEIR_STORE_STREAM_INIT WEIR_INIT_SIZED(struct weir_store_stream)

/*
 * Fills in INFO for STREAM. Errors: -ENOENT (there are fewer streams), -EDEADLK from a callback.
 * Blocks shortly; any thread.
 */
int weir_store_get_stream(struct weir_store *s, uint32_t stream, struct weir_store_stream *info);

/*
 * Sets the share of STREAM to PERCENT of the store's segments; 0 takes it back. A share is soft:
 * space that nobody wants is lent, but where entries must leave, the streams with more than their
 * share lose theirs first. It is written to both superblock copies, of all devices or of none: if
 * one cannot be written, weir_error() names it, and says whether the others have what they had.
 * Errors: -ENOENT (no device has such a stream), -EINVAL (above 100), -EROFS, -EIO, -ENOMEM,
 * -EDEADLK from a callback. Blocks; any thread.
 */
int weir_store_set_share(struct weir_store *s, uint32_t stream, uint32_t percent);

/* A row in the table of tenants. Start from WEIR_STORE_TENANT_INIT. */
struct weir_store_tenant {
	size_t size;
	uint32_t stream;
	uint32_t name_len;		      /* bytes of name that were kept */
	char name[WEIR_TENANT_SHOWN_MAX + 1]; /* any bytes, and a NUL */
};

#define WEIR_STORE_TENANT_INIT WEIR_INIT_SIZED(struct weir_store_tenant)

/*
 * Fills in INFO from row N of the table, which begins with row 0. Errors: -ENOENT (there are fewer
 * rows), -EDEADLK from a callback. Blocks shortly; any thread.
 */
int weir_store_get_tenant(struct weir_store *s, uint32_t n, struct weir_store_tenant *info);

#ifdef __cplusplus
}
#endif
#endif
