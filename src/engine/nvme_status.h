/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_status.h - translates an NVMe status field into an errno and words, and tells whether to try
 * again.
 *
 * A status field has the status code in bits 7:0, its type in bits 10:8, and "do not retry" in bit
 * 14. Pure; any thread.
 */
#ifndef NVME_STATUS_H
#define NVME_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* A command is tried again so often if the drive refused it for the moment, or a timeout or a reset
 * cancelled it. */
#define NVME_STATUS_RETRIES 3

/* Returns -errno for a STATUS that is not 0. */
int nvme_status_errno(uint16_t status);

/* Returns true if the drive allows another try. */
bool nvme_status_may_retry(uint16_t status);

/* Returns true if not the drive, but the path to it, refused the command. */
bool nvme_status_is_path(uint16_t status);

/* Returns true if the command was cancelled on its way, so that nobody knows whether the drive
 * executed it. */
bool nvme_status_unknown(uint16_t status);

/* Returns STATUS in words ("Write Fault"). The text is static. */
const char *nvme_status_words(uint16_t status);

#endif
