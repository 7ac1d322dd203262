/* SPDX-License-Identifier: Apache-2.0 */
/*
 * initialisers.cpp - a C++11 program outside the project: it begins every struct with its _INIT,
 * names structs without `struct`, and moves data through a store and a queue.
 */
#include <cstdio>
#include <cstring>

#include <weir/weir.h>

namespace
{

int failed(const char *what)
{
	std::fprintf(stderr, "%s: %s\n", what, weir_error());
	return 1;
}

/* True if T's `size` is right and the bytes behind it are 0. */
template <typename T> bool begins_well(const T &object)
{
	const unsigned char *bytes = reinterpret_cast<const unsigned char *>(&object);

	if (object.size != sizeof(T))
		return false;
	for (size_t i = sizeof(object.size); i < sizeof(T); i++)
		if (bytes[i])
			return false;
	return true;
}

bool all_begin_well()
{
	weir_device_opts device = WEIR_DEVICE_OPTS_INIT;
	weir_queue_opts queue = WEIR_QUEUE_OPTS_INIT;
	weir_queue_info queue_info = WEIR_QUEUE_INFO_INIT;
	weir_queue_stats queue_stats = WEIR_QUEUE_STATS_INIT;
	weir_op_stats op_stats = WEIR_OP_STATS_INIT;
	weir_placement_stats placement = WEIR_PLACEMENT_STATS_INIT;
	weir_buffer buffer = WEIR_BUFFER_INIT;
	weir_attr attr = WEIR_ATTR_INIT;
	weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	weir_store_opts store = WEIR_STORE_OPTS_INIT;
	weir_store_info store_info = WEIR_STORE_INFO_INIT;
	weir_store_stats store_stats = WEIR_STORE_STATS_INIT;
	weir_close_report close_report = WEIR_CLOSE_REPORT_INIT;
	weir_store_stream stream = WEIR_STORE_STREAM_INIT;
	weir_store_tenant tenant = WEIR_STORE_TENANT_INIT;

	return begins_well(device) && begins_well(queue) && begins_well(queue_info) &&
	       begins_well(queue_stats) && begins_well(op_stats) && begins_well(placement) &&
	       begins_well(buffer) && begins_well(attr) && begins_well(format) &&
	       begins_well(store) && begins_well(store_info) && begins_well(store_stats) &&
	       begins_well(close_report) && begins_well(stream) && begins_well(tenant);
}

int use_queue()
{
	weir_device *dev = nullptr;
	weir_queue *q = nullptr;
	weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	weir_op_stats stats = WEIR_OP_STATS_INIT;
	weir_io io;
	static char buf[4096];

	opts.engine = "null";
	if (weir_device_open(&dev, "null", nullptr) || weir_queue_open(&q, dev, &opts))
		return failed("queue");
	weir_io_write(&io, 0, buf, sizeof(buf));
	if (weir_queue_submit(q, &io) || weir_queue_wait(q) || io.result)
		return failed("write");
	if (weir_queue_get_op_stats(q, WEIR_OP_WRITE, &stats) || stats.ios != 1)
		return failed("statistics");
	weir_queue_close(q);
	weir_device_close(dev);
	return 0;
}

int use_store(const char *path)
{
	weir_store_format_opts format = WEIR_STORE_FORMAT_OPTS_INIT;
	weir_store_op op = WEIR_STORE_OP_INIT;
	weir_store *s = nullptr;
	char got[16] = "";
	size_t len = 0;

	format.create_bytes = 128u << 20;
	if (weir_store_format(path, &format) || weir_store_open(&s, path, nullptr))
		return failed("store");
	op.kind = WEIR_STORE_PUT;
	op.key = "key";
	op.key_len = 3;
	op.value = "value";
	op.value_len = 5;
	if (weir_store_run(s, &op, 1))
		return failed("put");
	if (weir_store_get(s, "key", 3, got, sizeof(got), &len) || len != 5 ||
	    std::memcmp(got, "value", 5))
		return failed("get");
	return weir_store_close(s) ? failed("close") : 0;
}

} /* namespace */

int main(int, char **argv)
{
	if (!all_begin_well())
		return failed("an initialiser");
	return use_queue() || use_store(argv[1]);
}
