/* SPDX-License-Identifier: Apache-2.0 */
/* sim_interrupt.c - SIGINT ends a simulation early, with the results so far. See sim.h. */
#include "cli/sim.h"
#include "cli/temporary.h"

static volatile sig_atomic_t sim_interrupted;

static void sim_interrupt(int sig)
{
	/* Two signals at once may have two threads here. */
	if (__atomic_exchange_n(&sim_interrupted, 1, __ATOMIC_RELAXED))
		temporary_end(sig);
}

const volatile sig_atomic_t *sim_interrupt_begin(struct sigaction *old)
{
	struct sigaction on = { .sa_handler = sim_interrupt };

	sigaction(SIGINT, &on, old);
	return &sim_interrupted;
}

bool sim_interrupt_came(void)
{
	return sim_interrupted;
}
