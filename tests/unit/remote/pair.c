/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

int pair_setup(void **state)
{
	(void)state;
	return workdir_make() || setenv("XDG_RUNTIME_DIR", workdir, 1) ? -1 : 0;
}

/* A process that was killed has left its socket. */
int pair_teardown(void **state)
{
	const struct dirent *entry;
	char path[600];
	DIR *dir;

	(void)state;
	snprintf(path, sizeof(path), "%s/weir", workdir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
	return workdir_remove();
}

void pair_format(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	rig_make(&p->rig, PAIR_BYTES, PAIR_SEGMENT, 4096);
}

void pair_open(struct pair *p, const struct weir_remote_opts *opts)
{
	rig_open(&p->rig);
	assert_int_equal(weir_remote_open(&p->r, p->rig.path, opts), 0);
}

void pair_close(struct pair *p)
{
	weir_remote_close(p->r);
	rig_remove(&p->rig);
}

int pair_put(struct pair *p, uint64_t key, uint64_t version, size_t length, uint32_t flags)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint8_t *value = malloc(length);
	int err;

	rig_value(key, version, value, length);
	op.kind = WEIR_STORE_PUT;
	op.flags = flags;
	op.key = &key;
	op.key_len = sizeof(key);
	op.value = value;
	op.value_len = length;
	err = weir_remote_run(p->r, &op, 1);
	free(value);
	return err;
}

int pair_get(struct pair *p, uint64_t key, uint64_t version, size_t length)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	uint8_t *value = malloc(length), *want = malloc(length);
	int err;

	op.kind = WEIR_STORE_GET;
	op.key = &key;
	op.key_len = sizeof(key);
	op.buf = value;
	op.capacity = length;
	err = weir_remote_run(p->r, &op, 1);
	rig_value(key, version, want, length);
	if (!err)
		err = op.value_len == length && !memcmp(value, want, length);
	free(value);
	free(want);
	return err;
}

int pair_exists(struct pair *p, uint64_t key, uint32_t flags, uint64_t *length)
{
	struct weir_store_op op = WEIR_STORE_OP_INIT;
	int err;

	op.kind = WEIR_STORE_EXISTS;
	op.flags = flags;
	op.key = &key;
	op.key_len = sizeof(key);
	err = weir_remote_run(p->r, &op, 1);
	if (length)
		*length = op.value_len;
	return err;
}
