/* SPDX-License-Identifier: Apache-2.0 */
/*
 * why.c - tells why a key is not in a store. This file owns nothing; any thread.
 */
#include "base/error.h"
#include "base/opts.h"
#include "store/parts.h"

struct why_question {
	uint64_t hash[2];
	struct weir_store_why why;
};

static int why_key(const struct weir_store *s, const void *key, uint32_t key_len, uint64_t hash[2])
{
	int err = store_check_process(s);

	if (err)
		return err;
	if (!key || !key_len || key_len > WEIR_KEY_MAX)
		return error_set(-EINVAL, "key of %u bytes: keys have 1 to %u", key_len,
				 WEIR_KEY_MAX);
	checksum_identity(&s->io.key, key, key_len, hash);
	return 0;
}

static int why_answer(struct weir_store *s, void *user)
{
	struct why_question *ask = user;

	logs_why(s->logs, ask->hash, &ask->why);
	return 0;
}

int weir_store_get_why(struct weir_store *s, const void *key, uint32_t key_len,
		       struct weir_store_why *why)
{
	struct why_question ask;
	int err = why_key(s, key, key_len, ask.hash);

	if (!err)
		s = parts_route(s, key, key_len);
	if (!err)
		err = s ? wait_call(s, why_answer, &ask) : -ENODEV;
	return err ? err : opts_give(why, OPTS_SIZE(why), &ask.why, sizeof(ask.why));
}

int weir_store_hash(struct weir_store *s, const void *key, uint32_t key_len, uint64_t hash[2])
{
	return why_key(s, key, key_len, hash);
}
