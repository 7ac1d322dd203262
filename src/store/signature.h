/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signature.h - tells what a file or block device contains.
 */
#ifndef STORE_SIGNATURE_H
#define STORE_SIGNATURE_H

#include <stddef.h>

/*
 * Asks libblkid what FD, a file or block device without direct I/O, contains: a filesystem, a swap
 * area, a partition table, a part of a RAID. Returns 1 and writes its name to NAME ("ext4"), 0 if
 * libblkid finds no signature, or -errno if it cannot look. Blocks; any thread.
 */
int signature_find(int fd, char *name, size_t size);

#endif
