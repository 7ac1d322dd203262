/* SPDX-License-Identifier: Apache-2.0 */
/* counter.c - instructions, counted by the processor for perf_event_open(2). See bench.h. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/bench.h"

static const char *counter_why(int err)
{
	if (err == EACCES || err == EPERM)
		return "not allowed: see kernel.perf_event_paranoid";
	if (err == ENOENT || err == ENODEV || err == EOPNOTSUPP)
		return "this processor, or the hypervisor above it, does not count them";
	if (err == ENOSYS)
		return "the kernel has no perf_event_open(2)";
	return strerror(err);
}

void bench_counter_open(struct bench_counter *c)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.inherit = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	*c = (struct bench_counter){ .fd = -1 };
	c->fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (c->fd < 0)
		snprintf(c->why, sizeof(c->why), "%s", counter_why(errno));
}

uint64_t bench_counter_read(const struct bench_counter *c)
{
	uint64_t value;

	if (c->fd < 0 || read(c->fd, &value, sizeof(value)) != sizeof(value))
		return 0;
	return value;
}

void bench_counter_close(struct bench_counter *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
