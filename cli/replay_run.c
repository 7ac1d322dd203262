/* SPDX-License-Identifier: Apache-2.0 */
/* replay_run.c - starts the clients of a replay, and ends them early if the user wants it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/replay.h"

static void *run_thread(void *arg)
{
	replay_client(arg);
	return NULL;
}

/*
 * Runs the clients as threads. If one cannot be started, that is an error of the replay, and the
 * others end early.
 */
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
	replay_catch_signals(&old_int, &old_term);
	r->start_ns = clock_now();
	if (r->series)
		replay_series_begin(r->series, r->start_ns);
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
