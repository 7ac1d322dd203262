/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller is reset while commands are in flight, and refuses others meanwhile: each is
 * tried again until it succeeds, ends once, and is found on the drive.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

#define CONTROLLER "/dev/nvme0"
#define RESETS 5u
#define IOS 64u
#define LENGTH 65536u

static bool stop;
static unsigned ended[IOS];

static void *reset(void *arg)
{
	struct timespec pause = { .tv_nsec = 200000000 };
	int fd = open(CONTROLLER, O_RDWR | O_CLOEXEC);

	for (unsigned i = 0; i < RESETS && fd >= 0; i++) {
		nanosleep(&pause, NULL);
		if (ioctl(fd, NVME_IOCTL_RESET) < 0)
			break;
		*(unsigned *)arg += 1;
	}
	if (fd >= 0)
		close(fd);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	return NULL;
}

static void end(struct weir_io *io)
{
	*(unsigned *)io->user += 1;
}

/* Writes each slot once; returns how many writes failed. */
static unsigned round_of_writes(struct vm *v, struct weir_io *ios, const char *buf)
{
	unsigned failed = 0;
	char words[256];

	for (unsigned i = 0; i < IOS; i++) {
		ended[i] = 0;
		weir_io_write(&ios[i], i * LENGTH, buf + i * LENGTH, LENGTH);
		ios[i].end = end;
		ios[i].user = &ended[i];
		assert_int_equal(weir_queue_submit(v->q, &ios[i]), 0);
	}
	assert_int_equal(weir_queue_wait(v->q), 0);
	for (unsigned i = 0; i < IOS; i++) {
		assert_int_equal(ended[i], 1);
		failed += ios[i].result != 0;
		if (ios[i].result)
			print_message("# %s\n", weir_io_strerror(&ios[i], words, sizeof(words)));
	}
	return failed;
}

static void a_reset_in_the_middle(void **state)
{
	struct weir_io ios[IOS];
	char *buf = vm_alloc(IOS * LENGTH), *back = vm_alloc(LENGTH);
	unsigned resets = 0, rounds = 0, failed = 0;
	pthread_t thread;
	struct vm v;

	(void)state;
	vm_open_with(&v, vm_ng(), "uring_cmd", "none");
	assert_int_equal(pthread_create(&thread, NULL, reset, &resets), 0);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		vm_fill(buf, IOS * LENGTH, rounds++);
		failed += round_of_writes(&v, ios, buf);
	}
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < IOS; i++) {
		vm_read(&v, i * LENGTH, back, LENGTH);
		assert_memory_equal(back, buf + i * LENGTH, LENGTH);
	}
	assert_int_equal(resets, RESETS);
	assert_int_equal(failed, 0);
	assert_true(vm_stats(&v).resubmits > 0);
	vm_close(&v);
	free(buf);
	free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
