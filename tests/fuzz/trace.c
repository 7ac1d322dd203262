/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - reads any bytes as a trace of `weir replay`. */
#include "cli/trace.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trace trace = { 0 };
	struct trace_opts opts = { .block_bytes = 65536, .tiers = TRACE_ALL_TIERS };
	int err = trace_load(&trace, fuzz_file(data, size), &opts);
	size_t ids = 0;

	fuzz_result(err);
	/*
	 * The requests have the ids one after another, objects have one each, and no id is left
	 * over.
	 */
	for (size_t i = 0; i < trace.count; i++) {
		FUZZ_CHECK(trace.requests[i].first == ids);
		ids += trace.requests[i].kind == TRACE_PROMPT ? trace.requests[i].count : 1;
	}
	FUZZ_CHECK(ids == trace.id_count);
	trace_free(&trace);
	return 0;
}
