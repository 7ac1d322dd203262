/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c - counts operations for metrics. See tally.h. */
#include "store/io/tally.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

int tally_make(struct tally *t, uint32_t stream)
{
	struct tally_stream *made;

	CHECK(stream < DISK_STREAMS);
	if (t->stream[stream])
		return 0;
	made = calloc(1, sizeof(*made));
	__atomic_store_n(&t->stream[stream], made, __ATOMIC_RELEASE);
	return made ? 0 : -ENOMEM;
}

void tally_free(struct tally *t)
{
	for (uint32_t n = 0; n < DISK_STREAMS; n++)
		free(t->stream[n]);
}

const struct tally_stream *tally_of(const struct tally *t, uint32_t stream)
{
	CHECK(stream < DISK_STREAMS);
	return __atomic_load_n(&t->stream[stream], __ATOMIC_ACQUIRE);
}

void tally_put(struct tally *t, uint32_t stream, uint64_t bytes, uint64_t ns, int result)
{
	if (result) {
		hist_add(&t->failed_puts, result != -EEXIST);
		return;
	}
	CHECK(stream < DISK_STREAMS && t->stream[stream]);
	hist_add(&t->stream[stream]->put_bytes, bytes);
	hist_record(&t->stream[stream]->put, ns);
}

/* Returns why a get that ended with RESULT gave no value. */
static uint32_t tally_reason(int result)
{
	switch (result) {
	case -EBADMSG:
		return WEIR_LEAVE_DAMAGED;
	case -ETIMEDOUT:
	case -ECANCELED:
		return TALLY_WITHDRAWN;
	case -EMSGSIZE:
		return TALLY_TOO_SMALL;
	default:
		return TALLY_FAILED;
	}
}

void tally_get(struct tally *t, uint32_t stream, uint64_t bytes, uint64_t ns, int result)
{
	if (result == -ENOENT)
		return;
	if (result) {
		hist_add(&t->misses[tally_reason(result)], 1);
		return;
	}
	CHECK(stream < DISK_STREAMS && t->stream[stream]);
	hist_add(&t->stream[stream]->get_bytes, bytes);
	hist_record(&t->stream[stream]->get, ns);
}

void tally_miss(struct tally *t, uint32_t reason)
{
	CHECK(reason <= WEIR_LEAVE_OUT_OF_USE);
	hist_add(&t->misses[reason], 1);
}

void tally_lookup(struct tally *t, uint64_t hits, uint64_t misses, uint32_t reason)
{
	CHECK(reason <= WEIR_LEAVE_OUT_OF_USE);
	if (hits)
		__atomic_fetch_add(&t->lookup_hits, hits, __ATOMIC_RELAXED);
	if (misses)
		__atomic_fetch_add(&t->lookup_misses[reason], 1, __ATOMIC_RELAXED);
	if (misses > 1)
		__atomic_fetch_add(&t->lookup_misses[TALLY_AFTER_GAP], misses - 1,
				   __ATOMIC_RELAXED);
}
