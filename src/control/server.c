/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - the threads behind a control socket. See server.h.
 *
 * The accepting thread owns the table of connections; a connection's own thread has its descriptor
 * until it has marked the connection as ended, under the lock. A child of fork() has none of the
 * descriptors, and touches no lock.
 */
#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/nsec.h"
#include "base/thread.h"
#include "control/socket.h"
#include "control/stream.h"
#include "control/wire.h"

#define SERVER_CONNS 8 /* further clients wait in the socket until one of these has ended */
#define SERVER_REQUEST_NS (5 * NSEC_PER_SEC)
#define SERVER_FRAME_NS (60 * NSEC_PER_SEC)
#define SERVER_PAUSE_MS 100 /* if the process has no descriptor left */

enum conn_state { CONN_FREE, CONN_RUNS, CONN_ENDED };

struct control_conn {
	struct control *c;
	int fd;
	struct fork_fd watch;
	pthread_t thread;
	enum conn_state state; /* under the lock */
};

struct control {
	struct control_opts opts;
	struct control_socket socket;
	int fd, event; /* listens; something has ended */
	struct fork_fd fd_watch, event_watch;
	pthread_t thread;
	pthread_mutex_t lock;
	uint32_t stopping; /* atomic */
	uint32_t quiet;	   /* atomic: all threads of connections have ended */
	uid_t uid;	   /* whose requests are answered, besides root's */
	struct control_conn conns[SERVER_CONNS];
};

static bool server_is_stopping(const struct control *c)
{
	return __atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE);
}

bool control_is_stopping(const struct control_conn *conn)
{
	return server_is_stopping(conn->c);
}

int control_send(struct control_conn *conn, const void *body, size_t length)
{
	CHECK(length <= CONTROL_DATA_MAX);
	return control_send_frame(conn->fd, CONTROL_DATA, 0, body, length,
				  clock_deadline(clock_now(), conn->c->opts.frame_ns));
}

int control_end(struct control_conn *conn, int result)
{
	const char *words = result ? weir_error() : "";

	return control_send_frame(conn->fd, CONTROL_END, result, words, strlen(words),
				  clock_deadline(clock_now(), conn->c->opts.frame_ns));
}

int control_take(const struct control_conn *conn)
{
	int fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? error_sys(-errno, "cannot go on with a connection") : fd;
}

/* Refuses a request and the connection: what follows cannot be understood. */
static int server_refuse(struct control_conn *conn, int err)
{
	(void)control_end(conn, err);
	return err;
}

static int server_check(struct control_conn *conn, const struct control_frame *f)
{
	if (f->magic != CONTROL_MAGIC)
		return -EPROTO;
	if (f->version != CONTROL_VERSION)
		return server_refuse(conn, error_set(-EPROTONOSUPPORT,
						     "the owner of the store speaks version %u of "
						     "the protocol, not %u: use the weir that it "
						     "uses",
						     CONTROL_VERSION, f->version));
	if (f->length > CONTROL_BODY_MAX)
		return server_refuse(conn, error_set(-EMSGSIZE,
						     "a request of %u bytes: the longest has %u",
						     f->length, CONTROL_BODY_MAX));
	return 0;
}

/* Receives and answers one request. */
static int server_serve(struct control_conn *conn)
{
	uint64_t deadline = clock_deadline(clock_now(), conn->c->opts.request_ns);
	struct control_request request;
	uint8_t body[CONTROL_BODY_MAX];
	struct control_frame f;
	int err = control_receive(conn->fd, &f, sizeof(f), deadline);

	if (!err)
		err = server_check(conn, &f);
	if (!err)
		err = control_receive(conn->fd, body, f.length, deadline);
	if (!err && server_is_stopping(conn->c))
		err = -ESHUTDOWN;
	if (err)
		return err;
	request = (struct control_request){ f.kind, f.length, body };
	return conn->c->opts.answer(conn->c->opts.user, conn, &request);
}

static void server_kick(struct control *c)
{
	uint64_t one = 1;

	(void)!write(c->event, &one, sizeof(one));
}

static void *server_conn(void *arg)
{
	struct control_conn *conn = arg;
	struct control *c = conn->c;

	while (!server_is_stopping(c) && !server_serve(conn))
		;
	pthread_mutex_lock(&c->lock);
	fork_fd_close(&conn->watch);
	conn->state = CONN_ENDED;
	pthread_mutex_unlock(&c->lock);
	server_kick(c);
	return NULL;
}

/* Joins the threads of connections that have ended. Returns a free connection, or NULL; *RUNNING is
 * the number of those that run. */
static struct control_conn *server_reap(struct control *c, unsigned *running)
{
	struct control_conn *found = NULL;

