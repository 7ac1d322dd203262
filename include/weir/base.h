/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/base.h - what all layers share: the version and the text of the last error.
 *
 * Conventions of the whole API
 *   - A function that can fail returns 0 (or a count) or -errno, and weir_error() says why. The
 *     library never prints or exits. It aborts only if a check finds its own state broken.
 *   - Sizes and offsets are bytes, times are nanoseconds, both in uint64_t. The unit is the last
 *     part of a name (timeout_ns, depth_bytes).
 *   - A struct that the caller fills in begins with `size` and has an _INIT initialiser, so that
 *     it can grow without breaking programs that were built against an older header.
 *   - errno is not part of the interface: any call may change it, also one that succeeds.
 *   - A thread must not be cancelled (pthread_cancel) while it is inside a call.
 *
 * What the library does to its process
 *   - It starts threads: workers of queues and stores, the pool of the posix engine, and those that
 *     answer on the control socket of a store. They block all signals, so signals reach the
 *     program's own threads only. A callback on a worker runs with that mask, and a process that it
 *     starts inherits it. The threads are called weir-lane0, weir-home, weir-io0, weir-control,
 *     weir-scrub and so on. They may run on the CPUs that the main thread of the process may use
 * when they start
 *     (`taskset -p PID` shows them), even if a thread that is pinned to fewer opens the queue.
 *     Their stacks have the program's default size, and at least 256 KiB.
 *   - A store that is open for writing makes a socket in a folder of the user's own
 *     (weir_store_opts.control, docs/control.md). Nothing else is created that was not asked for.
 *   - Each descriptor closes on exec. The library does not change signal handlers, the locale, the
 *     environment, the working directory or the umask.
 *
 * Structs with a size
 *   A struct that begins with `size` starts from its _INIT, so that it can grow. One with options
 *   (_opts) may be NULL wherever a call takes it, unless the call says otherwise: then all options
 *   are the default. One that a call fills in may not be NULL unless the call says so: -EINVAL.
 *
 * fork()
 *   A child inherits devices, queues and stores, but cannot use them: every call on one returns
 *   -ECHILD at once. Calls that cannot fail, such as weir_device_get_info(), answer as before. The
 *   parent is not affected.
 *   The child may close what it inherited. This frees memory, returns 0, and takes no lock and no
 *   data from the parent. Memory that a thread of the parent was perhaps changing is not freed.
 *   The child has none of the descriptors. So a device becomes free when the parent closes it or
 *   ends, however long the child lives.
 *   The child may open devices, queues and stores of its own, even inside a callback that called
 *   fork(); but it must not return from that callback. A program that goes to the background with
 *   fork() should open everything after it.
 *   Before Linux 6.5, fork() during direct reads needs care, as open(2) says: a page into which
 *   data is being read may lose it if the parent writes to the page meanwhile.
 *   vfork(), posix_spawn() and exec need no care. After _Fork() or clone() calls are refused too,
 *   but the descriptors stay open until the child closes the object, calls exec or ends.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/version.h>

/*
 * The _INIT initialisers are made of these two macros, which programs do not use themselves. They
 * zero a struct, and set its `size` if it has one. C has designated initialisers for this. C++ has
 * none before C++20, so there a function returns the struct. Both languages write `struct
 * weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;`.
 */
#ifdef __cplusplus
namespace weir_detail
{
template <typename T> inline T zeroed()
{
	return T();
}

template <typename T> inline T sized()
{
	T object = T();

	object.size = sizeof(object);
	return object;
}
} /* namespace weir_detail */
#define WEIR_INIT_ZEROED(type, first) weir_detail::zeroed<type>()
#define WEIR_INIT_SIZED(type) weir_detail::sized<type>()
#else
#define WEIR_INIT_ZEROED(type, first)                                                              \
	{                                                                                          \
		.first = 0                                                                         \
	}
#define WEIR_INIT_SIZED(type)                                                                      \
	{                                                                                          \
		.size = sizeof(type)                                                               \
	}
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The version of the library that is running, e.g. "0.2.0". The string is static. WEIR_VERSION and
 * WEIR_VERSION_MAJOR, _MINOR and _PATCH are those of the headers that a program was compiled with.
 */
const char *weir_version(void);

/*
 * The last error of this thread, in words: what was wrong, where, and what to do about it. Each
 * function that returns a negative value sets it; a call that succeeds leaves it as it was, and so
 * does anything that fails later, outside of a call: weir_io_strerror() and
 * weir_store_op_strerror() have words for that. Never NULL; "no error" before the first one. The
 * memory belongs to the library, must not be freed, and changes with the thread's next error.
 */
const char *weir_error(void);

/*
 * Has the texts of errors call OPTION by NAME from now on, in the whole process. They advise what a
 * C program has: a member of a struct ("use force to destroy what is there"), a value, or a
 * function. A command, or a package for another language, has them say what its user has
 * ("--force"). NAME must stay valid; NULL stands for OPTION itself. The options are: arena_bytes,
 * block_bytes, degraded, force, free_high_percent, free_low_percent, lock_wait_ns, max_value_bytes,
 * rewrite_percent, salvage, segment_bytes, share_bytes_max, WEIR_PLACEMENT_NONE,
 * weir_queue_unregister(), weir_store_format() and weir_store_set_write_budget().
 * Errors: -EINVAL (no text names OPTION). Any thread, callbacks included; never blocks.
 */
int weir_error_name(const char *option, const char *name);

/* An engine or a scheduler, in the library's table of them. Strings are static. */
struct weir_named {
	const char *name;
	const char *summary; /* one line */
	uint64_t reserved[2];
};

/*
 * How long some operations took. Percentiles come from buckets, 32 for each power of two. So a
 * percentile is at most 3.2 % above the true value.
 */
struct weir_latency {
	uint64_t count;
	uint64_t sum_ns, min_ns, max_ns;
	uint64_t p50_ns, p90_ns, p99_ns, p999_ns;
	uint64_t reserved[4];
};

#ifdef __cplusplus
}
#endif
#endif
