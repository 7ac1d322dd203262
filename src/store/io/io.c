/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.c - the store's way to its device: made and freed. Owns struct store_io.
 */
#include "base/check.h"
#include "store/io/io.h"

void io_init(struct store_io *io, void (*turn)(struct store_io *io))
{
	const struct weir_device_info *info = weir_device_get_info(io->dev);

	CHECK(turn && io->q);
	io->turn = turn;
	io->memory_mask = info->memory_align_bytes ? info->memory_align_bytes - 1 : 0;
	bufpool_init(&io->pool, info->memory_align_bytes);
	flush_init(&io->flusher);
}

void io_set_super(struct store_io *io, const struct super *super)
{
	/* Positions of values depend on the layout, so it must not change. */
	CHECK(!io->lay || io->lay->segments == super->layout.segments);
	io->super = *super;
	io->lay = &io->super.layout;
	checksum_key_make(&io->key, super->uuid, super->secret, super->device_index);
}

void io_free(struct store_io *io)
{
	CHECK(!io->superjob.buf);
	bufpool_free(&io->pool);
	tally_free(&io->tally);
}
