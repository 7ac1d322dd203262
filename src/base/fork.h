/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.h - finds out whether an object was inherited over fork().
 *
 * A child of fork() has its parent's memory, but none of its threads, and it shares rings, locks
 * and descriptors with the parent. So each object that has such things stores the number of the
 * process that made it, and its public functions compare that number first. This works for each way
 * to copy a process: fork(), _Fork(), and clone() without CLONE_VM. A child that shares its
 * parent's memory (vfork(), posix_spawn()) counts as its parent.
 */
#ifndef FORK_H
#define FORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* The number of the running process, or 0 if nobody has asked for it yet. */
extern const uint32_t *fork_number;

/* Returns the number of the running process. It is never 0, and no ancestor has the same. Any
 * thread. */
uint32_t fork_process(void);

/* Returns true if the process with number PROCESS made an object and this process inherited it.
 * Costs two loads; any thread. */
static inline bool fork_inherited(uint32_t process)
{
	return __atomic_load_n(fork_number, __ATOMIC_RELAXED) != process;
}

/* Sets the error text for an inherited WHAT ("queue"), and returns -ECHILD. */
int fork_refuse(const char *what) __attribute__((cold));

/*
 * A descriptor that a child of fork() must not keep, because it would hold a lock, a claim or a
 * ring as long as the child lives. The object that has the descriptor owns this memory.
 */
struct fork_fd {
	int *fd;	  /* NULL: not watched */
	uint32_t process; /* the process that watches it */
	LIST_ENTRY(fork_fd) link;
};

/*
 * Watches *FD: each new child of fork() closes it and finds -1 there. W must stay valid until
 * fork_fd_close(). The children of _Fork() and clone() are not handled. Any thread.
 */
void fork_fd_watch(struct fork_fd *w, int *fd);

/* Stops watching without closing the descriptor. Any thread. */
void fork_fd_unwatch(struct fork_fd *w);

/* Closes the descriptor of W if it is open. W may be all zeroes and never watched. Any thread. */
void fork_fd_close(struct fork_fd *w);

#endif
