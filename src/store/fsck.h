/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.h - checks a store on queues that the caller has opened.
 */
#ifndef STORE_FSCK_H
#define STORE_FSCK_H

#include <weir/fsck.h>
#include <weir/queue.h>

/* As weir_store_check(), on the devices of COUNT queues, whose loops the calling thread owns. They
 * are of one store, in the order of their numbers. Each field of OPTS and RESULT is valid. */
int fsck_on(struct weir_queue *const *queues, uint32_t count, const struct weir_check_opts *opts,
	    struct weir_check_result *result);

#endif
