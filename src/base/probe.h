/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - static probes (USDT), at which bpftrace, perf and others can look into a program that
 * runs.
 *
 * A probe is an instruction that does nothing, and a note in the file that says where it is and
 * where its arguments lie. So an argument is a value that is there anyway; nothing is computed for
 * a probe. Without <sys/sdt.h> there are none. docs/tracing.md lists them with their arguments.
 */
#ifndef PROBE_H
#define PROBE_H

#ifdef WEIR_USDT
/* for STAP_PROBEV, which takes any number of arguments */
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define PROBE(name, ...) STAP_PROBEV(weir, name, __VA_ARGS__)
#else
/* Nothing is called or computed; the arguments count as used. */
static inline void probe_none(int n, ...)
{
	(void)n;
}
#define PROBE(name, ...)                                                                           \
	do {                                                                                       \
		if (0)                                                                             \
			probe_none(0, __VA_ARGS__);                                                \
	} while (0)
#endif

#endif
