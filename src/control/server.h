/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - answers requests of other processes on a control socket.
 *
 * A thread accepts connections, and each connection has a thread of its own while it lasts. These
 * threads may block in calls of the store; everything that a client can delay has a limit in time,
 * number and size. Whoever started a server owns it.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct control_conn;

struct control_request {
	uint32_t kind; /* any number: enum control_kind are those that are known */
	uint32_t length;
	const void *body; /* LENGTH bytes */
};

struct control_opts {
	const char *name; /* of the socket, from control_name() */
	/*
	 * Answers a request by control_send() and then control_end(), on the thread of CONN.
	 * Returns 0, or the error of one of these, which ends the connection, as does a descriptor
	 * that was taken: CONTROL_TAKEN.
	 */
	int (*answer)(void *user, struct control_conn *conn, const struct control_request *r);
	void *user;
	uint64_t request_ns; /* a request has so much time to arrive; 0: 5 s */
	uint64_t frame_ns;   /* a client has so much time to take a frame; 0: 60 s */
};

/* Starts to listen. Returns 0, or -errno with an error text. */
int control_start(struct control **result, const struct control_opts *opts);

/* Returns the path of the socket; valid until control_free(). */
const char *control_path(const struct control *c);

/* Ends the server: no request is answered any more, and the socket is gone. Threads may still be
 * inside calls of the store. */
void control_stop(struct control *c);

/* Returns true if, after control_stop(), no thread calls the store any more. C is a struct
 * control. */
bool control_is_quiet(const void *c);

/* Waits until the threads have ended, and frees C. */
void control_free(struct control *c);

/* Closes the descriptors of C in a child of fork(). The memory stays. */
void control_leave(struct control *c);

/* Sends a frame of data. Returns 0 or -errno. */
int control_send(struct control_conn *conn, const void *body, size_t length);

/* Sends the last frame of an answer. If RESULT is an error, weir_error() goes with it. */
int control_end(struct control_conn *conn, int result);

/* What `answer` returns when somebody else goes on with the connection. */
#define CONTROL_TAKEN 1

/* Returns another descriptor of the connection, which the caller owns, or -errno. The connection
 * stays open until both are closed, and counts no longer among those of the server. */
int control_take(const struct control_conn *conn);

/* Returns true if the server is being stopped: give up. */
bool control_is_stopping(const struct control_conn *conn);

#endif
