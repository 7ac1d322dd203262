/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space.c - checks whether a file has all the space of its size, and whether this process may write
 * all of it.
 */
#include <inttypes.h>
#include <sys/resource.h>

#include "base/parse.h"
#include "doctor/target.h"

void doctor_judge_space(struct doctor_report *r, const struct doctor_space *f)
{
	char used[32], bytes[32], limit[32];
	struct doctor_finding *d;

	format_size(f->bytes, bytes, sizeof(bytes));
	if (f->bytes > f->limit) {
		d = doctor_add(r, "space", DOCTOR_FAIL,
			       "it has %s, and this process may write files of %s at most", bytes,
			       format_size(f->limit, limit, sizeof(limit)));
		doctor_remedy(d, "raise the limit: ulimit -f unlimited, or LimitFSIZE=infinity in "
				 "a systemd unit");
	} else if (f->used < f->bytes - f->bytes / 10) {
		d = doctor_add(r, "space", DOCTOR_WARNING,
			       "it is sparse (%s of %s have space): writes are slower and can run "
			       "out of space",
			       format_size(f->used, used, sizeof(used)), bytes);
		doctor_remedy(d, "fallocate -l %" PRIu64 " %s, while nobody writes to it", f->bytes,
			      f->path);
	} else {
		doctor_add(r, "space", DOCTOR_OK, "all of its %s have space", bytes);
	}
}

void doctor_check_space(struct doctor_report *r, const struct doctor_target *t)
{
	struct doctor_space f = {
		.path = t->path,
		.bytes = (uint64_t)t->at.st.st_size,
		.used = (uint64_t)t->at.st.st_blocks * 512,
		.limit = UINT64_MAX,
	};
	struct rlimit limit;

	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY)
		f.limit = limit.rlim_cur;
	doctor_judge_space(r, &f);
}
