/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - answers on a control socket: structs with the strings that they point to, and long ones.
 * docs/control.md has their form. Owns nothing; the thread of the connection.
 */
#ifndef CONTROL_TEXT_H
#define CONTROL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "control/server.h"

#define CONTROL_TEXT_BYTES 1024u

/* A struct for a client, and the strings that its pointers pointed to. What has no room is cut. */
struct control_text {
	uint8_t bytes[CONTROL_TEXT_BYTES];
	size_t length;
};

void control_text_add(struct control_text *t, const void *data, size_t length);

/* Adds a string: a byte that is 1, or 0 for NULL, then the string and its end. */
void control_text_string(struct control_text *t, const char *string);

/* Sends LENGTH bytes of DATA, if ERR is 0, and the end. Returns what control_end() returns. */
int control_answer(struct control_conn *conn, int err, const void *data, size_t length);

/* Answers CONTROL_HELLO: this process, its version, and the UUID of its store; NULL: a queue, whose
 * UUID is all zeroes. Returns what control_end() returns. */
int control_answer_hello(struct control_conn *conn, const uint8_t *uuid);

/* Sends any number of bytes in frames, and the end. Also returns -ESHUTDOWN. */
int control_answer_long(struct control_conn *conn, const void *data, size_t length);

#endif
