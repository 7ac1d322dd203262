/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty.h - refuses to format what contains something.
 */
#ifndef STORE_EMPTY_H
#define STORE_EMPTY_H

#include <weir/queue.h>

/*
 * Looks whether the device of Q contains anything. Of a file it reads the parts that have data;
 * where these are long, and on a device, it reads both ends and many small parts between them; and
 * it asks libblkid. Returns 0, -EEXIST with words that say what was found and what was looked at,
 * or the error of a read. Blocks; any thread that may wait on Q.
 */
int empty_check(struct weir_queue *q);

#endif
