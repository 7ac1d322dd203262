/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_pool.c - a few threads that run commands with blocking calls.
 *
 * Owns its threads, two lists and an eventfd. `lock` protects the list of commands to run.
 * `done_lock` protects the list of finished commands together with the eventfd: under it, the
 * eventfd is readable exactly while that list is not empty. So each completion is announced, and an
 * empty list is never announced.
 */
#include "engine/posix_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/thread.h"
#include "engine/sleep.h"

struct posix_pool {
	const struct blocking_target *target;
	uint32_t threads;
	uint32_t process; /* the process of the threads */
	int event_fd;
	struct fork_fd event_watch;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct cmds todo;
	uint32_t idle; /* threads that wait for work, or were signalled and did not run yet */
	bool stop;

	pthread_mutex_t done_lock;
	struct cmds done;
	/* Not 0 while `done` is not empty; the owner reads it without the lock. */
	uint32_t ended;

	pthread_t thread[];
};

/* Returns the next command, or NULL when the pool closes. */
static struct weir_cmd *pool_next(struct posix_pool *pool)
{
	struct weir_cmd *cmd;

	pthread_mutex_lock(&pool->lock);
	while (!pool->todo.head && !pool->stop) {
		pool->idle++;
		pthread_cond_wait(&pool->work, &pool->lock);
		pool->idle--;
	}
	cmd = cmds_pop(&pool->todo);
	pthread_mutex_unlock(&pool->lock);
	return cmd;
}

static void pool_announce(struct posix_pool *pool)
{
	uint64_t one = 1;

	/* This write cannot block: the counter is written only when it was empty. */
	while (write(pool->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void pool_done(struct posix_pool *pool, struct weir_cmd *cmd)
{
	bool first;

	pthread_mutex_lock(&pool->done_lock);
	first = !pool->done.head;
	cmds_push(&pool->done, cmd);
	__atomic_store_n(&pool->ended, 1, __ATOMIC_RELAXED);
	/* This comes last: the owner wakes at once, and would loop while it finds nothing. */
	if (first)
		pool_announce(pool);
	pthread_mutex_unlock(&pool->done_lock);
}

static void *pool_thread(void *arg)
{
	struct posix_pool *pool = arg;
	struct weir_cmd *cmd;

	while ((cmd = pool_next(pool))) {
		blocking_run(pool->target, cmd);
		pool_done(pool, cmd);
	}
	return NULL;
}

void posix_pool_push(struct posix_pool *pool, struct cmds *batch, uint32_t count)
{
	pthread_mutex_lock(&pool->lock);
	cmds_append(&pool->todo, batch);
	if (count >= pool->idle)
		pthread_cond_broadcast(&pool->work);
	else
		while (count--)
			pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

struct weir_cmd *posix_pool_take(struct posix_pool *pool)
{
	struct weir_cmd *cmd;

	if (!__atomic_load_n(&pool->ended, __ATOMIC_RELAXED))
		return NULL;
	pthread_mutex_lock(&pool->done_lock);
	cmd = cmds_take(&pool->done);
	__atomic_store_n(&pool->ended, 0, __ATOMIC_RELAXED);
	sleep_clear(pool->event_fd);
	pthread_mutex_unlock(&pool->done_lock);
	return cmd;
}

int posix_pool_fd(const struct posix_pool *pool)
{
	return pool->event_fd;
}

uint32_t posix_pool_threads(const struct posix_pool *pool)
{
	return pool->threads;
}

static int pool_start(struct posix_pool *pool, uint32_t threads)
{
	char name[THREAD_NAME_BYTES];
	int err = 0;

	while (pool->threads < threads && !err) {
		snprintf(name, sizeof(name), "weir-io%u", pool->threads % 100000u);
		err = thread_start(&pool->thread[pool->threads], name, pool_thread, pool);
		pool->threads += !err;
	}
	return pool->threads ? 0 : err;
}

int posix_pool_open(struct posix_pool **out, const struct blocking_target *target, uint32_t threads)
{
	struct posix_pool *pool = calloc(1, sizeof(*pool) + threads * sizeof(pool->thread[0]));
	int err;

	if (!pool)
		return error_set(-ENOMEM, "no memory for the threads of the posix engine");
	pool->target = target;
	pool->process = fork_process();
	pthread_mutex_init(&pool->lock, NULL);
	pthread_mutex_init(&pool->done_lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->event_fd < 0) {
		err = error_sys(-errno, "no eventfd for the posix engine (see ulimit -n)");
		posix_pool_close(pool);
		return err;
	}
	fork_fd_watch(&pool->event_watch, &pool->event_fd);
	err = pool_start(pool, threads);
	if (err) {
		posix_pool_close(pool);
		return error_sys(err, "no thread for the posix engine (see ulimit -u)");
	}
	*out = pool;
	return 0;
}

static void pool_stop(struct posix_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < pool->threads; i++)
		pthread_join(pool->thread[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->done_lock);
	pthread_mutex_destroy(&pool->lock);
}

void posix_pool_close(struct posix_pool *pool)
{
	if (!pool)
		return;
	/* A child has none of the threads, and they may have held the locks. */
	if (!fork_inherited(pool->process))
		pool_stop(pool);
	fork_fd_close(&pool->event_watch);
	free(pool);
}
