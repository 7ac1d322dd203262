/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synthetic.h - a KV-cache workload from a seed: people chatting with a language model.
 *
 * Chats share system prompts; each turn sends the whole chat so far and some new blocks; a few
 * chats are busy and most are not; a chat that outgrows the model's context starts afresh.
 */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

#include <stddef.h>
#include <stdint.h>

#include "cli/trace.h"

struct synthetic_params {
	uint64_t seed;	 /* the same seed gives the same trace, another one shares no id with it */
	size_t requests; /* how many turns in all */
	size_t chats;	 /* how many go on at the same time, at least 1 */
};

/* Makes the trace into T. 0 or -ENOMEM; T is to be freed in any case. */
int synthetic_make(struct trace *t, const struct synthetic_params *params);

#endif
