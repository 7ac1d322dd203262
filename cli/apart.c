/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apart.c - compares the files of a command. See apart.h.
 *
 * Files that exist are compared by what they are (overlap.h). A file that is going to be made has
 * no such identity: there the folder and the last part of the name, behind all links, must differ.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/apart.h"
#include "cli/devices.h"
#include "cli/output.h"
#include "cli/overlap.h"
#include "cli/report.h"

/* Files of one command at most: the values of its options, and its operands. */
#define APART_FILES (OPT_TABLE_MAX + 80)

/* Where a name leads. */
struct apart_place {
	int fd;		/* of an open file that the name means, or -1 */
	bool exists;	/* ST describes it */
	bool has_place; /* it does not exist, and FOLDER and LAST say where it would be made */
	struct stat st, folder;
	char last[NAME_MAX + 1];
};

static void apart_find(struct apart_place *place, const struct apart_file *file)
{
	char target[PATH_MAX], copy[PATH_MAX];

	memset(place, 0, sizeof(*place));
	if (output_target(file->path, target, &place->fd))
		return; /* opening it fails, too */
	if (file->use == OPT_READS && !strcmp(file->path, "-"))
		place->fd = STDIN_FILENO;
	place->exists = !(place->fd >= 0 ? fstat(place->fd, &place->st) : stat(target, &place->st));
	if (place->exists || place->fd >= 0)
		return;
	strcpy(copy, target);
	place->has_place = !stat(dirname(copy), &place->folder);
	strcpy(copy, target);
	snprintf(place->last, sizeof(place->last), "%s", basename(copy));
}

static bool apart_is_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Returns true if what is written to TO would be found at OTHER. */
static bool apart_overwrites(const struct apart_place *to, const struct apart_place *other)
{
	if (to->fd >= 0 && to->fd == other->fd)
		return true;
	if (to->exists && other->exists)
		return overlap_stats(&to->st, &other->st) ||
		       (S_ISFIFO(to->st.st_mode) && apart_is_inode(&to->st, &other->st));
	return to->has_place && other->has_place && apart_is_inode(&to->folder, &other->folder) &&
	       !strcmp(to->last, other->last);
}

/* Returns true if stream FD is open for writing and is the file at PLACE. */
static bool apart_is_stream(int fd, const struct apart_place *place)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	return place->exists && flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !fstat(fd, &st) &&
	       overlap_stats(&st, &place->st);
}

/* Checks that FILE is not what standard output or standard error is redirected to. */
static int apart_check_streams(const struct apart_file *file)
{
	bool reads = file->use == OPT_READS, on_stdout, on_stderr;
	struct apart_place place;

	apart_find(&place, file);
	if (!reads && place.fd == STDOUT_FILENO)
		return file->use != OPT_WRITES_MORE
			       ? 0
			       : report_usage("%s %s: standard output gets the results of the "
					      "command: name a file",
					      file->name, file->path);
	on_stdout = apart_is_stream(STDOUT_FILENO, &place);
	/* An open file that is named as such is shared, not replaced. */
	on_stderr = (reads || place.fd < 0) && apart_is_stream(STDERR_FILENO, &place);
	if (!on_stdout && !on_stderr)
		return 0;
	/* stderr is the file too, so even the error message would overwrite it. */
	if (on_stderr && (on_stdout || dup2(STDOUT_FILENO, STDERR_FILENO) < 0))
		return REPORT_USAGE;
	return report_usage("%s%s%s: %s is redirected to this %s of the command and would "
			    "overwrite it: redirect to another file",
			    reads ? "" : file->name, reads ? "" : " ",
			    reads && !strcmp(file->path, "-") ? "standard input" : file->path,
			    on_stdout ? "standard output" : "standard error",
			    reads ? "input" : "output");
}

/* Checks that OUT is not the file at PATH, which is read. */
static int apart_check_read(const char *path, void *user)
{
	const struct apart_file *out = user, in = { "", path, OPT_READS };
	struct apart_place read, written;

	apart_find(&read, &in);
	apart_find(&written, out);
	if (!apart_overwrites(&written, &read))
		return 0;
	return report_usage("%s %s: the command reads this, or reads something that lies on it "
			    "(%s): writing it would destroy the input; name another file",
			    out->name, out->path, path);
}

/* Checks A against B. */
static int apart_check_pair(const struct apart_file *a, const struct apart_file *b)
{
	struct apart_file written = *b;
	struct apart_place first, second;

	if (!a->path || !b->path || b->use == OPT_READS)
		return 0;
	if (a->use == OPT_READS)
		return devices_each(a->path, apart_check_read, &written);
	apart_find(&first, a);
	apart_find(&second, b);
	if (!apart_overwrites(&first, &second) && !apart_overwrites(&second, &first))
		return 0;
	return report_usage("%s %s and %s %s are one file: one would overwrite the other; name "
			    "two files",
			    a->name, a->path, b->name, b->path);
}

int apart_check(const struct apart_file *files, size_t n)
{
	int exit_code = 0;

	for (size_t i = 0; i < n && !exit_code; i++)
		if (files[i].path)
			exit_code = apart_check_streams(&files[i]);
	for (size_t i = 0; i < n && !exit_code; i++)
		for (size_t k = 0; k < n && !exit_code; k++)
			if (files[i].use == OPT_READS ? files[k].use != OPT_READS : i < k)
				exit_code = apart_check_pair(&files[i], &files[k]);
	return exit_code;
}

int apart_check_input(const char *path)
{
	struct apart_file file = { "", path, OPT_READS };

	return apart_check(&file, 1);
}

int apart_check_command(const struct command *cmd, const void *args, char **operands, int n)
{
	struct apart_file files[APART_FILES];
	char names[OPT_TABLE_MAX][32];
	size_t count = 0;

	for (size_t i = 0; i < OPT_TABLE_MAX && cmd->options[i].name; i++) {
		const struct opt *opt = &cmd->options[i];
		const void *field = (const char *)args + opt->offset;

		if (opt->file == OPT_NO_FILE)
			continue;
		snprintf(names[i], sizeof(names[i]), "--%s", opt->name);
		files[count++] =
			(struct apart_file){ names[i], *(const char *const *)field, opt->file };
	}
	for (int i = 0; i < n && count < APART_FILES; i++)
		if ((cmd->path && !i) || (i < 32 ? cmd->files >> i & 1 : cmd->files == UINT32_MAX))
			files[count++] = (struct apart_file){ "", operands[i], OPT_READS };
	return apart_check(files, count);
}