	*running = 0;
	for (size_t i = 0; i < SERVER_CONNS; i++) {
		struct control_conn *conn = &c->conns[i];
		enum conn_state state;

		pthread_mutex_lock(&c->lock);
		state = conn->state;
		pthread_mutex_unlock(&c->lock);
		if (state == CONN_ENDED) {
			pthread_join(conn->thread, NULL);
			conn->state = state = CONN_FREE;
		}
		if (state == CONN_FREE)
			found = conn;
		*running += state == CONN_RUNS;
	}
	return found;
}

/* Returns true if the process at the other end of FD may ask: it is of the same user, or root. */
static bool server_may_ask(const struct control *c, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) &&
	       (peer.uid == c->uid || !peer.uid);
}

static int server_begin(struct control *c, struct control_conn *conn, int fd)
{
	int err;

	conn->c = c;
	conn->fd = fd;
	conn->state = CONN_RUNS;
	fork_fd_watch(&conn->watch, &conn->fd);
	if (!server_may_ask(c, fd)) {
		error_set(-EACCES, "only the user who has the store open, and root, may ask");
		err = server_refuse(conn, -EACCES);
	} else {
		err = thread_start(&conn->thread, "weir-answer", server_conn, conn);
	}
	if (err) {
		fork_fd_close(&conn->watch);
		conn->state = CONN_FREE;
	}
	return err;
}

/* Accepts a connection for CONN, which is free. */
static void server_accept(struct control *c, struct control_conn *conn)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pollfd p = { .fd = c->event, .events = POLLIN };

	if (fd >= 0)
		server_begin(c, conn, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		poll(&p, 1, SERVER_PAUSE_MS);
}

static void server_wait(struct control *c, bool accepts)
{
	struct pollfd p[2] = { { .fd = c->event, .events = POLLIN },
			       { .fd = accepts ? c->fd : -1, .events = POLLIN } };
	uint64_t count;

	if (poll(p, 2, -1) > 0 && p[0].revents)
		(void)!read(c->event, &count, sizeof(count));
}

/* Wakes the threads that wait for clients. */
static void server_hang_up(struct control *c)
{
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < SERVER_CONNS; i++)
		if (c->conns[i].state == CONN_RUNS)
			shutdown(c->conns[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&c->lock);
}

static void *server_run(void *arg)
{
	struct control *c = arg;
	struct control_conn *conn;
	unsigned running;

	while (!server_is_stopping(c)) {
		conn = server_reap(c, &running);
		if (conn)
			server_accept(c, conn);
		conn = server_reap(c, &running);
		if (!server_is_stopping(c))
			server_wait(c, conn != NULL);
	}
	control_socket_remove(&c->socket);
	server_hang_up(c);
	while (server_reap(c, &running), running)
		server_wait(c, false);
	__atomic_store_n(&c->quiet, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void server_close(struct control *c)
{
	fork_fd_close(&c->fd_watch);
	fork_fd_close(&c->event_watch);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static int server_open(struct control *c)
{
	int err = control_socket_make(&c->socket, &c->fd, c->opts.name);

	if (err)
		return err;
	c->event = eventfd(0, EFD_CLOEXEC);
	err = c->event < 0 ? -errno : thread_start(&c->thread, "weir-control", server_run, c);
	if (!err)
		return 0;
	control_socket_remove(&c->socket);
	return error_sys(err, "cannot answer on the control socket %s", c->socket.path);
}

int control_start(struct control **result, const struct control_opts *opts)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return error_sys(-ENOMEM, "cannot make a control socket");
	c->opts = *opts;
	c->opts.request_ns = opts->request_ns ? opts->request_ns : SERVER_REQUEST_NS;
	c->opts.frame_ns = opts->frame_ns ? opts->frame_ns : SERVER_FRAME_NS;
	c->uid = geteuid();
	c->fd = c->event = -1;
	pthread_mutex_init(&c->lock, NULL);
	fork_fd_watch(&c->fd_watch, &c->fd);
	fork_fd_watch(&c->event_watch, &c->event);
	err = server_open(c);
	if (err)
		server_close(c);
	else
		*result = c;
	return err;
}

const char *control_path(const struct control *c)
{
	return c->socket.path;
}

void control_stop(struct control *c)
{
	__atomic_store_n(&c->stopping, 1, __ATOMIC_RELEASE);
	server_kick(c);
}

bool control_is_quiet(const void *c)
{
	return __atomic_load_n(&((const struct control *)c)->quiet, __ATOMIC_ACQUIRE);
}

void control_free(struct control *c)
{
	pthread_join(c->thread, NULL);
	server_close(c);
}

void control_leave(struct control *c)
{
	for (size_t i = 0; i < SERVER_CONNS; i++)
		fork_fd_close(&c->conns[i].watch);
	fork_fd_close(&c->fd_watch);
	fork_fd_close(&c->event_watch);
}
