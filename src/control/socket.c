/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.c - the socket of an owner: a file in a folder that only its user may look into.
 *
 * Whoever has the lock of a store may have its socket, so a file of that name is a leftover of a
 * process that is gone. The new socket gets another name first, and is renamed when it listens:
 * under its real name a socket always answers, or its owner is gone.
 */
#include "control/socket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define SOCKET_BACKLOG 128
#define SOCKET_SWEEP_MAX 64 /* leftovers that one open looks at */
#define SOCKET_LOCK_TRIES 20

/* Locks the folder, so that nobody takes a new socket for a leftover. A process that was stopped
 * may have the lock for ever, so it is not waited for long. Returns a descriptor, or -1. */
static int socket_lock_folder(const char *folder)
{
	struct timespec pause = { .tv_nsec = 5000000 };
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == SOCKET_LOCK_TRIES) {
			close(fd);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

static bool socket_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return false;
	strcpy(address->sun_path, path);
	return true;
}

/* Returns true if nobody listens on the socket at PATH. */
static bool socket_is_leftover(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	bool leftover;

	if (fd < 0 || !socket_address(&address, path)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	leftover = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
		   errno == ECONNREFUSED;
	close(fd);
	return leftover;
}

/* Removes sockets whose owners are gone. */
static void socket_sweep(const char *folder)
{
	char path[CONTROL_PATH_BYTES];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	for (int i = 0; dir && i < SOCKET_SWEEP_MAX && (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".sock") != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
			    (int)sizeof(path))
			continue;
		i++;
		if (socket_is_leftover(path))
			unlink(path);
	}
	if (dir)
		closedir(dir);
}

/* Binds FD to TEMPORARY, and gives it the name S->path when it listens. */
static int socket_listen(struct control_socket *s, int fd, const char *temporary)
{
	struct sockaddr_un address;
	struct stat st;

	if (!socket_address(&address, temporary))
		return -ENAMETOOLONG;
	unlink(temporary);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (chmod(temporary, 0600) < 0 || listen(fd, SOCKET_BACKLOG) < 0 ||
	    lstat(temporary, &st) < 0 || rename(temporary, s->path) < 0) {
		int err = -errno;

		unlink(temporary);
		return err;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

int control_socket_make(struct control_socket *s, int *fd, const char *name)
{
	static uint32_t count;
	char folder[CONTROL_PATH_BYTES], temporary[CONTROL_PATH_BYTES + 32];
	int lock, err = control_folder_make(folder);

	if (err)
		return err;
	if (snprintf(s->path, sizeof(s->path), "%s/%s", folder, name) >= (int)sizeof(s->path))
		return error_set(-ENAMETOOLONG, "%s: too long for the control socket %s", folder,
				 name);
	snprintf(temporary, sizeof(temporary), "%s/%d.%u", folder, getpid(),
		 __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return error_sys(-errno, "cannot make a control socket");
	lock = socket_lock_folder(folder);
	if (lock >= 0)
		socket_sweep(folder);
	err = socket_listen(s, *fd, temporary);
	if (lock >= 0)
		close(lock);
	if (!err)
		return 0;
	close(*fd);
	*fd = -1;
	return error_sys(err, "cannot listen on the control socket %s", s->path);
}

void control_socket_remove(const struct control_socket *s)
{
	struct stat st;

	if (!lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
}
