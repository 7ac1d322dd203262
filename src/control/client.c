/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - asks the process that has a store open. See client.h. Nothing that comes from the
 * other end is trusted: each length is compared with the room for it.
 */
#include "control/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "control/place.h"
#include "control/stream.h"

#define CLIENT_PAUSE_NS 5000000

static int client_failed(const struct control_client *cl, int err)
{
	char time[32];

	if (err == -ETIMEDOUT)
		return error_set(err,
				 "pid %d has the store open, and its owner does not answer within "
				 "%s: a program that runs the store's loop itself answers only "
				 "while it waits or polls",
				 (int)cl->pid, format_time(cl->timeout_ns, time, sizeof(time)));
	if (err == -EPIPE)
		return error_set(err, "pid %d, which had the store open, has ended or closed it",
				 (int)cl->pid);
	if (err == -EPROTO)
		return error_set(err, "what pid %d answers is not understood", (int)cl->pid);
	return error_sys(err, "cannot ask pid %d, which has the store open", (int)cl->pid);
}

int control_odd(const struct control_client *cl)
{
	return client_failed(cl, -EPROTO);
}

/* Connects to the socket PATH, whose owner must be UID. Returns -ENOENT if nobody listens. */
static int client_connect_path(struct control_client *cl, const char *path, uid_t uid)
{
	uint64_t deadline = clock_deadline(clock_now(), cl->timeout_ns);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timespec pause = { .tv_nsec = CLIENT_PAUSE_NS };
	struct ucred peer;
	socklen_t length = sizeof(peer);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	/* EAGAIN: more clients wait than the socket has room for. */
	while (connect(cl->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return -ENOENT;
		if (errno != EAGAIN && errno != EINTR)
			return error_sys(-errno, "%s: cannot ask there", path);
		if (clock_now() >= deadline)
			return client_failed(cl, -ETIMEDOUT);
		nanosleep(&pause, NULL);
	}
	if (getsockopt(cl->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return error_sys(-errno, "%s", path);
	if (peer.uid && peer.uid != uid)
		return error_set(-EACCES, "%s: user %u listens there, not user %u", path, peer.uid,
				 uid);
	cl->pid = peer.pid;
	return 0;
}

/* Looks for socket NAME of user UID. */
static int client_connect_user(struct control_client *cl, const char *name, uid_t uid)
{
	char path[CONTROL_PATH_BYTES];
	int err;

	for (unsigned i = 0; (err = control_path_of(path, i, uid, name)) != -ERANGE; i++) {
		if (!err)
			err = client_connect_path(cl, path, uid);
		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

/* Returns true if A and B are of one minor version: before 1.0 a struct may change from one to the
 * next. */
static bool client_is_same_release(const char *a, const char *b)
{
	const char *dot = strchr(a, '.');

	dot = dot ? strchr(dot + 1, '.') : NULL;
	return dot && !strncmp(a, b, (size_t)(dot - a) + 1);
}

static int client_hello(struct control_client *cl, const uint8_t uuid[16])
{
	uint8_t buf[CONTROL_END_MAX];
	size_t length = 0;
	int err = control_ask(cl, CONTROL_HELLO, NULL, 0);

	if (!err)
		err = control_next(cl, buf, sizeof(buf), &length);
	if (err < 0)
		return err;
	if (err != 1 || length < sizeof(cl->hello))
		return control_odd(cl);
	memcpy(&cl->hello, buf, sizeof(cl->hello));
	cl->hello.release[CONTROL_RELEASE_BYTES - 1] = '\0';
	err = control_next(cl, buf, sizeof(buf), &length);
	if (err)
		return err < 0 ? err : client_failed(cl, -EPROTO);
	if (memcmp(cl->hello.uuid, uuid, sizeof(cl->hello.uuid)) != 0)
		return error_set(-ENOENT, "pid %d answers for another store", (int)cl->pid);
	if (!client_is_same_release(weir_version(), cl->hello.release))
		return error_set(-EPROTONOSUPPORT,
				 "pid %d has the store open, with weir %s, and this is %s: use the "
				 "same version",
				 (int)cl->pid, cl->hello.release, weir_version());
	return 0;
}

int control_connect(struct control_client *cl, const uint8_t uuid[16],
		    const struct weir_device_info *info, uint64_t timeout_ns)
{
	char name[CONTROL_NAME_BYTES];
	int err;

	*cl = (struct control_client){ .timeout_ns = timeout_ns };
	cl->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (cl->fd < 0)
		return error_sys(-errno, "cannot make a socket");
	control_name(name, uuid, info);
	err = client_connect_user(cl, name, geteuid());
	if (err == -ENOENT && !geteuid() && info->origin_user)
		err = client_connect_user(cl, name, info->origin_user);
	if (err == -ENOENT)
		error_set(err,
			  "it answers no questions: there is no control socket %s of this user",
			  name);
	if (!err)
		err = client_hello(cl, uuid);
	if (err)
		control_disconnect(cl);
	return err;
}

int control_ask(struct control_client *cl, uint32_t kind, const void *body, size_t length)
{
	int err = control_send_frame(cl->fd, kind, 0, body, length,
				     clock_deadline(clock_now(), cl->timeout_ns));

	return err ? client_failed(cl, err) : 0;
}

/* Returns the result of the last frame F, whose words are in BUF. */
static int client_ended(const struct control_frame *f, const char *buf)
{
	size_t length = strnlen(buf, f->length);

	if (!f->result)
		return 0;
	if (f->result > 0)
		return -EPROTO;
	if (!length)
		return error_set(f->result, "%s", strerror(-f->result));
	return error_set(f->result, "%.*s", (int)length, buf);
}

int control_next(struct control_client *cl, void *buf, size_t size, size_t *length)
{
	uint64_t deadline = clock_deadline(clock_now(), cl->timeout_ns);
	struct control_frame f;
	int err = control_receive(cl->fd, &f, sizeof(f), deadline);

	if (!err && (f.magic != CONTROL_MAGIC || f.length > size))
		err = -EPROTO;
	if (!err)
		err = control_receive(cl->fd, buf, f.length, deadline);
	if (err)
		return client_failed(cl, err);
	if (f.kind == CONTROL_END) {
		err = client_ended(&f, buf);
		return err == -EPROTO ? client_failed(cl, err) : err;
	}
	if (f.kind != CONTROL_DATA)
		return client_failed(cl, -EPROTO);
	*length = f.length;
	return 1;
}

void control_disconnect(struct control_client *cl)
{
	if (cl->fd >= 0)
		close(cl->fd);
	cl->fd = -1;
}
