/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_status.h - what an NVMe status field says: an errno, words, and whether to try again.
 *
 * A status field has the status code in bits 7:0, its type in bits 10:8, and "do not retry" in
 * bit 14. Pure; any thread.
 */
#ifndef NVME_STATUS_H
#define NVME_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* So often a command is offered again that a drive refused for the moment, or that a timeout or
 * a reset cancelled. */
#define NVME_STATUS_RETRIES 3

/* -errno for a STATUS that is not 0. */
int nvme_status_errno(uint16_t status);

/* Does the drive allow another try? */
bool nvme_status_may_retry(uint16_t status);

/* Is it the way to the drive, and not the drive, that had no use for the command? */
bool nvme_status_is_path(uint16_t status);

/* Was the command cancelled on its way, so that nobody knows what the drive did of it? */
bool nvme_status_unknown(uint16_t status);

/* STATUS in words ("Write Fault"). Static. */
const char *nvme_status_words(uint16_t status);

#endif
