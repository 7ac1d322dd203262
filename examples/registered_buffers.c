/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registered_buffers.c - memory that is registered once, so that the kernel need not look up its
 * pages for each io. This saves time if many ios use the same memory.
 *
 * Registering may fail: the engine has no such thing (posix), or the limit on locked memory
 * (ulimit -l) is too low. The same ios work then, too, and cost a little more. So a program prints
 * the reason and goes on.
 *
 * Prints
 *     256 reads of registered memory, 0 errors
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

#define BLOCK ((size_t)4096)
#define BLOCKS 256

/* Prints why range number 0, which is the only one, is not registered, if it is not. */
static void say_state(struct weir_queue *q)
{
	struct weir_buffer buffer = WEIR_BUFFER_INIT;

	if (weir_queue_get_buffer(q, 0, &buffer) == 0 && buffer.state != WEIR_BUFFER_REGISTERED)
		warnx("goes on without registered memory: %s", buffer.reason);
}

static void read_all(struct weir_queue *q, char *memory)
{
	static struct weir_io ios[BLOCKS];
	char text[256];
	int errors = 0;

	for (int i = 0; i < BLOCKS; i++) {
		weir_io_read(&ios[i], (uint64_t)i * BLOCK, memory + i * BLOCK, BLOCK);
		if (weir_queue_submit(q, &ios[i]) < 0)
			errx(1, "%s", weir_error());
	}
	for (int i = 0; i < BLOCKS; i++) {
		if (weir_io_wait(q, &ios[i], UINT64_MAX) == 0)
			continue;
		warnx("%s", weir_io_strerror(&ios[i], text, sizeof(text)));
		errors++;
	}
	printf("%d reads of registered memory, %d errors\n", BLOCKS, errors);
}

static void run(struct weir_queue *q)
{
	char *memory = aligned_alloc(BLOCK, BLOCKS * BLOCK);

	if (!memory)
		err(1, "memory");
	/* Ios find registered memory by themselves: nothing else in this program is different. */
	if (weir_queue_register(q, memory, BLOCKS * BLOCK) < 0)
		warnx("%s", weir_error());
	read_all(q, memory);
	say_state(q);
	/* All ios on it have ended, so the memory may go as soon as this has returned. */
	if (weir_queue_unregister(q, memory, BLOCKS * BLOCK) < 0)
		warnx("%s", weir_error());
	free(memory);
}

int main(void)
{
	struct weir_device_opts file = WEIR_DEVICE_OPTS_INIT;
	struct weir_device *dev;
	struct weir_queue *q;

	file.flags = WEIR_DEVICE_CREATE;
	file.create_bytes = BLOCKS * BLOCK;
	if (weir_device_open(&dev, "buffers.img", &file) < 0 || weir_queue_open(&q, dev, NULL) < 0)
		errx(1, "%s", weir_error());
	run(q);
	if (weir_queue_close(q) < 0)
		errx(1, "%s", weir_error());
	weir_device_close(dev);
	return 0;
}
