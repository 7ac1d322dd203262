/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_stop.c - ends a replay early: because the user wants it, or after an error. Owns the
 * signal handlers while a replay runs.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/replay.h"
#include "cli/temporary.h"

static volatile sig_atomic_t stop_asked;

static void stop_on_signal(int sig)
{
	/* Two signals at once may have two threads here. */
	if (__atomic_exchange_n(&stop_asked, 1, __ATOMIC_RELAXED))
		temporary_end(sig);
}

int replay_stopping(void)
{
	return stop_asked;
}

void replay_catch_signals(struct sigaction *old_int, struct sigaction *old_term)
{
	struct sigaction action = { .sa_handler = stop_on_signal };

	action.sa_flags = SA_RESTART;
	sigaction(SIGINT, &action, old_int);
	sigaction(SIGTERM, &action, old_term);
}

void replay_trouble(struct replay *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	pthread_mutex_lock(&r->lock);
	if (!r->trouble[0])
		vsnprintf(r->trouble, sizeof(r->trouble), fmt, args);
	pthread_mutex_unlock(&r->lock);
	va_end(args);
}
