/* SPDX-License-Identifier: Apache-2.0 */
/* job_text.c - writes values of a job. See job_text.h. */
#include "sim/job_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

void job_text_name(const struct sim_job *job, uint64_t clone, char *buf, size_t size)
{
	snprintf(buf, size, job->numjobs > 1 ? "%s.%llu" : "%s", job->name,
		 (unsigned long long)clone);
}

const char *job_text_rw(const struct sim_job *job, char *buf, size_t size)
{
	static const char *const names[] = { [SIM_RW_READ] = "read",
					     [SIM_RW_WRITE] = "write",
					     [SIM_RW_READ | SIM_RW_WRITE] = "rw",
					     [SIM_RW_TRIM] = "trim",
					     [SIM_RW_TRIM | SIM_RW_WRITE] = "trimwrite" };
	uint64_t kind = job->rw & (SIM_RW_READ | SIM_RW_WRITE | SIM_RW_TRIM);
	const char *name = kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;

	snprintf(buf, size, "%s%s", job->rw & SIM_RW_RANDOM ? "rand" : "", name ? name : "read");
	return buf;
}

static void job_text_add(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void job_text_add(char *buf, size_t size, const char *fmt, ...)
{
	size_t used = strlen(buf);
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf + used, size - used, fmt, args);
	va_end(args);
}

/* Adds BYTES with the largest of fio's units that divides it. */
static void job_text_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "", "k", "m", "g" };
	unsigned unit = 0;

	for (; bytes && bytes % 1024 == 0 && unit < 3; unit++)
		bytes /= 1024;
	job_text_add(buf, size, "%" PRIu64 "%s", bytes, units[unit]);
}

static void job_text_sizes(char *buf, size_t size, const struct sim_bs *bs)
{
	for (uint32_t i = 0; i < bs->nr; i++) {
		job_text_add(buf, size, "%s", i ? ":" : "");
		job_text_bytes(buf, size, bs->split[i].bytes);
		job_text_add(buf, size, "/%" PRIu32, bs->split[i].percent);
	}
	if (bs->nr)
		return;
	if (bs->min != bs->max) {
		job_text_bytes(buf, size, bs->min);
		job_text_add(buf, size, "-");
	}
	job_text_bytes(buf, size, bs->max);
}

const char *job_text_bs(const struct sim_job *job, char *buf, size_t size)
{
	char text[SIM_DIRS][SIM_BS_TEXT];
	bool same = true;

	for (int dir = 0; dir < SIM_DIRS; dir++) {
		text[dir][0] = '\0';
		job_text_sizes(text[dir], sizeof(text[dir]), &job->bs[dir]);
		same &= !strcmp(text[dir], text[0]);
	}
	*buf = '\0';
	for (int dir = 0; dir < (same ? 1 : SIM_DIRS); dir++)
		job_text_add(buf, size, "%s%s", dir ? "," : "", text[dir]);
	return buf;
}
