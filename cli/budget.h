/* SPDX-License-Identifier: Apache-2.0 */
/* budget.h - reads write budgets that people type. */
#ifndef CLI_BUDGET_H
#define CLI_BUDGET_H

#include <stdint.h>

/*
 * Reads TEXT, the value of --write-budget: bytes a day as "500GiB", which become *BYTES; drive
 * writes a day as "1dwpd" or "0.3dwpd", which become *PERCENT of the capacity; or "off" or "0".
 * What it is not becomes 0. Returns 0, or an exit code after the error was printed.
 */
int budget_parse(const char *text, uint64_t *bytes, uint32_t *percent);

/* Returns the bytes a day that PERCENT of CAPACITY bytes are. */
uint64_t budget_of_capacity(uint64_t capacity, uint32_t percent);

/* Writes BYTES a day of CAPACITY bytes to BUF, as "64 GiB a day (0.50 drive writes)" or "none", and
 * returns BUF. */
const char *budget_words(uint64_t bytes, uint64_t capacity, char *buf, int size);

#endif
