/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c - any bytes as a trace of `weir replay`.
 */
#include "cli/trace.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace trace = { 0 };
	int ret = trace_load(&trace, fuzz_file(data, size), 0);
	size_t ids = 0;

	fuzz_result(ret);
	/* The requests have the ids one after the other, and nothing is left. */
	for (size_t i = 0; i < trace.count; i++) {
		FUZZ_CHECK(trace.requests[i].first == ids);
		ids += trace.requests[i].count;
	}
	FUZZ_CHECK(ids == trace.id_count);
	trace_free(&trace);
	return 0;
}
