/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h - words about what is on a device.
 */
#ifndef CLI_DUMP_H
#define CLI_DUMP_H

#include <stdint.h>

#include <weir/dump.h>

#define DUMP_TIME_MAX 40

/* Writes NS of CLOCK_REALTIME to TEXT as a date in UTC, "-" for 0, and returns TEXT. */
const char *dump_time(uint64_t ns, char text[DUMP_TIME_MAX]);

/* Returns what became of a record: "live", "superseded", "deleted", "struck" or "freed". */
const char *dump_state(const struct weir_dump_record *d);

#endif
