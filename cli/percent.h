/* SPDX-License-Identifier: Apache-2.0 */
/* percent.h - reads percentages that people type. */
#ifndef PERCENT_H
#define PERCENT_H

#include <stdint.h>

/* Reads TEXT ("75" or "75%", from 0 to MAX) into *PERCENT. Returns 0, or an exit code after it has
 * printed what is wrong with the option NAME. */
int percent_parse(const char *name, const char *text, uint32_t max, uint32_t *percent);

#endif
