/* SPDX-License-Identifier: Apache-2.0 */
/* acks.c - reads any bytes as an acknowledgement log of a replay. */
#include <stdlib.h>

#include "cli/acks.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t *ids;
	size_t n;
	int err = acks_read(fuzz_file(data, size), &ids, &n);

	fuzz_result(err);
	for (size_t i = 1; !err && i < n; i++)
		FUZZ_CHECK(ids[i - 1] < ids[i]);
	if (!err)
		free(ids);
	return 0;
}
