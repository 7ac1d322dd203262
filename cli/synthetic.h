/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synthetic.h - makes a KV-cache workload from a seed: people who chat with a language model.
 *
 * Chats share system prompts. Each turn sends the whole chat so far and some new blocks. Few chats
 * are busy. A chat that becomes longer than the model's context starts again.
 */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

#include <stddef.h>
#include <stdint.h>

#include "cli/trace.h"

struct synthetic_params {
	uint64_t seed;	 /* the same seed gives the same trace; traces of two seeds share no id */
	size_t requests; /* number of all turns */
	size_t chats;	 /* number of chats at the same time, at least 1 */
};

/* Makes the trace into T. Returns 0 or -ENOMEM; the caller frees T in both cases. */
int synthetic_make(struct trace *t, const struct synthetic_params *params);

#endif
