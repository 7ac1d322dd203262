/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that two processes have, for the values of one of them.
 *
 * The client makes it, as a file without a name that can never shrink, and sends its descriptor
 * over the socket. Neither keeps the descriptor. Each owns its mapping, and a child of fork() has
 * none.
 */
#ifndef CONTROL_ARENA_H
#define CONTROL_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_GRAIN 4096u
#define ARENA_BYTES_MAX (64ull << 30)

struct control_arena {
	uint8_t *base; /* NULL: none */
	uint64_t bytes;
};

/* Makes memory of BYTES, a multiple of ARENA_GRAIN, and sends it over SOCKET within the time
 * DEADLINE of clock_now(). Returns 0, or -errno with an error text. */
int control_arena_give(struct control_arena *a, uint64_t bytes, int socket, uint64_t deadline);

/* Receives memory of at most MAX bytes from SOCKET. Returns 0, or -errno with an error text:
 * -EPROTO (no memory came with it, or memory that could shrink, or that is shorter than its length
 * says, or more than MAX). */
int control_arena_take(struct control_arena *a, uint64_t max, int socket, uint64_t deadline);

/* Unmaps it. */
void control_arena_free(struct control_arena *a);

#endif
