/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tenant.h - who shares a store: tenants, and the streams that their keys go to.
 *
 * A stream is a log of its own in the store, and with FDP a placement id of its own on the drive:
 * what belongs together is written together and dies together. A tenant is a name (a user, a
 * model, a class of data) whose new keys go to one stream. Which one is kept in the store and
 * survives restarts. Stream 0 is for keys of no tenant.
 *
 * A store has at most one stream for each 8 segments, and 32. While there is room a new tenant
 * gets a stream of its own; later ones share the stream that fills the fewest segments. The table
 * has room for 64 tenants; the stream of further ones follows from their name alone.
 *
 * Space belongs to all: when it runs short the oldest segment of the store goes, whosever it is.
 */
#ifndef WEIR_TENANT_H
#define WEIR_TENANT_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_TENANT_NAME_MAX 1024u /* bytes in a tenant's name; the shortest has 1 */
#define WEIR_TENANT_SHOWN_MAX 32u  /* of these, what the store keeps to show */

/*
 * *STREAM is the one that TENANT's new keys go to, for struct weir_store_op's `stream`. The first
 * time a tenant is met it is written to both superblock copies, which takes two flushes; ask once
 * and keep the number. Returns 1 if the tenant is new, 0 if it was known or has no row in the
 * table. Errors: -EINVAL (the length of the name), -EROFS (new, and the store is read-only), -EIO,
 * -ENOMEM, -EDEADLK from a callback. Blocks; any thread.
 */
int weir_store_add_tenant(struct weir_store *s, const char *tenant, uint32_t *stream);

/* What a stream holds. Start from WEIR_STORE_STREAM_INIT. */
struct weir_store_stream {
	size_t size;
	uint32_t tenants;			  /* that go to it */
	int32_t placement;			  /* its placement id; -1: none */
	uint32_t sharing;			  /* other streams with the same placement id */
	uint32_t segments;			  /* now */
	uint64_t entries;			  /* now */
	uint64_t live_bytes;			  /* payload bytes of the entries now */
	uint64_t written_bytes, evicted_segments; /* since the store was opened */
};

#define WEIR_STORE_STREAM_INIT WEIR_INIT_SIZED(struct weir_store_stream)

/*
 * Fills in INFO for STREAM. -ENOENT: there are fewer streams. -EDEADLK from a callback. Blocks
 * shortly; any thread.
 */
int weir_store_get_stream(struct weir_store *s, uint32_t stream, struct weir_store_stream *info);

/* A row of the table of tenants. Start from WEIR_STORE_TENANT_INIT. */
struct weir_store_tenant {
	size_t size;
	uint32_t stream;
	uint32_t name_len;		      /* bytes of name that were kept */
	char name[WEIR_TENANT_SHOWN_MAX + 1]; /* any bytes, and a NUL */
};

#define WEIR_STORE_TENANT_INIT WEIR_INIT_SIZED(struct weir_store_tenant)

/*
 * Fills in INFO for row N of the table, from 0 on. -ENOENT: there are fewer. -EDEADLK from a
 * callback. Blocks shortly; any thread.
 */
int weir_store_get_tenant(struct weir_store *s, uint32_t n, struct weir_store_tenant *info);

#ifdef __cplusplus
}
#endif
#endif
