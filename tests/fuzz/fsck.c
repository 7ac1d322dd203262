/* SPDX-License-Identifier: Apache-2.0 */
/* fsck.c - checks a changed image of a store, repairs it, and checks what that left. */
#include <string.h>

#include <weir/fsck.h>

#include "forge.h"
#include "fuzz.h"

static void fsck_found(void *user, const struct weir_finding *finding)
{
	FUZZ_CHECK(finding->kind && finding->kind < WEIR_FINDING_KINDS && *finding->text);
	FUZZ_CHECK(!finding->key || finding->key_len);
	*(uint64_t *)user += finding->damage;
}

/* Returns the result of a check, and sets RESULT. */
static int fsck_check(const char *path, uint32_t repair, struct weir_check_result *result)
{
	struct weir_check_opts opts = WEIR_CHECK_OPTS_INIT;
	uint64_t damage = 0;
	int err;

	opts.data = 1;
	opts.repair = repair;
	opts.engine = "posix";
	opts.found = fsck_found;
	opts.user = &damage;
	*result = (struct weir_check_result)WEIR_CHECK_RESULT_INIT;
	err = weir_store_check(path, &opts, result);
	fuzz_result(err);
	FUZZ_CHECK(err || damage == result->damage);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = fuzz_file(forge_image(data, size), FORGE_BYTES);
	struct weir_check_result before, repaired;

	if (fsck_check(path, 0, &before) || fsck_check(path, 1, &repaired))
		return 0;
	/* The same image has the same findings. What contradicts itself under a right checksum may
	 * stay after a repair, so the next one only has to end. */
	FUZZ_CHECK(before.damage == repaired.damage);
	fsck_check(path, 1, &repaired);
	return 0;
}
