/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - what the fuzz targets share. A target is LLVMFuzzerTestOneInput(): libFuzzer calls it
 * with inputs that it makes up, and plain.c with those that are kept. One thread.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Has one reader read the SIZE bytes at DATA. Returns 0; does not return if the reader is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Makes the SIZE bytes at DATA a file in memory, and returns its path, which is valid until the
 * next call. Sends what readers print to nowhere; sanitizers, which know no FILE, are still heard.
 */
const char *fuzz_file(const uint8_t *data, size_t size);

/* RET is what a reader returned: 0, or -errno with a text that says why. */
void fuzz_result(int err);

/* Aborts, with the words of the condition, unless it holds. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition))
void fuzz_fail(const char *condition) __attribute__((noreturn));

#endif
