/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - reads and writes numbers as people type and read them.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parses a size: digits with an optional fraction and unit. Units are k M G T P (also K, KiB, MB
 * ...; all are powers of 1024) or B: "4k", "1.5GiB", "4096". Returns 0, -EINVAL or -ERANGE; then
 * weir_error() names TEXT and what would be valid. *BYTES is set on success only.
 */
int parse_size(const char *text, uint64_t *bytes);

/*
 * Parses a time: "2ms", "250us", "1.5s", "10ns", "1m", "1h". A number without a unit is valid only
 * if it is 0. Errors are those of parse_size().
 */
int parse_time(const char *text, uint64_t *ns);

/*
 * Parses a whole number from MIN to MAX. Errors are those of parse_size(); the text names the
 * range.
 */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/*
 * Parses a whole number as the kernel reads one from sysfs: a sign, then decimal, hexadecimal
 * (0x10) or octal (010) digits; a newline at the end is ignored. A number that does not fit in 64
 * bits becomes the nearest one that does. Returns 0, or -EINVAL, without an error text, if TEXT is
 * no such number.
 */
int parse_sysfs(const char *text, int64_t *value);

/* Writes a size to BUF, as "4 KiB", "1.50 GiB" or "17 B", and returns BUF. */
const char *format_size(uint64_t bytes, char *buf, size_t size);

/*
 * Writes a size to BUF so that an option takes it as one word and means the same number of bytes,
 * as "4KiB", "1536MiB" or "17B", and returns BUF.
 */
const char *format_size_word(uint64_t bytes, char *buf, size_t size);

/* Writes a time to BUF, with three digits unless it is longer than 999 s: "83 ns", "1.25 ms",
 * "20.0 s" or "3600 s". Returns BUF. */
const char *format_time(uint64_t ns, char *buf, size_t size);

#endif
