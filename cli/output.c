/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.c - writes outputs to a temporary file in the same folder, and renames it. See output.h.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/output.h"
#include "cli/temporary.h"

/* symbolic links that are followed at most; the kernel has the same limit */
#define OUTPUT_LINKS 40

/*
 * Returns the number of the open file that PATH names, as /dev/fd/3 does, or -1 if it names none.
 */
static int output_open_file(const char *path)
{
	char copy[PATH_MAX];
	const char *name = strrchr(path, '/');
	struct stat folder, fds;

	if (!name || !isdigit((unsigned char)name[1]) || strlen(path) >= sizeof(copy))
		return -1;
	strcpy(copy, path);
	if (stat(dirname(copy), &folder) < 0 || stat("/proc/self/fd", &fds) < 0 ||
	    folder.st_dev != fds.st_dev || folder.st_ino != fds.st_ino)
		return -1;
	return atoi(name + 1);
}

/*
 * Replaces PATH, which has PATH_MAX bytes, by the target of the link that it names. Returns 0, or
 * 1 if PATH is not a link.
 */
static int output_follow(char *path)
{
	char said[PATH_MAX], copy[PATH_MAX];
	ssize_t len = readlink(path, said, sizeof(said) - 1);

	if (len < 0)
		return 1;
	said[len] = '\0';
	strcpy(copy, path);
	if (said[0] == '/')
		strcpy(path, said);
	else if ((size_t)snprintf(path, PATH_MAX, "%s/%s", dirname(copy), said) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

static int output_direct(struct output *o, int fd)
{
	if (fd < 0)
		return error_sys(-errno, "%s", o->path);
	o->file = fdopen(fd, "w");
	if (o->file)
		return 0;
	close(fd);
	return error_sys(-ENOMEM, "%s", o->path);
}

/*
 * Sets owner and mode of the new file as those of the old file ST. If there was none, umask
 * decides.
 */
static void output_mode(int fd, const struct stat *st)
{
	mode_t mask = umask(0);
	mode_t mode = 0666 & ~mask;

	umask(mask);
	if (st) {
		/*
		 * If this fails, the user now owns a copy of another user's file; it must not keep
		 * the set-id bits.
		 */
		int given = fchown(fd, st->st_uid, st->st_gid);

		mode = st->st_mode & (given < 0 ? 0777 : 07777);
	}
	if (fchmod(fd, mode) < 0)
		return; /* the filesystem has no modes */
}

/*
 * Creates a temporary file in the folder of TARGET. ST describes the existing TARGET, or is NULL.
 */
static int output_beside(struct output *o, const char *target, const struct stat *st)
{
	char copy[PATH_MAX];
	int fd;

	if (st && faccessat(AT_FDCWD, target, W_OK, AT_EACCESS) < 0)
		return error_sys(-errno, "%s", o->path);
	strcpy(copy, target);
	o->replaces = st != NULL;
	o->target = strdup(target);
	if (!o->target || asprintf(&o->temporary, "%s/.weir-XXXXXX", dirname(copy)) < 0) {
		o->temporary = NULL;
		return error_sys(-ENOMEM, "%s", o->path);
	}
	fd = temporary_make(o->temporary);
	if (fd < 0) {
		free(o->temporary);
		o->temporary = NULL;
		if (!st || (errno != EACCES && errno != EPERM && errno != EROFS))
			return error_sys(-errno, "%s", o->path);
		/* The folder does not permit new files, but this file may be written. */
		return output_direct(o, open(target, O_WRONLY | O_TRUNC | O_CLOEXEC));
	}
	output_mode(fd, st);
	return output_direct(o, fd);
}

int output_target(const char *path, char *target, int *fd)
{
	int err = 0;

	*fd = strcmp(path, "-") ? -1 : STDOUT_FILENO;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(target, path);
	for (int i = 0; i < OUTPUT_LINKS && !err && *fd < 0; i++) {
		*fd = output_open_file(target);
		if (*fd < 0)
			err = output_follow(target);
	}
	return err < 0 ? err : 0;
}

static int output_find(struct output *o)
{
	char target[PATH_MAX];
	struct stat st;
	int fd, err = output_target(o->path, target, &fd);

	if (err)
		return error_sys(err, "%s", o->path);
	if (fd >= 0)
		return output_direct(o, fcntl(fd, F_DUPFD_CLOEXEC, 3));
	if (stat(target, &st) < 0)
		return errno == ENOENT ? output_beside(o, target, NULL)
				       : error_sys(-errno, "%s", o->path);
	if (S_ISREG(st.st_mode))
		return output_beside(o, target, &st);
	return output_direct(o, open(target, O_WRONLY | O_CLOEXEC));
}

int output_open(struct output *o, const char *path)
{
	int err;

	*o = (struct output){ .path = path };
	if (!strcmp(path, "-")) {
		o->file = stdout;
		o->path = "standard output";
		return 0;
	}
	err = output_find(o);
	if (err < 0)
		output_drop(o);
	return err;
}

/*
 * Finds out why an earlier write failed. stdio does not keep the error, but the file will be
 * thrown away, so one more write may be tried.
 */
static int output_why(const struct output *o)
{
	if (o->temporary && write(fileno(o->file), "", 1) < 0)
		return -errno;
	return -EIO;
}

/* Writes the bytes that are still buffered. Returns 0 or -errno. */
static int output_end(struct output *o)
{
	int err = 0;

	if (fflush(o->file))
		err = -errno;
	else if (ferror(o->file))
		err = output_why(o);
	if (!err && o->temporary && o->replaces && fsync(fileno(o->file)) < 0)
		err = -errno;
	if (o->file != stdout && fclose(o->file) && !err)
		err = -errno;
	o->file = NULL;
	return err;
}

int output_close(struct output *o)
{
	int err = output_end(o);

	if (!err && o->temporary && rename(o->temporary, o->target) < 0)
		err = -errno;
	if (!err) {
		temporary_forget(o->temporary);
		free(o->temporary);
		o->temporary = NULL;
	} else {
		error_sys(err, "%s", o->path);
	}
	output_drop(o);
	return err;
}

void output_drop(struct output *o)
{
	if (o->file && o->file != stdout)
		fclose(o->file);
	if (o->temporary) {
		unlink(o->temporary);
		temporary_forget(o->temporary);
	}
	free(o->temporary);
	free(o->target);
	o->file = NULL;
	o->temporary = o->target = NULL;
}
