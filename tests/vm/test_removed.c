/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A drive is removed from a running queue, and from a running store. Everything in flight ends,
 * later ios are refused with -ENODEV and words, closing works, and all works again when the drive
 * is back, with each engine. The controller is removed from its bus, and found there again.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/store.h>

#include "vm.h"

#define IOS 64u
#define LENGTH 65536u
#define OPS 5u
#define SERIAL "w0"	    /* see run.py */
#define TIMEOUT_TENTHS 600u /* tenths of a second */
#define WORDS "the device was removed (No such device)"

static char controller[64]; /* the controller's folder in sysfs */
static char ng[64], block[64];
static char *buf;

static void pause_ms(unsigned ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

static bool read_text(const char *path, char *text, int size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(text, size, file);

	if (file)
		fclose(file);
	return good;
}

static void write_one(const char *dir, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		print_message("# %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Fills in controller, ng and block; returns false if it is not there yet. */
static bool find_drive(void)
{
	char path[128], serial[64];
	unsigned n;
	glob_t found;

	controller[0] = 0;
	if (glob("/sys/class/nvme/nvme*", 0, NULL, &found))
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s/serial", found.gl_pathv[i]);
		if (read_text(path, serial, sizeof(serial)) &&
		    !strncmp(serial, SERIAL, strlen(SERIAL)))
			snprintf(controller, sizeof(controller), "%s", found.gl_pathv[i]);
	}
	globfree(&found);
	/* The number of its namespace is that of the subsystem, which may differ. */
	snprintf(path, sizeof(path), "/sys/class/nvme-subsystem/nvme-subsys*/%s",
		 controller[0] ? strrchr(controller, '/') + 1 : "?");
	if (glob(path, 0, NULL, &found))
		return false;
	n = (unsigned)strtoul(strstr(found.gl_pathv[0], "stem/nvme-subsys") + 16, NULL, 10);
	globfree(&found);
	snprintf(ng, sizeof(ng), "/dev/ng%un1", n);
	snprintf(block, sizeof(block), "/dev/nvme%un1", n);
	return !access(ng, R_OK | W_OK) && !access(block, R_OK | W_OK);
}

static void wait_for_drive(void)
{
	for (unsigned i = 0; !find_drive(); i++) {
		if (i == TIMEOUT_TENTHS)
			fail_msg("the drive does not come back");
		pause_ms(100);
	}
}

static void *pull(void *arg)
{
	(void)arg;
	pause_ms(300);
	write_one(controller, "device/remove");
	return NULL;
}

static void put_back(void)
{
	write_one("/sys/bus/pci", "rescan");
	wait_for_drive();
}

static int setup(void **state)
{
	(void)state;
	(void)vm_ng();
	wait_for_drive();
	buf = vm_alloc(IOS * LENGTH);
	vm_fill(buf, IOS * LENGTH, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(buf);
	return 0;
}

static void prepare(struct weir_io *io, unsigned i)
{
	uint64_t at = (uint64_t)i * LENGTH;

	switch (i % OPS) {
	case 0:
		weir_io_read(io, at, buf + at, LENGTH);
		break;
	case 1:
		weir_io_write(io, at, buf + at, LENGTH);
		break;
	case 2:
		weir_io_flush(io);
		break;
	case 3:
		weir_io_write_zeroes(io, at, LENGTH);
		break;
	default:
		weir_io_discard(io, at, LENGTH);
		break;
	}
}

static void check_words(const struct weir_io *io)
{
	char words[256];

	weir_io_strerror(io, words, sizeof(words));
	if (io->result != -ENODEV || !strstr(words, WORDS))
		fail_msg("%d: %s", io->result, words);
}

/* Runs ios until one reports that the drive is gone. All ios of a round end. */
static void run_until_removed(struct vm *v)
{
	struct weir_io ios[IOS];
	unsigned gone = 0, other = 0;
	char words[256];

	while (!gone) {
		for (unsigned i = 0; i < IOS; i++) {
			prepare(&ios[i], i);
			assert_int_equal(weir_queue_submit(v->q, &ios[i]), 0);
		}
		assert_int_equal(weir_queue_wait(v->q), 0);
		for (unsigned i = 0; i < IOS; i++) {
			gone += ios[i].result == -ENODEV;
			if (!ios[i].result || ios[i].result == -ENODEV)
				continue;
			weir_io_strerror(&ios[i], words, sizeof(words));
			/* While the kernel removes the drive, it still exists. */
			if (ios[i].result != -EIO || other++ > 1000)
				fail_msg("%s", words);
		}
		/* Ios that fail at once would be more than a thousand before the kernel is done. */
		if (other && !gone)
			pause_ms(100);
	}
}

static void pulled(const char *path, const char *engine)
{
	struct weir_device *dev;
	struct weir_io io;
	pthread_t thread;
	struct vm v;

	vm_open_with(&v, path, engine, "none");
	assert_int_equal(pthread_create(&thread, NULL, pull, NULL), 0);
	run_until_removed(&v);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < OPS; i++) {
		/* A discard counts as done where no device could accept it. */
		prepare(&io, i);
		if (vm_run(&v, &io) || io.op != WEIR_OP_DISCARD)
			check_words(&io);
	}
	assert_true(weir_device_open(&dev, path, NULL) < 0);
	print_message("# %s\n", weir_error());
	vm_close(&v);
	put_back();
}

static void passthrough(void **state)
{
	(void)state;
	pulled(ng, "uring_cmd");
}

static void block_device(void **state)
{
	(void)state;
	pulled(block, "uring");
}

static void block_device_by_threads(void **state)
{
	(void)state;
	pulled(block, "posix");
}

/* A name that outlives its device, as in a container. */
static void name_of_nothing(void **state)
{
	const char *stale = "/dev/shm/ng7n1";
	struct weir_device *dev;
	struct stat st;

	(void)state;
	assert_int_equal(stat(ng, &st), 0);
	write_one(controller, "device/remove");
	assert_int_equal(mknod(stale, S_IFCHR | 0600, st.st_rdev), 0);
	assert_int_equal(weir_device_open(&dev, stale, NULL), -ENODEV);
	assert_non_null(strstr(weir_error(), "there is no device behind this name any more"));
	unlink(stale);
	put_back();
}

static void store(void **state)
{
	struct weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store *s = NULL;
	size_t len;
	int err;

	(void)state;
	format.force = 1;
	if (weir_store_format(ng, &format) < 0 || weir_store_open(&s, ng, &opts) < 0)
		fail_msg("%s", weir_error());
	assert_int_equal(weir_store_put(s, "key", 3, buf, LENGTH, WEIR_PUT_DURABLE), 0);
	write_one(controller, "device/remove");
	assert_int_equal(weir_store_get(s, "key", 3, buf, LENGTH, &len), -ENODEV);
	print_message("# %s\n", weir_error());
	assert_non_null(strstr(weir_error(), WORDS));
	assert_non_null(strstr(weir_error(), "read at 0x"));
	err = weir_store_put(s, "other", 5, buf, LENGTH, WEIR_PUT_DURABLE);
	print_message("# %s\n", weir_error());
	assert_int_equal(err, -ENODEV);
	assert_int_equal(weir_store_put(s, "third", 5, buf, LENGTH, 0), -ENODEV);
	err = weir_store_close(s);
	print_message("# close: %d\n", err);
	put_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passthrough),
		cmocka_unit_test(block_device),
		cmocka_unit_test(block_device_by_threads),
		cmocka_unit_test(name_of_nothing),
		cmocka_unit_test(store),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
