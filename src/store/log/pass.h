/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pass.h - how much a store writes in one pass of the loop.
 *
 * To admit a put means to compute its checksum, which takes the loop's thread a tenth of a
 * millisecond for each MiB. Gets that came meanwhile would wait for all puts that found room. So
 * the logs stop after some bytes and go on in the next pass, after what came in between.
 */
#ifndef STORE_LOG_PASS_H
#define STORE_LOG_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/queue.h>

struct log;
struct logs;

struct pass {
	struct weir_task next; /* goes on with what was put off */
	bool posted;
	uint64_t bytes;
	uint32_t put_off; /* logs with operations for the next pass, as a mask */
	uint32_t first;	  /* logs that come first then, as a mask */
};

/* L has submitted a batch of BYTES. */
void pass_take(struct log *l, uint64_t bytes);
/* Returns true if no log submits more batches in this pass. */
bool pass_is_over(const struct logs *ls);
/* L has operations that it may admit, but not in this pass. */
void pass_put_off(struct log *l);
/* Returns true if L waits for nothing but the next pass. */
bool pass_has_put_off(const struct log *l);

#endif
