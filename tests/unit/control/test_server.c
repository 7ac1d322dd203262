/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_server.c - a control socket and clients that do what they should not: they send nonsense,
 * send slowly, do not read, come in large numbers, are of another user, or go away.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <weir/base.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/prng.h"
#include "control/client.h"
#include "control/server.h"
#include "control/socket.h"
#include "control/stream.h"
#include "../child.h"
#include "../held.h"
#include "../device/workdir.h"

#define SECOND 1000000000ull
#define LONG_TIME (60 * SECOND)

enum { ECHO = 50, MUCH = 51, BLOCKS = 52, FAILS = 53 };

static const uint8_t uuid[16] = "control test uu";
/* What stands for the device of the store. */
static const struct weir_device_info file = { .origin_device = 0x801, .origin_inode = 42 };
static char name[CONTROL_NAME_BYTES];
static struct control *server;
static int gate[2]; /* BLOCKS ends when there is a byte */
static unsigned blocked;

static int answer_much(struct control_conn *conn)
{
	static uint8_t bytes[CONTROL_DATA_MAX];

	for (int i = 0; i < 400; i++) {
		int err = control_send(conn, bytes, sizeof(bytes));

		if (err)
			return err;
	}
	return control_end(conn, 0);
}

static int answer(void *user, struct control_conn *conn, const struct control_request *r)
{
	struct control_hello hello = { .pid = (uint32_t)getpid() };
	int err = 0;
	char byte;

	assert_ptr_equal(user, name);
	switch (r->kind) {
	case CONTROL_HELLO:
		memcpy(hello.uuid, uuid, sizeof(uuid));
		snprintf(hello.release, sizeof(hello.release), "%s", weir_version());
		err = control_send(conn, &hello, sizeof(hello));
		return err ? err : control_end(conn, 0);
	case ECHO:
		err = control_send(conn, r->body, r->length);
		return err ? err : control_end(conn, 0);
	case MUCH:
		return answer_much(conn);
	case BLOCKS:
		__atomic_add_fetch(&blocked, 1, __ATOMIC_SEQ_CST);
		(void)!read(gate[0], &byte, 1);
		return control_end(conn, 0);
	default:
		return control_end(conn, error_set(-EOPNOTSUPP, "no such request: %u", r->kind));
	}
}

static void start(uint64_t request_ns, uint64_t frame_ns)
{
	struct control_opts opts = { .name = name,
				     .answer = answer,
				     .user = name,
				     .request_ns = request_ns,
				     .frame_ns = frame_ns };

	assert_int_equal(control_start(&server, &opts), 0);
}

static void stop(void)
{
	control_stop(server);
	control_free(server);
	server = NULL;
}

static int setup(void **state)
{
	(void)state;
	if (workdir_make() || pipe(gate))
		return -1;
	control_name(name, uuid, &file);
	/* Sockets of this test are in its own folder. */
	return setenv("XDG_RUNTIME_DIR", workdir, 1);
}

static int teardown(void **state)
{
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/weir", workdir);
	rmdir(path);
	return workdir_remove();
}

/* Connects without a word. */
static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", control_path(server));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void check_works(void)
{
	struct control_client cl;
	char buf[CONTROL_END_MAX];
	size_t length;

	if (control_connect(&cl, uuid, &file, LONG_TIME))
		fail_msg("connect: %s", weir_error());
	for (int i = 0; i < 3; i++) {
		assert_int_equal(control_ask(&cl, ECHO, "hello", 5), 0);
		assert_int_equal(control_next(&cl, buf, sizeof(buf), &length), 1);
		assert_int_equal(length, 5);
		assert_memory_equal(buf, "hello", 5);
		assert_int_equal(control_next(&cl, buf, sizeof(buf), &length), 0);
	}
	assert_int_equal(control_ask(&cl, 77, NULL, 0), 0);
	assert_int_equal(control_next(&cl, buf, sizeof(buf), &length), -EOPNOTSUPP);
	assert_string_equal(weir_error(), "no such request: 77");
	control_disconnect(&cl);
}

static void test_answers(void **state)
{
	struct control_client cl;
	char path[CONTROL_PATH_BYTES];

	(void)state;
	start(0, 0);
	check_works();
	snprintf(path, sizeof(path), "%s", control_path(server));
	assert_int_equal(access(path, F_OK), 0);
	stop();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(control_connect(&cl, uuid, &file, LONG_TIME), -ENOENT);
}

/* Waits until the server has hung up; returns the result in the last frame, or 0. */
static int hung_up(int fd)
{
	struct control_frame f;
	uint8_t body[CONTROL_END_MAX];
	int result = 0;

	while (!control_receive(fd, &f, sizeof(f), clock_now() + LONG_TIME)) {
		assert_int_equal(f.magic, CONTROL_MAGIC);
		assert_true(f.length <= sizeof(body));
		assert_int_equal(control_receive(fd, body, f.length, clock_now() + LONG_TIME), 0);
		result = f.result;
	}
	close(fd);
	return result;
}

