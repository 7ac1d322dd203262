/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shrink.h - makes the options that repeat a failure shorter, while they still repeat it.
 */
#ifndef CRASH_SHRINK_H
#define CRASH_SHRINK_H

#include <stddef.h>

#define SHRINK_OPTIONS 4096u

/* OPTIONS repeat a failure of this program. They are replaced by shorter ones: steps are left out,
 * and sectors keep their old contents, as far as it fails in any way. Runs this program with each
 * candidate in a process of its own. */
void shrink(char options[SHRINK_OPTIONS]);

#endif
