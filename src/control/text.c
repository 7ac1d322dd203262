/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - makes and sends answers. See text.h. */
#include "control/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir/base.h>

#include "control/wire.h"

void control_text_add(struct control_text *t, const void *data, size_t length)
{
	if (length > sizeof(t->bytes) - t->length)
		length = sizeof(t->bytes) - t->length;
	memcpy(t->bytes + t->length, data, length);
	t->length += length;
}

void control_text_string(struct control_text *t, const char *string)
{
	control_text_add(t, string ? "\1" : "\0", 1);
	if (string)
		control_text_add(t, string, strlen(string) + 1);
}

int control_answer(struct control_conn *conn, int err, const void *data, size_t length)
{
	int sent = err ? 0 : control_send(conn, data, length);

	return sent ? sent : control_end(conn, err);
}

int control_answer_hello(struct control_conn *conn, const uint8_t *uuid)
{
	struct control_hello hello = { .pid = (uint32_t)getpid() };

	if (uuid)
		memcpy(hello.uuid, uuid, sizeof(hello.uuid));
	snprintf(hello.release, sizeof(hello.release), "%s", weir_version());
	return control_answer(conn, 0, &hello, sizeof(hello));
}

int control_answer_long(struct control_conn *conn, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	size_t done = 0;
	int err = 0;

	while (!err && done < length && !control_is_stopping(conn)) {
		size_t n = length - done < CONTROL_DATA_MAX ? length - done : CONTROL_DATA_MAX;

		err = control_send(conn, bytes + done, n);
		done += n;
	}
	if (!err && done < length)
		return -ESHUTDOWN;
	return err ? err : control_end(conn, 0);
}
