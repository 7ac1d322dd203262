/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/base.h - what every layer shares: version and the text of the last error.
 *
 * Conventions of the whole API
 *   - A function that can fail returns 0 or -errno; nothing prints, exits or aborts.
 *   - Sizes and offsets are bytes in uint64_t, times are nanoseconds in uint64_t; the unit is
 *     the last part of a name (timeout_ns, depth_bytes).
 *   - A struct that the caller fills in begins with `size` and has an _INIT initialiser, so that
 *     it can grow without breaking programs that were built against an older header.
 *   - errno is no part of the interface: any call may change it, also one that succeeds.
 *   - A thread must not be cancelled (pthread_cancel) while it is inside a call.
 *
 * What the library does to its process
 *   - Its threads (workers of queues and stores, the posix engine's pool) block all signals, so
 *     signals and their handlers are for the program's threads only; this goes for callbacks on a
 *     worker too, and for a process that a callback starts, which inherits the mask. They are
 *     called weir-lane0, weir-home, weir-io0 and so on, and may run on the CPUs of the process's
 *     main thread as they are when the thread starts (what `taskset -p PID` shows), not only on
 *     those of a pinned thread that happens to open a queue. Their stacks have the program's
 *     default size, 256 KiB at least.
 *   - Each descriptor closes on exec. Nothing changes the program's signal handlers, locale,
 *     environment, working directory or umask.
 *
 * fork()
 *   A child inherits devices, queues and stores, and can use none of them: every call on one
 *   returns -ECHILD at once (calls that cannot fail, as weir_device_get_info(), answer as before).
 * The child may close them: that frees their memory and returns 0, and takes neither lock nor data
 *   from the parent; memory that a thread of the parent may just have been changing is kept. A
 *   child of fork() has none of their descriptors, so a device is free when its parent has closed
 *   it or was killed, however long the child lives. The child may open what it likes for itself,
 *   inside a callback that called fork() too, but must not return from that callback. The parent
 *   is not affected. Programs that go to the background by fork() open after it.
 *   As open(2) says, fork() while direct reads are under way needs care on older kernels (before
 *   6.5): pages that the parent writes to meanwhile may lose what is read into them.
 *   vfork(), posix_spawn() and exec are fine. After _Fork() or clone() calls are refused as well,
 *   but the descriptors stay open until the child closes the object, execs or ends.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stddef.h>
#include <stdint.h>

#include <weir/version.h>

/*
 * What the _INIT initialisers are made of: the struct is zeroed, and its `size` set where it has
 * one. C has designated initialisers for this; C++ has none before C++20, so there a function
 * returns the struct. `struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;` is right in both.
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

/* A named thing that the library has a table of: an engine, a scheduler. */
struct weir_named {
	const char *name;
	const char *summary; /* one line */
	uint64_t reserved[2];
};

/*
 * Percentiles come from log-linear buckets: 32 to each power of two, so a value is at most
 * 3.2 % above the true one.
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
