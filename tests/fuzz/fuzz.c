/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.c - see fuzz.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "fuzz.h"

void fuzz_fail(const char *condition)
{
	dprintf(STDERR_FILENO, "fuzz: does not hold: %s\n", condition);
	abort();
}

/*
 * Returns the file that all inputs share: a new one for each input would cost more than most
 * readers.
 */
static int fuzz_memory(void)
{
	static int fd = -1;
	FILE *nowhere;

	if (fd >= 0)
		return fd;
	nowhere = fopen("/dev/null", "w");
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (!nowhere || fd < 0)
		fuzz_fail("/dev/null and memory can be opened");
	stdout = stderr = nowhere;
	return fd;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[64];
	int fd = fuzz_memory();

	FUZZ_CHECK(!ftruncate(fd, 0));
	FUZZ_CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)error_set(0, "%s", "");
	return path;
}

void fuzz_result(int err)
{
	FUZZ_CHECK(err <= 0);
	FUZZ_CHECK(!err || *weir_error());
}
