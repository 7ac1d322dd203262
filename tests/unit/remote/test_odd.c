/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_odd.c - ends that do what they should not: clients whose requests lie outside of their
 * memory, whose memory could shrink, or that send nonsense; and an owner whose answers are wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/prng.h"
#include "control/arena.h"
#include "control/client.h"
#include "control/place.h"
#include "control/server.h"
#include "control/share.h"
#include "control/stream.h"
#include "pair.h"

#define ARENA (64u << 10)
#define LATER clock_deadline(clock_now(), 60 * NSEC_PER_SEC)

static struct pair pair;

/* Connects as a client does, up to the answer to CONTROL_SHARE. */
static void dial(struct control_client *cl)
{
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	uint8_t buf[CONTROL_END_MAX];
	struct weir_device *dev;
	size_t got = 0;

	assert_int_equal(weir_store_peek(&info, pair.rig.path, NULL), 0);
	assert_int_equal(weir_device_open(&dev, pair.rig.path, NULL), 0);
	assert_int_equal(
		control_connect(cl, info.uuid, weir_device_get_info(dev), 60 * NSEC_PER_SEC), 0);
	weir_device_close(dev);
	assert_int_equal(control_ask_one(cl, CONTROL_SHARE, NULL, 0, buf, sizeof(buf), &got), 0);
	assert_int_equal(got, sizeof(struct share_offer));
}

/* The owner has ended the connection, after any number of answers. */
static void expect_end(struct control_client *cl)
{
	char byte;

	while (!control_receive(cl->fd, &byte, 1, LATER))
		;
	assert_int_equal(control_receive(cl->fd, &byte, 1, LATER), -EPIPE);
	control_disconnect(cl);
}

/* The store serves others as before. */
static void expect_well(void)
{
	assert_int_equal(pair_put(&pair, 1, 1, 5000, 0), 0);
	assert_int_equal(pair_get(&pair, 1, 1, 5000), 1);
}

static void begin(struct control_client *cl, struct control_arena *arena)
{
	struct share_answer answer;

	dial(cl);
	*arena = (struct control_arena){ 0 };
	assert_int_equal(control_arena_give(arena, ARENA, cl->fd, LATER), 0);
	assert_int_equal(control_receive(cl->fd, &answer, sizeof(answer), LATER), 0);
	assert_int_equal(answer.tag, SHARE_TAG_BEGUN);
}

static void send_all(const struct control_client *cl, const void *data, size_t length)
{
	/* The other end may have hung up. */
	(void)!send(cl->fd, data, length, MSG_NOSIGNAL);
}

static void test_wrong_requests(void **state)
{
	static const struct share_request wrong[] = {
		{ .kind = WEIR_STORE_PUT, .key_len = 1, .offset = ARENA, .length = 1 },
		{ .kind = WEIR_STORE_PUT, .key_len = 1, .offset = ARENA - 4096, .length = 4097 },
		{ .kind = WEIR_STORE_GET, .key_len = 1, .offset = UINT64_MAX, .length = 2 },
		{ .kind = WEIR_STORE_GET, .key_len = 1, .offset = 1, .length = UINT64_MAX },
		{ .kind = WEIR_STORE_EXISTS, .key_len = SHARE_KEY_MAX + 1 },
		{ .kind = WEIR_STORE_EXISTS, .key_len = UINT32_MAX },
		{ .kind = WEIR_STORE_OP_COUNT, .key_len = 1 },
		{ .kind = 100, .key_len = 1 },
		{ .kind = UINT32_MAX, .key_len = 1 },
	};

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		uint8_t bytes[sizeof(wrong[i]) + SHARE_KEY_MAX] = { 0 };
		struct control_arena arena;
		struct control_client cl;

		begin(&cl, &arena);
		memcpy(bytes, &wrong[i], sizeof(wrong[i]));
		send_all(&cl, bytes, sizeof(bytes));
		expect_end(&cl);
		control_arena_free(&arena);
		expect_well();
	}
	pair_close(&pair);
}

/* What the store itself refuses is an answer, and the connection goes on. */
static void test_refused_requests(void **state)
{
	struct share_request r = { .kind = WEIR_STORE_PUT, .tag = 5, .key_len = 1 };
	uint8_t bytes[sizeof(r) + 1] = { 0 };
	struct control_arena arena;
	struct control_client cl;
	struct share_answer answer;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	begin(&cl, &arena);
	for (int i = 0; i < 3; i++) {
		r.kind = i == 2 ? WEIR_STORE_DELETE : WEIR_STORE_PUT;
		r.key_len = i == 1 ? 0 : 1;
		memcpy(bytes, &r, sizeof(r));
		send_all(&cl, bytes, sizeof(r) + r.key_len);
		assert_int_equal(control_receive(cl.fd, &answer, sizeof(answer), LATER), 0);
		assert_int_equal(answer.tag, 5);
		assert_int_equal(answer.result, i == 2 ? -ENOENT : -EINVAL);
	}
	control_disconnect(&cl);
	control_arena_free(&arena);
	pair_close(&pair);
}

