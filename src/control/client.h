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

/*
 * Does the same where PATHS names the devices of the store, with commas between them: its owner has
 * a socket for one of them. A path with commas in it may also be one file. DEVICE, if it is not
 * NULL, gets what the last device is that was asked for. Also returns the errors of
 * weir_device_open().
 */
int control_find(struct control_client *cl, const uint8_t uuid[16], const char *paths,
		 uint64_t timeout_ns, struct weir_device_info *device);

/* Sends a request. Returns 0, or -errno with an error text. */
int control_ask(struct control_client *cl, uint32_t kind, const void *body, size_t length);

/*
 * Receives the next part of the answer into BUF, of SIZE bytes. It may have CONTROL_DATA_MAX; the
 * end of an answer has fewer than CONTROL_END_MAX. Returns 1 and its *LENGTH; 0: the answer is
 * complete; or -errno with an error text, which is the owner's own if the owner has answered with
 * an error.
 */
int control_next(struct control_client *cl, void *buf, size_t size, size_t *length);

/* Sets the error text for an answer that is not understood, and returns -EPROTO. */
int control_odd(const struct control_client *cl);

/* Asks for an answer of one part, which goes to BUF of SIZE bytes; *GOT is its length. Returns 0,
 * or -errno with an error text. */
int control_ask_one(struct control_client *cl, uint32_t kind, const void *body, size_t length,
		    void *buf, size_t size, size_t *got);

/*
 * Takes a struct of SIZE bytes, which begins with its size, from the GOT bytes of an answer in BUF.
 * It is the owner's: fields that the owner does not know stay as they are, and those that only the
 * owner knows are dropped. *REST is where the strings behind it begin. Returns 0 or -EPROTO.
 */
int control_take_struct(const struct control_client *cl, const void *buf, size_t got, void *out,
			size_t size, size_t *rest);

/* Takes the entry at *AT, which it advances, from the GOT bytes of a listing in BUF. Returns 1; 0:
 * there is none; or -EPROTO. */
int control_take_entry(const struct control_client *cl, const void *buf, size_t got, size_t *at,
		       struct control_entry *entry, const void **key);

void control_disconnect(struct control_client *cl);

#endif
