/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - functions that the fuzz targets share. A target is LLVMFuzzerTestOneInput(): libFuzzer
 * calls it with inputs that it generates, and plain.c with the inputs in the tree. One thread.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes one reader read the SIZE bytes at DATA. Returns 0; it does not return if the reader is
 * wrong.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Makes a file in memory from the SIZE bytes at DATA. Returns its path, which is valid until the
 * next call. The output of readers is discarded; sanitizers do not use stdio, so their messages
 * are still printed.
 */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Checks ERR, the result of a reader: 0, or -errno with a text that says why. */
void fuzz_result(int err);

/* Aborts and prints the condition, unless it holds. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition))
void fuzz_fail(const char *condition) __attribute__((noreturn));

#endif
