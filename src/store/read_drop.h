/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_drop.h - the entry of a value that did not verify is dropped, where the get asked for it.
 */
#ifndef STORE_READ_DROP_H
#define STORE_READ_DROP_H

#include "store/store.h"

/*
 * Drops the entry VALUE, which the get OP has found damaged, with a tombstone, and ends OP with
 * -EBADMSG when that is acknowledged, or has failed. It drops nothing, and ends OP at once, if a
 * newer record of the key is there or on its way, or if the store takes no writes. A get with a
 * deadline ends at once in any case.
 */
void read_drop(struct weir_store *s, struct weir_store_op *op, const struct index_value *value);

#endif
