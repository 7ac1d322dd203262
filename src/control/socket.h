/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.h - makes and removes the socket of an owner.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <sys/types.h>

#include "control/place.h"

/* A socket that this process listens on. */
struct control_socket {
	char path[CONTROL_PATH_BYTES];
	dev_t dev; /* of the file PATH */
	ino_t ino;
};

/*
 * Listens on socket NAME of this user; *FD becomes its descriptor. What another process left there
 * is replaced, and sockets of other stores that nobody listens on are removed. Returns 0, or -errno
 * with an error text.
 */
int control_socket_make(struct control_socket *s, int *fd, const char *name);

/* Removes the file of the socket, unless it is another one by now. */
void control_socket_remove(const struct control_socket *s);

#endif
