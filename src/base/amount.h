/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amount.h - values of attributes and tunables: numbers as sysfs reads them, and, where the
 * attribute counts bytes or time, what people type on a command line. Any thread.
 */
#ifndef AMOUNT_H
#define AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Parses TEXT as so many UNITs. A number without a unit is one that parse_sysfs() reads. With UNIT
 * "bytes", "KiB" or "sectors" (of 512 bytes) sizes of parse_size() are valid, too ("8m"), and with
 * "ns", "us" or "ms" times of parse_time() ("2ms"); all others have no units. A newline at the end
 * is ignored. Returns 0, -EINVAL (no such value), -EDOM (a size or a time, but no whole number of
 * UNITs) or -ERANGE (with its unit it is beyond 64 bits). weir_error() is then the caller's to set:
 * amount_refuse() does. *VALUE is set on success only.
 */
int amount_parse(const char *text, const char *unit, int64_t *value);

/* Returns what else amount_parse() takes for UNIT: ", or a size such as 8MiB", or "". Static. */
const char *amount_also(const char *unit);

/*
 * Sets weir_error() for the value TEXT of the attribute NAME, which amount_parse() refused with
 * ERR; or with -EINVAL for a value that is below 0, unless numbers like that are valid (NEGATIVE).
 * Returns -EINVAL.
 */
int amount_refuse(const char *name, const char *text, const char *unit, bool negative, int err);

#endif
