/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - the list of findings. The report belongs to the caller.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor.h"

/* Replaces control characters: names of mounts and processes may contain anything, and a terminal
 * would obey it. */
static void report_tame(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

struct doctor_finding *doctor_add(struct doctor_report *r, const char *check,
				  enum doctor_verdict verdict, const char *fmt, ...)
{
	struct doctor_finding *f;
	va_list args;

	/* There are fewer checks than places. If that changes, the last finding replaces the one
	 * before. */
	if (r->count < DOCTOR_FINDINGS_MAX)
		r->count++;
	f = &r->findings[r->count - 1];
	f->check = check;
	f->verdict = verdict;
	f->remedy[0] = '\0';
	va_start(args, fmt);
	vsnprintf(f->what, sizeof(f->what), fmt, args);
	va_end(args);
	report_tame(f->what);
	return f;
}

void doctor_remedy(struct doctor_finding *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, args);
	va_end(args);
	report_tame(f->remedy);
}

void doctor_more(struct doctor_finding *f, const char *fmt, ...)
{
	size_t used = strlen(f->what);
	va_list args;

	va_start(args, fmt);
	vsnprintf(f->what + used, sizeof(f->what) - used, fmt, args);
	va_end(args);
	report_tame(f->what + used);
}

enum doctor_verdict doctor_worst(const struct doctor_report *r)
{
	enum doctor_verdict worst = DOCTOR_OK;

	for (size_t i = 0; i < r->count; i++)
		if (r->findings[i].verdict > worst)
			worst = r->findings[i].verdict;
	return worst;
}

const char *doctor_verdict_name(enum doctor_verdict verdict)
{
	switch (verdict) {
	case DOCTOR_OK:
		return "ok";
	case DOCTOR_NOTE:
		return "note";
	case DOCTOR_WARNING:
		return "warning";
	case DOCTOR_FAIL:
		return "fail";
	}
	return "unknown";
}
