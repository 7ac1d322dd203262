/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - asks the process that has a store open. The caller owns a client; one thread.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/device.h>

#include "control/wire.h"

struct control_client {
	int fd;	   /* -1: not connected */
	pid_t pid; /* the owner, as the kernel knows it; 0: of another container */
	uint64_t timeout_ns;
	struct control_hello hello;
};

/*
 * Connects to the owner of the store with UUID on the device INFO, and waits at most
 * TIMEOUT_NS for each part of its answers. Root finds the sockets of the user who owns the file,
 * too. Returns 0, or -errno with an error text: -ENOENT if nobody answers for this store,
 * -ETIMEDOUT, -EPROTONOSUPPORT (its owner has another version of weir), -EACCES.
 */
int control_connect(struct control_client *cl, const uint8_t uuid[16],
		    const struct weir_device_info *info, uint64_t timeout_ns);

/* Sends a request. Returns 0, or -errno with an error text. */
int control_ask(struct control_client *cl, uint32_t kind, const void *body, size_t length);

/*
 * Receives the next part of the answer into BUF, of SIZE bytes. It may have CONTROL_DATA_MAX; the
 * end of an answer has fewer than CONTROL_END_MAX. Returns 1 and its *LENGTH; 0: the answer is
 * complete; or -errno with an error text, which is the owner's own if the owner has answered with
 * an error.
 */
int control_next(struct control_client *cl, void *buf, size_t size, size_t *length);

void control_disconnect(struct control_client *cl);

#endif
