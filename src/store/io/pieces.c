/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pieces.c - walks through the memory of a value. It owns nothing; any thread.
 */
#include <string.h>

#include "base/check.h"
#include "store/io/pieces.h"

struct pieces pieces_begin(const struct weir_store_op *op, size_t length)
{
	struct pieces p = { .left = length };

	if (op->nr_iov) {
		p.iov = op->iov;
		p.count = op->nr_iov;
	} else {
		p.data = op->buf;
	}
	return p;
}

/* Returns how many bytes lie together at P, and sets *DATA to them. */
static size_t pieces_here(const struct pieces *p, uint8_t **data)
{
	struct pieces at = *p;
	size_t n = p->left;

	if (!p->iov) {
		*data = p->data;
		return n;
	}
	while (n && at.done == at.iov[at.at].iov_len) {
		CHECK(at.at + 1 < at.count);
		at.at++;
		at.done = 0;
	}
	if (!n)
		return 0;
	*data = (uint8_t *)at.iov[at.at].iov_base + at.done;
	return n < at.iov[at.at].iov_len - at.done ? n : at.iov[at.at].iov_len - at.done;
}

void pieces_skip(struct pieces *p, size_t n)
{
	CHECK(n <= p->left);
	p->left -= n;
	if (!p->iov) {
		p->data += n;
		return;
	}
	while (n) {
		size_t here = p->iov[p->at].iov_len - p->done;

		if (n < here) {
			p->done += n;
			return;
		}
		n -= here;
		p->at++;
		p->done = 0;
	}
}

/* Returns how many bytes at P the device can use where they are. */
static size_t pieces_direct(const struct pieces *p, struct pieces_rule rule, uint8_t **data)
{
	size_t n = pieces_here(p, data);

	return n && !((uintptr_t)*data & rule.mask) ? n & ~(rule.block - 1) : 0;
}

struct pieces_run pieces_run(const struct pieces *p, struct pieces_rule rule, size_t max)
{
	struct pieces_run run = { 0 };
	struct pieces at = *p;
	uint8_t *data;
	size_t n = pieces_direct(&at, rule, &data);

	if (n) {
		run.direct = data;
		run.bytes = n < max ? n : max;
		return run;
	}
	while (at.left && run.bytes < max && !pieces_direct(&at, rule, &data)) {
		n = at.left < rule.block ? at.left : rule.block;
		run.bytes += n;
		pieces_skip(&at, n);
	}
	return run;
}

size_t pieces_copied(struct pieces p, struct pieces_rule rule)
{
	size_t copied = 0;

	while (p.left) {
		struct pieces_run run = pieces_run(&p, rule, SIZE_MAX);

		if (!run.direct)
			copied += (run.bytes + rule.block - 1) & ~(rule.block - 1);
		pieces_skip(&p, run.bytes);
	}
	return copied;
}

/* Steps over at most N bytes that lie together, and sets *DATA to them. Returns how many. */
static size_t pieces_step(struct pieces *p, size_t n, uint8_t **data)
{
	size_t here = pieces_here(p, data);

	CHECK(here);
	here = here < n ? here : n;
	pieces_skip(p, here);
	return here;
}

void pieces_gather(struct pieces *p, uint8_t *to, size_t n)
{
	uint8_t *data;
	size_t here;

	for (; n; n -= here, to += here) {
		here = pieces_step(p, n, &data);
		memcpy(to, data, here);
	}
}

void pieces_scatter(struct pieces *p, const uint8_t *from, size_t n)
{
	uint8_t *data;
	size_t here;

	for (; n; n -= here, from += here) {
		here = pieces_step(p, n, &data);
		memcpy(data, from, here);
	}
}
