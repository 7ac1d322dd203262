/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.c - tells a child of fork() from its parent, and closes what the child must not keep.
 *
 * The number of the process lies in a page that the kernel fills with zeroes in a child
 * (MADV_WIPEONFORK). A handler of fork() clears the number as well; it is the only way where the
 * kernel has no such page. A child that needs a number takes the next one. This file owns that page
 * and the list of descriptors. The list has a lock that is held during fork(), so that the child
 * finds the list whole.
 */
#include "base/fork.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

static uint32_t plain_number; /* used if there is no such page */
static uint32_t *number = &plain_number;
const uint32_t *fork_number = &plain_number;
static uint32_t last_number; /* a child counts on from its parent's */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, fork_fd) watched = LIST_HEAD_INITIALIZER(watched);
static uint32_t watched_in; /* the process that made the list */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* This handler may only do what a signal handler may do: other threads may have held any lock. */
static void in_child(void)
{
	struct fork_fd *w;

	__atomic_store_n(number, 0, __ATOMIC_RELAXED);
	while ((w = LIST_FIRST(&watched))) {
		int *fd = w->fd;

		LIST_REMOVE(w, link);
		w->fd = NULL;
		if (fd && *fd >= 0) {
			close(*fd);
			*fd = -1;
		}
	}
	pthread_mutex_unlock(&lock);
}

static void set_up(void)
{
	void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Without such a page, the handlers of fork() do the work alone. */
	if (page != MAP_FAILED && !madvise(page, 1, MADV_WIPEONFORK)) {
		number = page;
		__atomic_store_n(&fork_number, number, __ATOMIC_RELEASE);
	}
	(void)pthread_atfork(before_fork, in_parent, in_child);
}

uint32_t fork_process(void)
{
	uint32_t mine = 0, next;

	pthread_once(&once, set_up);
	if (__atomic_load_n(number, __ATOMIC_RELAXED))
		return __atomic_load_n(number, __ATOMIC_RELAXED);
	next = __atomic_add_fetch(&last_number, 1, __ATOMIC_RELAXED);
	return __atomic_compare_exchange_n(number, &mine, next, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED)
		       ? next
		       : mine;
}

int fork_refuse(const char *what)
{
	return error_set(-ECHILD,
			 "the %s was opened before fork(), and is the parent's: the child may "
			 "close it, and open one of its own",
			 what);
}

void fork_fd_watch(struct fork_fd *w, int *fd)
{
	w->process = fork_process();
	pthread_mutex_lock(&lock);
	/* After clone() this is still the parent's list, and its objects may be gone: begin a new
	 * one. */
	if (watched_in != w->process)
		LIST_INIT(&watched);
	watched_in = w->process;
	w->fd = fd;
	LIST_INSERT_HEAD(&watched, w, link);
	pthread_mutex_unlock(&lock);
}

/* A child does not touch the list: after clone() nobody may ever release its lock. */
static int *fork_fd_take(struct fork_fd *w)
{
	int *fd;

	if (fork_inherited(w->process))
		return w->fd;
	pthread_mutex_lock(&lock);
	fd = w->fd;
	if (fd)
		LIST_REMOVE(w, link);
	pthread_mutex_unlock(&lock);
	return fd;
}

void fork_fd_unwatch(struct fork_fd *w)
{
	(void)fork_fd_take(w);
	w->fd = NULL;
}

void fork_fd_close(struct fork_fd *w)
{
	int *fd = fork_fd_take(w);

	w->fd = NULL;
	if (fd && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
}
