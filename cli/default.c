/* SPDX-License-Identifier: Apache-2.0 */
/* default.c - uses the store that WEIR_STORE names if PATH was left out. See default.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/default.h"

#define DEFAULT_MAGIC "weirSUP1" /* the first bytes of a store */

const char *default_store(void)
{
	const char *path = getenv("WEIR_STORE");

	return path && *path ? path : NULL;
}

/* Returns true if PATH is a device, or a file that begins with the bytes of a store. */
static bool default_is_store(const char *path)
{
	char magic[sizeof(DEFAULT_MAGIC) - 1];
	struct stat st;
	ssize_t n;
	int fd;

	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode) || S_ISFIFO(st.st_mode))
		return false;
	if (!S_ISREG(st.st_mode))
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, magic, sizeof(magic));
	close(fd);
	return n == (ssize_t)sizeof(magic) && !memcmp(magic, DEFAULT_MAGIC, sizeof(magic));
}

bool default_is_wanted(const struct command *cmd, char **operands, int n)
{
	if (cmd->path != COMMAND_STORE || !default_store())
		return false;
	if (n < cmd->min_operands)
		return n == cmd->min_operands - 1;
	if (n == cmd->max_operands)
		return false;
	return !default_is_store(operands[0]);
}
