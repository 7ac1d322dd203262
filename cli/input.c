/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.c - reads a value for `weir put`. The memory belongs to the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/input.h"

#define INPUT_ALIGN 4096u
#define INPUT_START (1u << 20)

/* Makes room for ROOM bytes, keeping what is there. */
static int input_grow(struct input *in, size_t room)
{
	void *data =
		aligned_alloc(INPUT_ALIGN, (room + INPUT_ALIGN - 1) / INPUT_ALIGN * INPUT_ALIGN);

	if (!data)
		return -ENOMEM;
	if (in->len)
		memcpy(data, in->data, in->len);
	free(in->data);
	in->data = data;
	return 0;
}

/* A file says how long it is; what does not may be of any length. */
static size_t input_first_room(int fd, size_t limit)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return INPUT_START;
	return (uint64_t)st.st_size >= limit ? limit + 1 : (size_t)st.st_size + 1;
}

/* One byte more than LIMIT is room enough to see that there is more. */
static int input_read_fd(struct input *in, int fd, size_t limit)
{
	size_t room = input_first_room(fd, limit);
	int ret = input_grow(in, room);

	while (!ret) {
		ssize_t n = read(fd, (char *)in->data + in->len, room - in->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		in->len += (size_t)n;
		if (in->len > limit)
			return -EFBIG;
		if (in->len < room)
			continue;
		room = room > limit / 2 ? limit + 1 : 2 * room;
		ret = input_grow(in, room);
	}
	return ret;
}

int input_read(struct input *in, const char *path, size_t limit)
{
	int standard = !strcmp(path, "-");
	const char *name = standard ? "standard input" : path;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char most[32];
	int ret;

	*in = (struct input){ 0 };
	if (fd < 0)
		return error_sys(-errno, "%s", name);
	ret = input_read_fd(in, fd, limit);
	if (!standard)
		close(fd);
	if (ret == -EFBIG)
		error_set(ret, "%s: longer than %s, the most that any store can hold as one value",
			  name, format_size(limit, most, sizeof(most)));
	else if (ret < 0)
		error_sys(ret, "%s", name);
	if (ret < 0) {
		free(in->data);
		in->data = NULL;
	}
	return ret;
}
