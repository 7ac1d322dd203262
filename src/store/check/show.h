/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.h - gives the structures of a store to a program.
 */
#ifndef STORE_CHECK_SHOW_H
#define STORE_CHECK_SHOW_H

#include <weir/dump.h>
#include <weir/queue.h>

/* As weir_store_dump(), on the device of Q, whose loop the calling thread owns. */
int show_store(struct weir_queue *q, const struct weir_dump_opts *opts);

#endif
