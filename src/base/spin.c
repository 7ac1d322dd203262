/* SPDX-License-Identifier: Apache-2.0 */
/* spin.c - looks for a moment, and remembers whether that paid. Owns nothing; any thread. */
#include "base/spin.h"

#include <sched.h>

#include "base/clock.h"

/* To sleep and to be woken takes about as long. So a wait in vain is at most twice as long as it
 * would have been, and the rule of the skipped waits makes such waits rare. */
#define SPIN_NS (10 * NSEC_PER_USEC)
/* Time between two looks. Each look takes the cache line from the thread that is to write it, so
 * that thread gets on by several ios in between. */
#define SPIN_STEP_NS 400u
/* After so long another program has had the processor: a sleeper would have got it back earlier. */
#define SPIN_LATE_NS (100 * NSEC_PER_USEC)
#define SPIN_SKIP_MAX 255u

/* Gives the processor to other threads between two looks: the one that is waited for may need this
 * very one. Returns true if READY(ARG) is; *LATE: it took too long. */
static bool spin_look(bool (*ready)(const void *arg), const void *arg, uint64_t deadline_ns,
		      bool *late)
{
	uint64_t start = clock_now(), now = start, until = clock_deadline(now, SPIN_NS), next;

	if (until > deadline_ns)
		until = deadline_ns;
	while (!ready(arg)) {
		if (now >= until)
			return false;
		next = now + SPIN_STEP_NS;
		do {
			sched_yield();
			now = clock_now();
		} while (now < next);
	}
	*late = now - start > SPIN_LATE_NS;
	return true;
}

bool spin_wait(struct spin *spin, bool (*ready)(const void *arg), const void *arg,
	       uint64_t deadline_ns)
{
	bool late = false, is_ready;

	if (spin->left) {
		spin->left--;
		return false;
	}
	is_ready = spin_look(ready, arg, deadline_ns, &late);
	if (is_ready && !late) {
		spin->skip = 0;
		return true;
	}
	spin->skip = spin->skip < SPIN_SKIP_MAX ? (uint8_t)(2 * spin->skip + 1) : SPIN_SKIP_MAX;
	spin->left = spin->skip;
	return is_ready;
}
