/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learned.c - keeps what the scheduler of a store has learned of its device in a file of the
 * user's, $XDG_STATE_HOME/weir/UUID-N.learned for device N of the store.
 *
 * It is a hint about this machine and not a part of the store: a store that moves to another drive
 * must not take it along, and opening for reading must not write to the device. So it lies where a
 * user's programs keep their state, and any trouble with it means that the scheduler learns anew.
 * Files of stores that were not opened for long are removed, as nobody would read them.
 *
 * Owns nothing; the opening and the closing thread.
 */
#include "store/learned.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fork.h"
#include "queue/loop.h"

#define LEARNED_BYTES 65536u
#define LEARNED_PATH 512u
#define LEARNED_SUFFIX ".learned"

/* Writes the folder of such files to FOLDER, and makes it if MAKE. Returns false if there is none.
 */
static bool learned_folder(char *folder, bool make)
{
	const char *base = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	int n;

	if (base && base[0] == '/')
		n = snprintf(folder, LEARNED_PATH, "%s/weir", base);
	else if (home && home[0] == '/')
		n = snprintf(folder, LEARNED_PATH, "%s/.local/state/weir", home);
	else
		return false;
	if (n < 0 || n >= (int)LEARNED_PATH)
		return false;
	/* Those above it, too: on a new account there is not even .local. */
	for (char *at = strchr(folder + 1, '/'); make && at; at = strchr(at + 1, '/')) {
		*at = '\0';
		(void)mkdir(folder, 0700);
		*at = '/';
	}
	return !make || !mkdir(folder, 0700) || errno == EEXIST;
}

/* Writes the path of the file of S to PATH. Returns false if there is no place for it. */
static bool learned_path(const struct weir_store *s, char *path, bool make)
{
	char folder[LEARNED_PATH], uuid[33];

	if (!learned_folder(folder, make))
		return false;
	for (unsigned i = 0; i < 16; i++)
		snprintf(uuid + 2 * (size_t)i, 3, "%02x", s->io.super.uuid[i]);
	return snprintf(path, LEARNED_PATH, "%s/%s-%u" LEARNED_SUFFIX, folder, uuid,
			s->io.super.device_index + 1) < (int)LEARNED_PATH;
}

/* Reads what PATH, a file of this user, holds to TEXT. Returns its length; 0: nothing. */
static size_t learned_read(const char *path, char *text)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return 0;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid())
		n = read(fd, text, LEARNED_BYTES);
	close(fd);
	return n > 0 ? (size_t)n : 0;
}

void learned_begin(struct weir_store *s, const struct weir_store_opts *opts)
{
	char path[LEARNED_PATH], *text;
	struct error_scope scope;
	size_t length;

	if (!s->owner.own || opts->forget || !loop_learns(s->io.q))
		return;
	s->owner.keeps = true;
	error_begin(&scope);
	text = malloc(LEARNED_BYTES);
	length = text && learned_path(s, path, false) ? learned_read(path, text) : 0;
	if (length)
		(void)weir_queue_load_state(s->io.q, text, length);
	free(text);
	error_end(&scope, 0, "%s", "");
}

static bool learned_write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n <= 0)
			return false;
		text += n;
		length -= (size_t)n;
	}
	return true;
}

/* Replaces PATH by a file with TEXT. Another process sees the old file or the new one, whole. */
static void learned_write(const char *path, const char *text, size_t length)
{
	char temporary[LEARNED_PATH + 8];
	bool whole;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return;
	whole = learned_write_all(fd, text, length);
	whole &= !close(fd);
	if (!whole || rename(temporary, path) < 0)
		(void)unlink(temporary);
}

/* Removes the files beside PATH that are too old to be read. */
static void learned_clean(char *path)
{
	char *slash = strrchr(path, '/');
	DIR *dir;
	int fd;

	*slash = '\0';
	dir = opendir(path);
	*slash = '/';
	if (!dir)
		return;
	fd = dirfd(dir);
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		const char *suffix = strstr(e->d_name, LEARNED_SUFFIX);
		struct stat st;

		if (suffix && !fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode) &&
		    st.st_mtime + WEIR_STATE_DAYS * (time_t)86400 < time(NULL))
			(void)unlinkat(fd, e->d_name, 0);
	}
	closedir(dir);
}

void learned_end(struct weir_store *s)
{
	char path[LEARNED_PATH], *text;
	struct error_scope scope;
	size_t length = 0;

	if (!s->owner.keeps || fork_inherited(s->owner.process))
		return;
	error_begin(&scope);
	text = malloc(LEARNED_BYTES);
	if (text && !weir_queue_save_state(s->io.q, text, LEARNED_BYTES, &length) &&
	    learned_path(s, path, true)) {
		learned_write(path, text, length);
		learned_clean(path);
	}
	free(text);
	error_end(&scope, 0, "%s", "");
}
