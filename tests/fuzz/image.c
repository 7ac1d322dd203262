/* SPDX-License-Identifier: Apache-2.0 */
/* image.c - opens, lists, reads, changes and closes a changed image of a store, twice. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "forge.h"
#include "fuzz.h"
#include "base/error.h"
#include "drive.h"
#include "queue/open.h"
#include "store/store.h"

static struct weir_queue *queue;

static void image_queue(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	struct weir_device *dev;
	char name[64];

	fuzz_file((const uint8_t *)"", 0); /* output is discarded from now on */
	snprintf(name, sizeof(name), "null:%u", FORGE_BYTES);
	FUZZ_CHECK(!weir_device_open(&dev, name, NULL));
	FUZZ_CHECK(!queue_open(&queue, dev, &opts, drive_engine(0), NULL));
	FUZZ_CHECK(!weir_queue_attach(queue, 0));
	drive_make(1, FORGE_BYTES);
}

static int image_see(const struct weir_store_entry *entry, void *user)
{
	FUZZ_CHECK(entry->key_len && entry->key_len <= WEIR_KEY_MAX && entry->value_len);
	++*(uint64_t *)user;
	return 0;
}

static void image_read(struct weir_store *s)
{
	static uint8_t value[65536] __attribute__((aligned(4096)));
	struct weir_store_stats stats = WEIR_STORE_STATS_INIT;
	uint64_t listed = 0;
	size_t length;
	char key[16];

	fuzz_result(weir_store_list(s, image_see, &listed));
	FUZZ_CHECK(!weir_store_get_stats(s, &stats));
	FUZZ_CHECK(listed <= stats.entries);
	for (unsigned n = 0; n < FORGE_KEYS; n++) {
		snprintf(key, sizeof(key), "key %u", n);
		length = 0;
		fuzz_result(weir_store_get(s, key, 5, value, sizeof(value), &length));
		FUZZ_CHECK(length <= sizeof(value));
	}
}

static void image_change(struct weir_store *s)
{
	static uint8_t value[20000];
	char key[16];

	fuzz_result(weir_store_put(s, "key 0", 5, value, 900, WEIR_PUT_DURABLE));
	fuzz_result(weir_store_delete(s, "key 2", 5, 0));
	for (unsigned n = 0; n < 4; n++) {
		snprintf(key, sizeof(key), "new %u", n);
		fuzz_result(weir_store_put(s, key, 5, value, sizeof(value), 0));
	}
}

static void image_open(uint32_t read_only)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s;
	int err;

	opts.attach = 1;
	opts.read_only = read_only;
	(void)error_set(0, "%s", "");
	err = weir_store_open_queues(&s, &queue, 1, &opts);
	fuzz_result(err);
	if (err)
		return;
	image_read(s);
	if (!read_only)
		image_change(s);
	image_read(s);
	fuzz_result(weir_store_close(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!queue)
		image_queue();
	drive_load(forge_image(data, size));
	drive.random = 1;
	image_open(1);
	image_open(0);
	image_open(0);
	return 0;
}
