/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw_block.h - moves the values of a bench with LMCache's raw_block: the extension in Rust that
 * its package brings (lmcache_rust_raw_block_io), called from Python as LMCache calls it. One
 * thread.
 */
#ifndef BENCH_RAW_BLOCK_H
#define BENCH_RAW_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/puts.h"

/*
 * Finds a Python that has the extension: GIVEN, or for "auto" the first of $WEIR_HOSTS/bin/python,
 * ~/.cache/weir/hosts/bin/python and python3. Returns 0 and sets *PYTHON, which the caller frees;
 * or -ENOENT with weir_error() saying why there is none. Blocks.
 */
int bench_raw_block_find(char **python, const char *given);

/*
 * Writes the values of P to PATH, each to its own place, as many at a time as P says, and then
 * syncs the file; then reads them in random order. Only what P says of values and depth counts.
 * There is no header and no index: it does less than LMCache's adapter, which is raw_block's good
 * luck. Latencies are not known. Returns 0 or -errno with weir_error() set. Blocks.
 */
int bench_raw_block_run(const char *python, const char *path, bool direct,
			const struct bench_puts *p, struct bench_puts_way *put,
			struct bench_puts_way *get);

#endif
