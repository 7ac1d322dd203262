/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synthetic.c - makes a trace of an invented chat service. Owns its chats while it runs; one
 * thread.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/nsec.h"
#include "base/error.h"
#include "base/prng.h"
#include "cli/synthetic.h"

#define SYNTHETIC_PROMPTS 8	  /* number of system prompts */
#define SYNTHETIC_PROMPT_BLOCKS 6 /* a system prompt has 1 to this many blocks */
#define SYNTHETIC_CONTEXT 64	  /* the largest number of blocks in the context of the model */
#define SYNTHETIC_TURN_MAX 16	  /* the largest number of new blocks in one turn of a chat */
/* after each block a turn ends with a chance of one in this number */
#define SYNTHETIC_TURN_CHANCE 8
#define SYNTHETIC_SHARE_SHIFT 32 /* a larger value makes the busiest chats more equal */
#define SYNTHETIC_MEAN_MS 100.0	 /* mean time between requests */

struct synthetic_chat {
	uint64_t ids[SYNTHETIC_CONTEXT];
	size_t count;
};

struct synthetic {
	const struct synthetic_params *params;
	struct prng random;
	uint64_t next_id;
	struct synthetic_chat prompts[SYNTHETIC_PROMPTS];
	struct synthetic_chat *chats;
	uint64_t *shares; /* cumulative shares of the chats */
};

/*
 * Adds a block. Ids have 63 bits, which JSON libraries can hold. They are mixed with the seed, so
 * that a store that was filled with another seed gives no hits.
 */
static void synthetic_append(struct synthetic *s, struct synthetic_chat *chat, size_t n)
{
	for (size_t i = 0; i < n; i++)
		chat->ids[chat->count++] = prng_mix(prng_mix(s->params->seed) + s->next_id++) >> 1;
}

static void synthetic_make_prompts(struct synthetic *s)
{
	for (size_t i = 0; i < SYNTHETIC_PROMPTS; i++)
		synthetic_append(s, &s->prompts[i],
				 1 + prng_below(&s->random, SYNTHETIC_PROMPT_BLOCKS));
}

/*
 * Makes the chats. Popularity falls with the rank as 1 / (rank + shift), computed in integers, so
 * it is the same on every machine.
 */
static int synthetic_make_chats(struct synthetic *s)
{
	size_t n = s->params->chats;
	uint64_t sum = 0;

	s->chats = calloc(n, sizeof(*s->chats));
	s->shares = calloc(n, sizeof(*s->shares));
	if (!s->chats || !s->shares)
		return error_set(-ENOMEM, "out of memory for %zu chats", n);
	for (size_t i = 0; i < n; i++) {
		sum += (1ull << 40) / (i + SYNTHETIC_SHARE_SHIFT);
		s->shares[i] = sum;
	}
	return 0;
}

static struct synthetic_chat *synthetic_pick(struct synthetic *s)
{
	size_t low = 0, high = s->params->chats - 1;
	uint64_t at = prng_below(&s->random, s->shares[high]);

	while (low < high) { /* finds the first chat whose cumulative share lies beyond AT */
		size_t mid = low + (high - low) / 2;

		if (s->shares[mid] > at)
			high = mid;
		else
			low = mid + 1;
	}
	return &s->chats[low];
}

/*
 * Returns the number of new blocks in a turn: a question, and the answer to the question before
 * it.
 */
static size_t synthetic_turn_blocks(struct synthetic *s)
{
	size_t n = 1;

	while (n < SYNTHETIC_TURN_MAX && prng_below(&s->random, SYNTHETIC_TURN_CHANCE))
		n++;
	return n;
}

/*
 * Starts a new chat. It takes the smaller of two random numbers as its system prompt, so that some
 * prompts are used more than others.
 */
static void synthetic_start_chat(struct synthetic *s, struct synthetic_chat *chat)
{
	uint64_t a = prng_below(&s->random, SYNTHETIC_PROMPTS);
	uint64_t b = prng_below(&s->random, SYNTHETIC_PROMPTS);

	*chat = s->prompts[a < b ? a : b];
}

static int synthetic_turn(struct synthetic *s, struct trace *t, uint64_t now_ns)
{
	struct synthetic_chat *chat = synthetic_pick(s);
	size_t blocks = synthetic_turn_blocks(s);
	int err;

	if (!chat->count || chat->count + blocks > SYNTHETIC_CONTEXT) {
		synthetic_start_chat(s, chat);
		t->chats++;
	}
	synthetic_append(s, chat, blocks);
	err = trace_add_request(t, now_ns);
	return err ? err : trace_add_ids(t, chat->ids, chat->count);
}

int synthetic_make(struct trace *t, const struct synthetic_params *params)
{
	struct synthetic s = { .params = params };
	double now_ns = 0;
	int err;

	prng_seed(&s.random, params->seed);
	synthetic_make_prompts(&s);
	err = synthetic_make_chats(&s);
	for (size_t i = 0; i < params->requests && !err; i++) {
		err = synthetic_turn(&s, t, (uint64_t)now_ns);
		now_ns -= log(prng_unit(&s.random)) * SYNTHETIC_MEAN_MS * (double)NSEC_PER_MSEC;
	}
	free(s.chats);
	free(s.shares);
	return err;
}
