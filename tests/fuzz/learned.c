/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned.c - reads any bytes as the learned state of a scheduler: as they are, and with a checksum
 * that is right, so that what is behind it is read too. What a queue takes, it works with, and
 * gives back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <xxhash.h>

#include <weir/weir.h>

#include "fuzz.h"

#define LEARNED_BYTES 8192u
#define LEARNED_IOS 64u
#define LEARNED_BLOCK 4096u

static struct weir_device *dev;
static struct weir_queue *q;

static void learned_open(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;

	opts.engine = "null";
	opts.scheduler = "pace";
	FUZZ_CHECK(!weir_device_open(&dev, "null", NULL));
	FUZZ_CHECK(!weir_queue_open(&q, dev, &opts));
	FUZZ_CHECK(!weir_queue_attach(q, 0));
}

/* Reads and writes of several lengths, awaited and not. */
static void learned_work(void)
{
	static char memory[16 * LEARNED_BLOCK] __attribute__((aligned(4096)));
	static struct weir_io io[LEARNED_IOS];

	for (unsigned i = 0; i < LEARNED_IOS; i++) {
		uint64_t length = (1u << i % 5) * LEARNED_BLOCK;

		if (i % 3)
			weir_io_read(&io[i], i * sizeof(memory), memory, length);
		else
			weir_io_write(&io[i], i * sizeof(memory), memory, length);
		io[i].flags = i % 6 ? 0 : WEIR_IO_BACKGROUND;
		io[i].submitter = i % 4;
		FUZZ_CHECK(!weir_queue_submit(q, &io[i]));
	}
	FUZZ_CHECK(!weir_queue_wait(q));
}

static void learned_load(const char *text, size_t length)
{
	static char again[LEARNED_BYTES];
	size_t n;
	int err = weir_queue_load_state(q, text, length);

	fuzz_result(err);
	if (err)
		return;
	learned_work();
	FUZZ_CHECK(!weir_queue_save_state(q, again, sizeof(again), &n));
	FUZZ_CHECK(!weir_queue_load_state(q, again, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[LEARNED_BYTES];
	int n;

	if (size > LEARNED_BYTES - 256)
		return 0;
	learned_open();
	learned_load((const char *)data, size);
	/* What changes with the device and the day is not for chance to find. */
	n = snprintf(text, 256,
		     "weir-learned 1\nscheduler pace 1\ndevice null, %" PRIu64
		     " bytes\nlanes 1\nsaved %" PRIu64 "\n",
		     weir_device_get_info(dev)->capacity_bytes, (uint64_t)time(NULL));
	memcpy(text + n, data, size);
	size += (size_t)n;
	size += (size_t)snprintf(text + size, LEARNED_BYTES - size, "checksum %016" PRIx64 "\n",
				 (uint64_t)XXH3_64bits(text, size));
	learned_load(text, size);
	FUZZ_CHECK(!weir_queue_close(q));
	weir_device_close(dev);
	return 0;
}
