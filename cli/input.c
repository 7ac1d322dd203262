/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - reads a value for `weir put`. The caller owns the memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/input.h"

#define INPUT_START (1u << 20)

/*
 * Enlarges the memory to ROOM bytes and keeps its content: the kernel moves pages instead of
 * copying them.
 */
static int input_grow(struct input *in, size_t room)
{
	void *data = in->data ? mremap(in->data, in->room, room, MREMAP_MAYMOVE)
			      : mmap(NULL, room, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return -ENOMEM;
	in->data = data;
	in->room = room;
	return 0;
}

/* Returns the length of a file, or 0 for other things: their length is not known. */
static uint64_t input_length(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? 0 : (uint64_t)st.st_size;
}

/* One byte more than LIMIT is enough memory to detect that the input is too long. */
static int input_read_fd(struct input *in, int fd, size_t limit)
{
	uint64_t length = input_length(fd);
	off_t at = length ? lseek(fd, 0, SEEK_CUR) : 0;
	size_t first = length ? (size_t)length + 1 : INPUT_START;
	int err;

	in->len = length > (uint64_t)(at > 0 ? at : 0) ? length - (uint64_t)(at > 0 ? at : 0) : 0;
	if (in->len > limit)
		return -EFBIG;
	in->len = 0;
	err = input_grow(in, first > limit ? limit + 1 : first);
	while (!err) {
		ssize_t n = read(fd, (char *)in->data + in->len, in->room - in->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		in->len += (size_t)n;
		if (in->len > limit)
			return -EFBIG;
		if (in->len == in->room)
			err = input_grow(in, in->room > limit / 2 ? limit + 1 : 2 * in->room);
	}
	return err;
}

int input_read(struct input *in, const char *path, size_t limit)
{
	int standard = !strcmp(path, "-");
	const char *name = standard ? "standard input" : path;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char most[32];
	int err;

	*in = (struct input){ 0 };
	if (fd < 0)
		return error_sys(-errno, "%s", name);
	err = input_read_fd(in, fd, limit);
	if (!standard)
		close(fd);
	if (err == -EFBIG)
		error_set(err, "%s: longer than %s", name, format_size(limit, most, sizeof(most)));
	else if (err < 0)
		error_sys(err, "%s", name);
	if (err < 0)
		input_free(in);
	return err;
}

void input_free(struct input *in)
{
	if (in->data)
		munmap(in->data, in->room);
	in->data = NULL;
	in->room = 0;
}
