/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - sends any bytes over a control socket: to the owner of a store, or to a client.
 *
 * The first byte says to whom (even: to the owner), the others are what is sent. The store is a
 * real one, in a small file. The owner must answer in whole frames, and close the connection when
 * the client has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weir/weir.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/nsec.h"
#include "control/client.h"
#include "control/stream.h"
#include "fuzz.h"

#define WIRE_STORE_BYTES (5 << 20)
#define WIRE_WAIT_NS (20 * NSEC_PER_SEC)

static char file[] = "/tmp/weir-fuzz-XXXXXX";
static struct weir_store *store;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static uint8_t body[CONTROL_DATA_MAX];

static void wire_end(void)
{
	weir_store_close(store);
	unlink(file);
}

static void wire_begin(void)
{
	struct weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;
	struct weir_store_info info = WEIR_STORE_INFO_INIT;
	int fd = mkstemp(file);

	FUZZ_CHECK(fd >= 0 && !posix_fallocate(fd, 0, WIRE_STORE_BYTES));
	close(fd);
	opts.control = WEIR_CONTROL_ON;
	FUZZ_CHECK(!weir_store_format(file, &format));
	FUZZ_CHECK(!weir_store_open(&store, file, &opts));
	atexit(wire_end);
	FUZZ_CHECK(!weir_store_put(store, "key", 3, "a value", 7, 0));
	FUZZ_CHECK(!weir_store_get_info(store, &info) && info.control_path);
	FUZZ_CHECK(strlen(info.control_path) < sizeof(address.sun_path));
	strcpy(address.sun_path, info.control_path);
}

static void wire_send(int fd, const uint8_t *data, size_t size)
{
	/* The other end may have closed the connection, as it has read enough. */
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		data += n;
		size -= (size_t)n;
	}
	shutdown(fd, SHUT_WR);
}

/* Receives what the owner answers, until it closes the connection. */
static void wire_receive(int fd)
{
	uint64_t deadline = clock_deadline(clock_now(), WIRE_WAIT_NS);
	struct control_frame f;
	int err;

	while (!(err = control_receive(fd, &f, sizeof(f), deadline))) {
		FUZZ_CHECK(f.magic == CONTROL_MAGIC && f.version == CONTROL_VERSION);
		FUZZ_CHECK(f.kind == CONTROL_DATA || f.kind == CONTROL_END);
		FUZZ_CHECK(f.length <=
			   (f.kind == CONTROL_DATA ? CONTROL_DATA_MAX : CONTROL_END_MAX));
		FUZZ_CHECK(f.result <= 0 && (f.kind == CONTROL_END || !f.result));
		err = control_receive(fd, body, f.length, deadline);
		if (err)
			break;
	}
	FUZZ_CHECK(err == -EPIPE);
}

static void wire_to_owner(const uint8_t *data, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	wire_send(fd, data, size);
	wire_receive(fd);
	close(fd);
}

static void wire_to_client(const uint8_t *data, size_t size)
{
	struct control_client cl = { .timeout_ns = WIRE_WAIT_NS };
	size_t length;
	int ends[2], err;

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	cl.fd = ends[0];
	wire_send(ends[1], data, size);
	while ((err = control_next(&cl, body, sizeof(body), &length)) == 1)
		FUZZ_CHECK(length <= sizeof(body));
	fuzz_result(err);
	control_disconnect(&cl);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!store)
		wire_begin();
	if (!size)
		return 0;
	if (data[0] % 2)
		wire_to_client(data + 1, size - 1);
	else
		wire_to_owner(data + 1, size - 1);
	return 0;
}
