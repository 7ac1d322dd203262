/* SPDX-License-Identifier: Apache-2.0 */
/* placement.h - the value of --placement. */
#ifndef CLI_PLACEMENT_H
#define CLI_PLACEMENT_H

#include <stdint.h>

/*
 * Converts NAME, the value of --placement (NULL: not given), to an enum weir_placement. Returns 0,
 * or an exit code after the error was printed.
 */
int placement_read(const char *name, uint32_t *placement);

#endif