static void test_bad_frames(void **state)
{
	struct control_frame good = { CONTROL_MAGIC, CONTROL_VERSION, ECHO, 0, 0 };
	struct control_frame rows[4] = { good, good, good, good };
	static const int results[4] = { 0, -EPROTONOSUPPORT, -EMSGSIZE, -EMSGSIZE };

	(void)state;
	rows[0].magic = 1;
	rows[1].version = 2;
	rows[2].length = CONTROL_BODY_MAX + 1;
	rows[3].length = UINT32_MAX;
	start(LONG_TIME, LONG_TIME);
	for (int i = 0; i < 4; i++) {
		int fd = dial();

		assert_int_equal(write(fd, &rows[i], sizeof(good)), sizeof(good));
		assert_int_equal(hung_up(fd), results[i]);
		check_works();
	}
	stop();
}

/* Random bytes, and right frames with some bytes changed, cut off anywhere. */
static void test_nonsense(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 1);
	start(LONG_TIME, LONG_TIME);
	for (int i = 0; i < 2000; i++) {
		struct {
			struct control_frame f;
			uint8_t body[3000];
		} m = { .f = { CONTROL_MAGIC, CONTROL_VERSION, ECHO, 0, 0 } };
		size_t length = 1 + prng_next(&prng) % sizeof(m);
		int fd = dial();

		m.f.kind = (uint16_t)(prng_next(&prng) % 60);
		if (m.f.kind == BLOCKS || m.f.kind == MUCH)
			m.f.kind = ECHO;
		m.f.length = (uint32_t)(prng_next(&prng) % 2500);
		for (uint64_t n = prng_next(&prng) % 3; n; n--)
			((uint8_t *)&m)[prng_next(&prng) % sizeof(m.f)] = (uint8_t)prng_next(&prng);
		if (m.f.kind == BLOCKS || m.f.kind == MUCH)
			m.f.kind = ECHO;
		(void)!send(fd, &m, length, MSG_NOSIGNAL);
		close(fd);
	}
	check_works();
	stop();
}

/* Each of these has a connection that does nothing for ever. */
static void test_silent_clients(void **state)
{
	struct control_frame f = { CONTROL_MAGIC, CONTROL_VERSION, ECHO, 100, 0 };
	int fd[20];

	(void)state;
	start(2 * SECOND, LONG_TIME); /* who asks something has done so by then */
	for (int i = 0; i < 20; i++) {
		fd[i] = dial();
		/* Nothing, a part of a frame, or a frame without its body. */
		if (i % 3)
			assert_true(write(fd[i], &f, i % 3 == 1 ? 7 : sizeof(f)) > 0);
	}
	check_works();
	for (int i = 0; i < 20; i++)
		assert_int_equal(hung_up(fd[i]), 0);
	stop();
}

struct drip {
	int fd;
	bool stop;
};

static void *drip_run(void *arg)
{
	struct drip *d = arg;

	while (!__atomic_load_n(&d->stop, __ATOMIC_ACQUIRE)) {
		(void)!send(d->fd, "\0", 1, MSG_NOSIGNAL);
		usleep(2000);
	}
	return NULL;
}

/* A byte now and then gives no more time. */
static void test_slow_request(void **state)
{
	struct control_frame f = { CONTROL_MAGIC, CONTROL_VERSION, ECHO, CONTROL_BODY_MAX, 0 };
	struct drip d = { .stop = false };
	pthread_t thread;

	(void)state;
	start(SECOND, LONG_TIME);
	d.fd = dial();
	assert_int_equal(write(d.fd, &f, sizeof(f)), sizeof(f));
	assert_int_equal(pthread_create(&thread, NULL, drip_run, &d), 0);
	/* 2048 bytes would take four seconds at least. */
	assert_int_equal(control_receive(d.fd, &f, sizeof(f), clock_now() + LONG_TIME), -EPIPE);
	__atomic_store_n(&d.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	close(d.fd);
	check_works();
	stop();
}

/* Clients that ask for 100 MiB and take nothing. */
static void test_clients_that_do_not_read(void **state)
{
	struct control_frame f = { CONTROL_MAGIC, CONTROL_VERSION, MUCH, 0, 0 };
	int fd[20];

	(void)state;
	start(LONG_TIME, 20000000);
	for (int i = 0; i < 20; i++) {
		fd[i] = dial();
		assert_int_equal(write(fd[i], &f, sizeof(f)), sizeof(f));
	}
	check_works();
	for (int i = 0; i < 20; i++)
		close(fd[i]);
	stop();
}

static void *client_run(void *arg)
{
	struct control_client cl;
	char buf[CONTROL_END_MAX], text[32];
	size_t length;
	long failed = 0;

	snprintf(text, sizeof(text), "client %ld", (long)(intptr_t)arg);
	if (control_connect(&cl, uuid, &file, LONG_TIME))
		return "connect";
	for (int i = 0; i < 5; i++)
		failed += control_ask(&cl, ECHO, text, strlen(text)) ||
			  control_next(&cl, buf, sizeof(buf), &length) != 1 ||
			  length != strlen(text) || memcmp(buf, text, length) != 0 ||
			  control_next(&cl, buf, sizeof(buf), &length) != 0;
	control_disconnect(&cl);
	return failed ? "answers" : NULL;
}

static void test_hundred_clients(void **state)
{
	pthread_t thread[100];
	struct held before;
	void *result;

	(void)state;
	start(0, 0);
	check_works();
	before = held_now();
	for (intptr_t i = 0; i < 100; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, client_run, (void *)i), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pthread_join(thread[i], &result), 0);
		if (result)
			fail_msg("client %d: %s", i, (char *)result);
	}
	while (held_files() > before.files) /* the last connections are being closed */
		usleep(1000);
	stop();
}