/* Sends FD, or nothing if it is -1, as memory of BYTES. */
static void send_memory(const struct control_client *cl, int fd, uint64_t bytes)
{
	struct share_begin start = { .arena_bytes = bytes };
	struct iovec iov = { &start, sizeof(start) };
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(cl->fd, &m, MSG_NOSIGNAL), (ssize_t)sizeof(start));
}

static int memory(unsigned seals, off_t bytes)
{
	int fd = memfd_create("odd", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void test_wrong_memory(void **state)
{
	int file, fds[6];
	/* The last is more than the owner takes. */
	static const uint64_t bytes[] = { ARENA, ARENA, 2 * ARENA, 0, 100, 16 * ARENA };

	(void)state;
	pair_format(&pair);
	pair.rig.share_bytes_max = 8 * ARENA;
	pair_open(&pair, NULL);
	file = open(pair.rig.path, O_RDONLY | O_CLOEXEC);
	fds[0] = memory(F_SEAL_GROW, ARENA); /* could shrink */
	fds[1] = file;
	for (size_t i = 2; i < 6; i++)
		fds[i] = memory(F_SEAL_SHRINK, i < 5 ? ARENA : 16 * ARENA);
	for (size_t i = 0; i <= 6; i++) {
		struct control_client cl;

		dial(&cl);
		send_memory(&cl, i < 6 ? fds[i] : -1, i < 6 ? bytes[i] : ARENA);
		expect_end(&cl);
		expect_well();
		if (i < 6)
			close(fds[i]);
	}
	pair_close(&pair);
}

/* Huge pages: the client could take them away again, and a touch would end the owner. */
static void test_huge_pages(void **state)
{
	struct control_arena arena = { 0 };
	const uint64_t bytes = 2u << 20;
	struct control_client cl = { .fd = -1 };
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB), ends[2];

	(void)state;
	if (fd < 0) {
		print_message("skipped: this kernel has no huge pages\n");
		skip();
	}
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	cl.fd = ends[0];
	send_memory(&cl, fd, bytes);
	assert_int_equal(control_arena_take(&arena, ARENA_BYTES_MAX, ends[1], LATER), -EPROTO);
	assert_null(arena.base);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void test_nonsense(void **state)
{
	struct prng prng;

	(void)state;
	prng_seed(&prng, 1);
	pair_format(&pair);
	pair_open(&pair, NULL);
	for (unsigned round = 0; round < 50; round++) {
		uint64_t words[512];
		struct control_arena arena;
		struct control_client cl;

		for (size_t i = 0; i < 512; i++)
			words[i] = round % 2 ? prng_below(&prng, 8) : prng_next(&prng);
		begin(&cl, &arena);
		send_all(&cl, words, prng_below(&prng, sizeof(words)));
		shutdown(cl.fd, SHUT_WR);
		expect_end(&cl);
		control_arena_free(&arena);
	}
	expect_well();
	pair_close(&pair);
}

/* More requests than the offer allows, none of whose answers is read. */
static void test_too_many(void **state)
{
	struct share_request pings[SHARE_SLOTS * 4];
	struct control_arena arena;
	struct control_client cl;

	(void)state;
	for (size_t i = 0; i < SHARE_SLOTS * 4; i++)
		pings[i] = (struct share_request){ .kind = SHARE_PING, .tag = (uint32_t)i };
	pair_format(&pair);
	pair_open(&pair, NULL);
	begin(&cl, &arena);
	for (unsigned round = 0; round < 20; round++)
		send_all(&cl, pings, sizeof(pings));
	expect_well();
	control_disconnect(&cl);
	control_arena_free(&arena);
	expect_well();
	pair_close(&pair);
}

/* More clients than may share a store: the last ones hear why, and have room when others go. */
static void test_too_many_clients(void **state)
{
	struct weir_remote_opts opts = WEIR_REMOTE_OPTS_INIT;
	struct weir_remote *r[64] = { NULL }, *more = NULL;
	unsigned n = 0;
	int err = 0;

	(void)state;
	pair_format(&pair);
	pair_open(&pair, NULL);
	opts.arena_bytes = 1 << 20;
	while (n < 64 && !(err = weir_remote_open(&r[n], pair.rig.path, &opts)))
		n++;
	assert_int_equal(n, 63); /* and that of the pair */
	assert_int_equal(err, -EBUSY);
	assert_non_null(strstr(weir_error(), "64 processes"));
	while (n--)
		weir_remote_close(r[n]);
	/* The owner frees the places soon, not at once. */
	while ((err = weir_remote_open(&more, pair.rig.path, &opts)) == -EBUSY)
		usleep(1000);
	assert_int_equal(err, 0);
	weir_remote_close(more);
	expect_well();
	pair_close(&pair);
}

/* An owner whose answers are wrong, in one of these ways. */
enum odd { ODD_TAG, ODD_TWICE, ODD_LENGTH, ODD_RESULT, ODD_HALF, ODD_OFFER, ODD_NO_BEGIN, ODDS };

static int odd_now; /* atomic: the threads of connections that end still read it */
static uint8_t uuid[16];

static enum odd odd_kind(void)
{
	return (enum odd)__atomic_load_n(&odd_now, __ATOMIC_ACQUIRE);
}

static int odd_session(int fd, enum odd odd)
{
	struct share_answer answer = { .tag = SHARE_TAG_BEGUN };
	struct share_request r;
	struct control_arena arena = { 0 };
	uint8_t key[SHARE_KEY_MAX];

	if (control_arena_take(&arena, ARENA_BYTES_MAX, fd, LATER))
		return -1;
	answer.tag = odd == ODD_NO_BEGIN ? 0 : SHARE_TAG_BEGUN;
	(void)!send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
	if (!control_receive(fd, &r, sizeof(r), LATER) &&
	    !control_receive(fd, key, r.key_len, LATER)) {
		answer = (struct share_answer){ .tag = r.tag, .length = r.length };
		answer.tag += odd == ODD_TAG ? 1 : 0;
		answer.length += odd == ODD_LENGTH ? 1 : 0;
		answer.result = odd == ODD_RESULT ? 1 : 0;
		(void)!send(fd, &answer, odd == ODD_HALF ? 5 : sizeof(answer), MSG_NOSIGNAL);
		if (odd == ODD_TWICE)
			(void)!send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
	}
	control_arena_free(&arena);
	return 0;
}

static int odd_answer(void *user, struct control_conn *conn, const struct control_request *r)
{
	struct control_hello hello = { .pid = (uint32_t)getpid() };
	enum odd odd = odd_kind();
	struct share_offer offer = { SHARE_SLOTS, 0, odd == ODD_OFFER ? 0 : 100000, 1u << 30 };
	int fd, err;

	(void)user;
	memcpy(hello.uuid, uuid, sizeof(uuid));
	snprintf(hello.release, sizeof(hello.release), "%s", weir_version());
	if (r->kind == CONTROL_HELLO)
		err = control_send(conn, &hello, sizeof(hello));
	else
		err = control_send(conn, &offer, sizeof(offer));
	if (!err)
		err = control_end(conn, 0);
	if (err || r->kind != CONTROL_SHARE)
		return err;
	fd = control_take(conn);
	odd_session(fd, odd);
	close(fd);
	return CONTROL_TAKEN;
}

static void ask_odd_owner(enum odd kind)
{
	int err;

	__atomic_store_n(&odd_now, kind, __ATOMIC_RELEASE);
	err = weir_remote_open(&pair.r, pair.rig.path, NULL);
	if (kind == ODD_OFFER || kind == ODD_NO_BEGIN) {
		assert_int_equal(err, -EPROTO);
		pair.r = NULL;
		return;
	}
	assert_int_equal(err, 0);
	err = pair_get(&pair, 1, 1, 5000);
	if (kind == ODD_TWICE) /* the answer that came first is none that can be told from a right
				* one, and what was in the memory are zeroes */
		assert_int_equal(err, 0);
	else
		assert_int_equal(err, kind == ODD_HALF ? -EPIPE : -EPROTO);
	err = pair_get(&pair, 1, 1, 5000);
	assert_true(err == -EPIPE || err == -EPROTO);
	weir_remote_close(pair.r);
	pair.r = NULL;
}

static void test_odd_owner(void **state)
{
	struct control_opts opts = { .answer = odd_answer };
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	char name[CONTROL_NAME_BYTES];
	struct weir_device *dev;
	struct control *server;

	(void)state;
	pair_format(&pair);
	assert_int_equal(weir_store_peek(&info, pair.rig.path, NULL), 0);
	memcpy(uuid, info.uuid, sizeof(uuid));
	assert_int_equal(weir_device_open(&dev, pair.rig.path, NULL), 0);
	opts.name = control_name(name, uuid, weir_device_get_info(dev));
	weir_device_close(dev);
	assert_int_equal(control_start(&server, &opts), 0);
	for (enum odd kind = ODD_TAG; kind < ODDS; kind++)
		ask_odd_owner(kind);
	control_stop(server);
	control_free(server);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wrong_requests, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_refused_requests, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_memory, pair_setup, pair_teardown),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test_setup_teardown(test_nonsense, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_too_many, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_too_many_clients, pair_setup, pair_teardown),
		cmocka_unit_test_setup_teardown(test_odd_owner, pair_setup, pair_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
