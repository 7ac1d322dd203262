/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - numbers as people type and read them.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parses a size: digits with an optional fraction and unit, k M G T P (also K, KiB, MB ...; all
 * powers of 1024) or B: "4k", "1.5GiB", "4096". 0, -EINVAL or -ERANGE, with weir_error() naming
 * TEXT and what would be valid. *BYTES is set on success only.
 */
int parse_size(const char *text, uint64_t *bytes);

/*
 * Parses a time: "2ms", "250us", "1.5s", "10ns", "1m", "1h"; a bare number needs a unit unless
 * it is 0. Errors as parse_size().
 */
int parse_time(const char *text, uint64_t *ns);

/*
 * Parses a whole number from MIN to MAX. Errors as parse_size(); the text names the range.
 */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/*
 * Parses a whole number as the kernel reads one from sysfs: a sign, then decimal, hexadecimal
 * (0x10) or octal (010) digits; a last newline does not count. What 64 bits do not hold becomes the
 * nearest that they do. 0, or -EINVAL without words: TEXT is no such number.
 */
int parse_sysfs(const char *text, int64_t *value);

/* "4 KiB", "1.50 GiB", "17 B": BUF is filled and returned. */
const char *format_size(uint64_t bytes, char *buf, size_t size);

/* "83 ns", "1.25 ms", "2.00 s": BUF is filled and returned. */
const char *format_time(uint64_t ns, char *buf, size_t size);

#endif
