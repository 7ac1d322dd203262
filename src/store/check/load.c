/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - reads whole segments with large ios, as fast as the device can.
 *
 * This file owns struct load and runs on the thread that checks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/check/load.h"

#define LOAD_PIECE (1ull << 20) /* bytes of an io */

static uint64_t load_piece(const struct load *l)
{
	uint64_t segment = l->m->lay->segment_bytes;

	return segment < LOAD_PIECE ? segment : LOAD_PIECE;
}

int load_init(struct load *l, const struct medium *m)
{
	uint64_t segment = m->lay->segment_bytes;

	memset(l, 0, sizeof(*l));
	l->m = m;
	l->pieces = (uint32_t)(segment / load_piece(l));
	CHECK(l->pieces * load_piece(l) == segment);
	for (uint32_t n = 0; n < LOAD_BUFFERS; n++) {
		struct load_buffer *b = &l->buffer[n];

		b->ios = calloc(l->pieces, sizeof(*b->ios));
		if (!b->ios || posix_memalign((void **)&b->bytes, 65536, segment)) {
			load_free(l);
			return -ENOMEM;
		}
	}
	return 0;
}

void load_begin(struct load *l, uint32_t segment)
{
	struct load_buffer *b = &l->buffer[l->next];
	uint64_t piece = load_piece(l), from = layout_offset(l->m->lay, segment, 0);

	CHECK(!b->begun);
	l->next = (l->next + 1) % LOAD_BUFFERS;
	b->segment = segment;
	b->err = 0;
	while (b->begun < l->pieces && !b->err) {
		struct weir_io *io = &b->ios[b->begun];
		uint64_t at = b->begun * piece;

		weir_io_read(io, from + at, b->bytes + at, piece);
		b->err = weir_queue_submit(l->m->q, io);
		b->begun += !b->err;
	}
}

static int load_end(struct load *l, struct load_buffer *b)
{
	int err = b->err, result;

	for (uint32_t n = 0; n < b->begun; n++) {
		result = weir_io_wait(l->m->q, &b->ios[n], UINT64_MAX);
		err = err ? err : result;
	}
	b->begun = 0;
	return err;
}

const uint8_t *load_wait(struct load *l, uint32_t segment)
{
	for (uint32_t n = 0; n < LOAD_BUFFERS; n++) {
		struct load_buffer *b = &l->buffer[n];

		if ((b->begun || b->err) && b->segment == segment)
			return load_end(l, b) ? NULL : b->bytes;
	}
	return NULL;
}

void load_free(struct load *l)
{
	for (uint32_t n = 0; n < LOAD_BUFFERS; n++) {
		struct load_buffer *b = &l->buffer[n];

		load_end(l, b);
		free(b->ios);
		free(b->bytes);
		b->ios = NULL;
		b->bytes = NULL;
	}
}
