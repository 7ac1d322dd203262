/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair.h - a store that is open here, and the same as a remote store: what the tests share. The
 * control socket is in a folder of the test's own.
 */
#ifndef REMOTE_PAIR_H
#define REMOTE_PAIR_H

#include <weir/remote.h>

#include "../device/workdir.h"
#include "../store/rig.h"

#define PAIR_BYTES (16ull << 20)
#define PAIR_SEGMENT (256u << 10)
#define PAIR_LONGEST (100u << 10)

struct pair {
	struct rig rig;
	struct weir_remote *r;
};

/* Set-up and teardown of a case. */
int pair_setup(void **state);
int pair_teardown(void **state);

/* Formats a store; opens it; opens it as a remote store too, with OPTS, which may be NULL. */
void pair_format(struct pair *p);
void pair_open(struct pair *p, const struct weir_remote_opts *opts);
/* Closes what is open, and removes the image. */
void pair_close(struct pair *p);

/* One operation on the remote store, which waits for it: its result. LENGTH is that of the value,
 * or of the room for it. */
int pair_put(struct pair *p, uint64_t key, uint64_t version, size_t length, uint32_t flags);
/* 1: the value is VERSION, of LENGTH. */
int pair_get(struct pair *p, uint64_t key, uint64_t version, size_t length);
int pair_exists(struct pair *p, uint64_t key, uint32_t flags, uint64_t *length);

#endif
