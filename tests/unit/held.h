/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held.h - what this process holds just now: open files and memory, as the kernel counts them.
 *
 * For tests that look whether something was left behind. Any thread.
 */
#ifndef HELD_H
#define HELD_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct held {
	unsigned files;
	unsigned long long locked_kib; /* VmLck: by mlock */
	unsigned long long pinned_kib; /* VmPin: for drives, as registered buffers are */
	unsigned long long rss_kib;
};

static inline unsigned held_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static inline struct held held_now(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	struct held held = { 0 };
	unsigned found = 0;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		found += sscanf(line, "VmLck: %llu", &held.locked_kib) == 1;
		found += sscanf(line, "VmPin: %llu", &held.pinned_kib) == 1;
		found += sscanf(line, "VmRSS: %llu", &held.rss_kib) == 1;
	}
	fclose(f);
	assert_int_equal(found, 3);
	held.files = held_files();
	return held;
}

/* Sanitizers keep what was freed, and look for leaks in their own way. */
#if defined(__has_feature)
#define HELD_FEATURE(name) __has_feature(name)
#else
#define HELD_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	HELD_FEATURE(address_sanitizer) || HELD_FEATURE(thread_sanitizer)
#define HELD_RSS 0
#else
#define HELD_RSS 1
#endif

/* Files and pinned memory are back to what they were BEFORE; memory grew by at most MORE_KIB. */
static inline void held_check(const struct held *before, unsigned more_kib)
{
	struct held now = held_now();

	assert_int_equal(now.files, before->files);
	assert_int_equal(now.locked_kib, before->locked_kib);
	assert_int_equal(now.pinned_kib, before->pinned_kib);
	if (HELD_RSS && now.rss_kib > before->rss_kib + more_kib)
		fail_msg("%llu KiB of memory, %llu before", now.rss_kib, before->rss_kib);
}

#endif
