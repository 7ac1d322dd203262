/* SPDX-License-Identifier: Apache-2.0 */
/* devices.c - a store on several files. See devices.h. */
#include "devices.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/parts.h"

char file[DEVICES + 1][256];
char all[1024];
struct rig rig;

static void make_file(char *path, uint64_t bytes)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, sizeof(file[0]), "%s/weir-devices-XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
	close(fd);
}

int format(const char *paths)
{
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.segment_bytes = SEGMENT;
	opts.force = 2;
	return weir_store_format(paths, &opts);
}

int set_up(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= DEVICES; n++)
		make_file(file[n], (24 + n) * MIB);
	snprintf(all, sizeof(all), "%s,%s,%s", file[0], file[1], file[2]);
	if (format(all))
		fail_msg("format: %s", weir_error());
	memset(&rig, 0, sizeof(rig));
	rig.engine = "posix";
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	if (rig.s)
		assert_int_equal(weir_store_close(rig.s), 0);
	rig.s = NULL;
	for (unsigned n = 0; n <= DEVICES; n++)
		unlink(file[n]);
	return 0;
}

int try_open(const char *paths, uint32_t degraded)
{
	struct weir_store_opts opts = WEIR_STORE_OPTS_INIT;

	opts.engine = rig.engine;
	opts.attach = rig.attach;
	opts.degraded = degraded;
	rig.s = NULL;
	return weir_store_open(&rig.s, paths, &opts);
}

void open_all(const char *paths)
{
	if (try_open(paths, 0))
		fail_msg("open of %s: %s", paths, weir_error());
}

void close_all(void)
{
	struct weir_store *part;
	uint32_t n;

	PARTS_FOREACH(rig.s, part, n)
	rig_check_counts(part);
	assert_int_equal(weir_store_close(rig.s), 0);
	rig.s = NULL;
}

void put_keys(uint64_t version)
{
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_put(&rig, key, version, 5000 + key, 0), 0);
}

void get_keys(uint64_t version)
{
	for (uint64_t key = 0; key < KEYS; key++)
		assert_int_equal(rig_get(&rig, key, version, 5000 + key), 1);
}

uint32_t device_of(uint64_t key)
{
	struct weir_store *part = parts_find(rig.s, &key, sizeof(key));

	return part ? part->io.super.device_index : UINT32_MAX;
}

void says(int err, int want, const char *words)
{
	if (err != want || !strstr(weir_error(), words))
		fail_msg("%d, \"%s\": not %d with \"%s\"", err, weir_error(), want, words);
}
