/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.h - what was inherited over fork().
 *
 * A child of fork() has its parent's memory, but none of its threads, and shares rings, locks and
 * descriptors with it. So each object that has such things notes the process that made it, and
 * its public functions compare that number first. It is found out whichever way the process was
 * copied (fork(), _Fork(), clone() without CLONE_VM); a child that shares its parent's memory
 * (vfork(), posix_spawn()) is its parent here.
 */
#ifndef FORK_H
#define FORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* The number of the running process, or 0: nobody asked for it yet. */
extern const uint32_t *fork_number;

/* The number of the running process, which none of its ancestors has; never 0. Any thread. */
uint32_t fork_process(void);

/* Was what process number PROCESS made inherited by this one? Two loads; any thread. */
static inline bool fork_inherited(uint32_t process)
{
	return __atomic_load_n(fork_number, __ATOMIC_RELAXED) != process;
}

/* Sets the words for an inherited WHAT ("queue"), and returns -ECHILD. */
int fork_refuse(const char *what) __attribute__((cold));

/*
 * A descriptor that a child of fork() is not to keep, as it would hold a lock, a claim or a ring
 * for as long as the child lives. The memory belongs to the object that the descriptor is of.
 */
struct fork_fd {
	int *fd;	  /* NULL: not watched */
	uint32_t process; /* that watches it */
	LIST_ENTRY(fork_fd) link;
};

/*
 * From now on *FD is closed in each new child of fork(), and -1 there. W is the caller's until
 * fork_fd_close(). Not seen by the children of _Fork() and clone(). Any thread.
 */
void fork_fd_watch(struct fork_fd *w, int *fd);

/* Ends the watch without closing. Any thread. */
void fork_fd_unwatch(struct fork_fd *w);

/* Closes *FD of W if it is open; W, zeroed, may never have been watched. Any thread. */
void fork_fd_close(struct fork_fd *w);

#endif