/* A server stops although clients are silent, do not read, or wait for an answer. */
static void test_stop(void **state)
{
	struct control_frame f = { CONTROL_MAGIC, CONTROL_VERSION, BLOCKS, 0, 0 };
	int silent, waits, deaf;
	unsigned files = held_files();

	(void)state;
	start(LONG_TIME, LONG_TIME);
	silent = dial();
	waits = dial();
	assert_int_equal(write(waits, &f, sizeof(f)), sizeof(f));
	f.kind = MUCH;
	deaf = dial();
	assert_int_equal(write(deaf, &f, sizeof(f)), sizeof(f));
	while (!__atomic_load_n(&blocked, __ATOMIC_SEQ_CST))
		usleep(1000);
	control_stop(server);
	assert_int_equal(hung_up(silent), 0);
	assert_false(control_is_quiet(server));
	assert_int_equal(write(gate[1], "", 1), 1);
	while (!control_is_quiet(server))
		usleep(1000);
	control_free(server);
	close(waits);
	close(deaf);
	assert_int_equal(held_files(), files);
}

/* Nobody else is answered, even where the folder and the socket let them in. */
static void test_other_user(void **state)
{
	char folder[600];
	int status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
	start(LONG_TIME, LONG_TIME);
	check_works();
	assert_int_equal(chmod(workdir, 0755), 0);
	snprintf(folder, sizeof(folder), "%s/weir", workdir);
	assert_int_equal(chmod(folder, 0755), 0);
	pid = child_fork(false);
	if (!pid) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s", control_path(server));
		CHILD_CHECK(!setresuid(65534, 65534, 65534));
		/* Its mode keeps others out. */
		CHILD_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
			    errno == EACCES);
		_exit(0);
	}
	child_wait(pid, "another user");
	assert_int_equal(chmod(control_path(server), 0666), 0);
	pid = fork();
	if (!pid) {
		if (setresuid(65534, 65534, 65534))
			_exit(1);
		_exit(hung_up(dial()) == -EACCES ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(chmod(workdir, 0700), 0);
	check_works();
	stop();
}

/* The socket of a process that was killed is replaced; that of another store is removed. */
static void test_leftovers(void **state)
{
	static const char other[] = "00112233445566778899aabbccddeeff-1-2.sock";
	struct control_client cl;
	char byte, path[700];
	int ready[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct control_socket s;
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		start(0, 0);
		byte = control_socket_make(&s, &fd, other) ? 'n' : 'y';
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(control_connect(&cl, uuid, &file, LONG_TIME), 0);
	assert_int_equal(cl.pid, pid);
	control_disconnect(&cl);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(control_connect(&cl, uuid, &file, LONG_TIME), -ENOENT);
	start(0, 0);
	check_works();
	snprintf(path, sizeof(path), "%s/weir/%s", workdir, other);
	assert_int_equal(access(path, F_OK), -1);
	stop();
	close(ready[0]);
	close(ready[1]);
}

/* An owner that stops late does not remove the socket of the next one. */
static void test_replaced(void **state)
{
	struct control *first;

	(void)state;
	start(0, 0);
	first = server;
	start(0, 0);
	control_stop(first);
	control_free(first);
	check_works();
	stop();
}

/* A child of fork() has no part in it. */
static void test_child(void **state)
{
	struct child_living child;
	unsigned files;
	pid_t pid;

	(void)state;
	start(LONG_TIME, LONG_TIME);
	check_works();
	files = held_files();
	pid = child_fork(false);
	if (!pid) {
		CHILD_CHECK(held_files() < files);
		control_leave(server);
		CHILD_CHECK(!access(control_path(server), F_OK));
		_exit(0);
	}
	child_wait(pid, "a child that leaves");
	check_works();
	child = child_live();
	stop();
	/* The child does not keep the socket open. */
	start(LONG_TIME, LONG_TIME);
	check_works();
	stop();
	child_let_go(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_silent_clients),
		cmocka_unit_test(test_slow_request),
		cmocka_unit_test(test_clients_that_do_not_read),
		cmocka_unit_test(test_hundred_clients),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_child),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
