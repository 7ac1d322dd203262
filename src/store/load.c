/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - what a store has done, by stream and by lane. Owns nothing; the thread of the call.
 */
#include "store/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <weir/tenant.h>

#include "base/clock.h"
#include "base/error.h"
#include "queue/load.h"
#include "store/parts.h"

/* Adds up what all devices say of STREAM, and writes it. SUM is memory for that. */
static void load_stream_took(struct weir_store *s, uint32_t stream, struct tally_stream *sum,
			     FILE *out)
{
	struct weir_store *part;
	uint32_t n;

	*sum = (struct tally_stream){ 0 };
	PARTS_FOREACH(s, part, n)
	{
		const struct tally_stream *t = tally_of(&part->io.tally, stream);

		if (!t)
			continue; /* made on other devices first */
		sum->put_bytes += __atomic_load_n(&t->put_bytes, __ATOMIC_RELAXED);
		sum->get_bytes += __atomic_load_n(&t->get_bytes, __ATOMIC_RELAXED);
		hist_merge(&sum->put, &t->put);
		hist_merge(&sum->get, &t->get);
	}
	fprintf(out, "stream %u get %" PRIu64 " ", stream, sum->get_bytes);
	load_write_hist(&sum->get, out);
	fprintf(out, "stream %u put %" PRIu64 " ", stream, sum->put_bytes);
	load_write_hist(&sum->put, out);
}

static int load_streams(struct weir_store *s, FILE *out)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	struct tally_stream *sum = malloc(sizeof(*sum));
	int err = sum ? weir_store_get_info(s, &info)
		      : error_sys(-ENOMEM, "what the streams have done");

	for (uint32_t n = 0; n < info.streams && !err; n++) {
		struct weir_store_stream facts = WEIR_STORE_STREAM_INIT;

		err = weir_store_get_stream(s, n, &facts);
		if (err)
			break;
		fprintf(out, "stream %u keys %" PRIu64 "\n", n, facts.entries);
		load_stream_took(s, n, sum, out);
	}
	free(sum);
	return err;
}

static int load_devices(struct weir_store *s, FILE *out)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int err = weir_store_get_info(s, &info);

	for (uint32_t n = 0; n < info.devices && !err; n++) {
		struct weir_store_device device = WEIR_STORE_DEVICE_INIT;

		err = weir_store_get_device(s, n, &device);
		if (!err && device.queue)
			load_write(device.queue, n + 1, out);
	}
	return err;
}

int load_text(struct weir_store *s, char **text, size_t *length)
{
	FILE *out = open_memstream(text, length);
	int err, lost;

	if (!out)
		return error_sys(-ENOMEM, "what the store has done");
	fprintf(out, "time %" PRIu64 "\n", clock_now());
	err = load_streams(s, out);
	if (!err)
		err = load_devices(s, out);
	lost = ferror(out);
	lost |= fclose(out);
	if (!err && lost)
		err = error_sys(-ENOMEM, "what the store has done");
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}
