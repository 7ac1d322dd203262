/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.c - starts the library's own threads. Owns nothing; any thread.
 */
#include "base/thread.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STACK_MIN (256u << 10)
/* The kernel refuses a mask that is shorter than its own. This one has room for 8192 CPUs. */
#define CPU_BYTES 1024u

/* The arguments of the new thread. They are on the stack of the thread that starts it. */
struct start {
	const char *name;
	void *(*fn)(void *arg);
	void *arg;
	sem_t ready;
};

/*
 * Gives the new thread the CPUs of the process. It would inherit those of the thread that started
 * it, and that thread may be bound to CPUs for its own work. If both masks are equal the call is
 * left out, because the kernel treats a mask that was set as a wish of this thread. If the call
 * fails the inherited mask stays.
 */
static void use_cpus_of_process(void)
{
	unsigned char process[CPU_BYTES] = { 0 }, own[CPU_BYTES] = { 0 };

	if (sched_getaffinity(getpid(), sizeof(process), (cpu_set_t *)process) ||
	    sched_getaffinity(0, sizeof(own), (cpu_set_t *)own))
		return;
	if (memcmp(process, own, sizeof(own)) != 0)
		(void)sched_setaffinity(0, sizeof(process), (cpu_set_t *)process);
}

static void *thread_run(void *arg)
{
	struct start start = *(struct start *)arg;

	/* pthread_setname_np() is not used: called from another thread, it opens a file in
	 * /proc. */
	(void)prctl(PR_SET_NAME, start.name);
	use_cpus_of_process();
	sem_post(&((struct start *)arg)->ready); /* the memory of START is not used from here on */
	return start.fn(start.arg);
}

static int set_stack(pthread_attr_t *attr)
{
	size_t size;
	int err = pthread_attr_getstacksize(attr, &size);

	return err || size >= STACK_MIN ? err : pthread_attr_setstacksize(attr, STACK_MIN);
}

int thread_start(pthread_t *thread, const char *name, void *(*fn)(void *arg), void *arg)
{
	struct start start = { .name = name, .fn = fn, .arg = arg };
	pthread_attr_t attr;
	sigset_t all, old;
	int err = pthread_attr_init(&attr);

	if (err)
		return -err;
	sem_init(&start.ready, 0, 0);
	err = set_stack(&attr);
	/* The thread inherits the blocked signals, so that it never takes a signal, not even at its
	 * start. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!err)
		err = pthread_create(thread, &attr, thread_run, &start);
	while (!err && sem_wait(&start.ready) && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	sem_destroy(&start.ready);
	pthread_attr_destroy(&attr);
	return -err;
}
