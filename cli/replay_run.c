/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_run.c - starts the clients of a replay, and ends them early when the user asks for it.
 * Owns the signal handlers while a replay runs.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/replay.h"

static volatile sig_atomic_t run_stop;

static void run_on_signal(int sig)
{
	(void)sig;
	run_stop = 1;
}

int replay_stopping(void)
{
	return run_stop;
}

/* The second signal of a kind ends the program at once, as if there were no handler. */
static void run_catch_signals(struct sigaction *old_int, struct sigaction *old_term)
{
	struct sigaction action = { .sa_handler = run_on_signal };

	action.sa_flags = SA_RESETHAND | SA_RESTART;
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

static void *run_thread(void *arg)
{
	replay_client(arg);
	return NULL;
}

/* Clients that cannot be started are an error of the replay; those that run end early then. */
static int run_threads(struct replay *r)
{
	pthread_t *threads = calloc(r->config.clients, sizeof(*threads));
	uint32_t n = 0;
	int err = 0;

	if (!threads)
		return error_set(-ENOMEM, "out of memory for %u clients", r->config.clients);
	for (; n < r->config.clients && !err; n++)
		err = pthread_create(&threads[n], NULL, run_thread, r);
	if (err) {
		n--;
		error_sys(-err, "client %u could not be started", n + 1);
		replay_trouble(r, "%s", weir_error());
		__atomic_store_n(&r->error, -err, __ATOMIC_RELAXED);
	}
	for (uint32_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return 0;
}

int replay_run(struct replay *r)
{
	struct sigaction old_int, old_term;
	int err = 0;

	pthread_mutex_init(&r->lock, NULL);
	run_catch_signals(&old_int, &old_term);
	r->start_ns = clock_now();
	progress_begin(&r->progress, r->start_ns);
	if (r->config.clients > 1)
		err = run_threads(r);
	else
		replay_client(r);
	progress_end(&r->progress);
	r->end_ns = clock_now();
	r->interrupted = replay_stopping() && r->totals.requests < r->trace->count;
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	pthread_mutex_destroy(&r->lock);
	if (!err && r->error)
		err = error_set(r->error, "%s", r->trouble);
	return err;
}
