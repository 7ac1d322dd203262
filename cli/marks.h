/* SPDX-License-Identifier: Apache-2.0 */
/* marks.h - reads the marks of free segments that people type: --free-low and --free-high. */
#ifndef CLI_MARKS_H
#define CLI_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include <weir/store.h>

/*
 * Reads the texts of --free-low ("2%" or "off") and --free-high, either of which may be NULL, into
 * *LOW and *HIGH as weir_store_format_opts has them. Returns 0, or an exit code after the error was
 * printed.
 */
int marks_parse(const char *low_text, const char *high_text, uint32_t *low, uint32_t *high);

/* Returns the marks of INFO as text, which may be written to TEXT of SIZE bytes. */
const char *marks_words(const struct weir_store_info *info, char *text, size_t size);

#endif
