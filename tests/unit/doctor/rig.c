/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - see rig.h. One thread; the tree is the test program's, in a temporary folder.
 */
#include "rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[256];

const struct doctor_finding *rig_find(const struct doctor_report *r, const char *check)
{
	for (size_t i = 0; i < r->count; i++)
		if (!strcmp(r->findings[i].check, check))
			return &r->findings[i];
	return NULL;
}

void rig_expect(const struct doctor_report *r, const char *check, enum doctor_verdict verdict,
		const char *what, const char *remedy)
{
	const struct doctor_finding *f = rig_find(r, check);

	if (!f) {
		fail_msg("no check %s", check);
		return;
	}
	if (f->verdict != verdict)
		fail_msg("%s: %s, not %s: %s", check, doctor_verdict_name(f->verdict),
			 doctor_verdict_name(verdict), f->what);
	else if (what && !strstr(f->what, what))
		fail_msg("%s: '%s' does not say '%s'", check, f->what, what);
	else if (remedy && !strstr(f->remedy, remedy))
		fail_msg("%s: '%s' does not advise '%s'", check, f->remedy, remedy);
	else if (verdict == DOCTOR_OK && f->remedy[0])
		fail_msg("%s: a remedy for what is well: %s", check, f->remedy);
	assert_true(strlen(f->what) > 0);
	if (verdict > DOCTOR_NOTE)
		assert_true(strlen(f->remedy) > 0);
}

void rig_only(struct doctor_report *r, const char *check, enum doctor_verdict verdict,
	      const char *what, const char *remedy)
{
	rig_expect(r, check, verdict, what, remedy);
	assert_int_equal(r->count, 1);
	memset(r, 0, sizeof(*r));
}

int rig_make(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(root, sizeof(root), "%s/weir-doctor-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	/* Users other than root must be able to enter it. */
	return mkdtemp(root) && !chmod(root, 0755) ? 0 : -1;
}

static int rig_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int rig_remove(void **state)
{
	(void)state;
	return nftw(root, rig_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *rig_root(void)
{
	return root;
}

const char *rig_path(const char *name)
{
	static char paths[4][1024];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

static void rig_folders(const char *path)
{
	char part[1024];

	for (const char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

void rig_file(const char *name, const char *fmt, ...)
{
	const char *path = rig_path(name);
	va_list args;
	FILE *f;

	rig_folders(path);
	f = fopen(path, "we");
	if (!f)
		fail_msg("cannot make %s", path);
	va_start(args, fmt);
	vfprintf(f, fmt, args);
	va_end(args);
	fclose(f);
}

void rig_link(const char *name, const char *where)
{
	const char *path = rig_path(name);

	rig_folders(path);
	unlink(path);
	assert_int_equal(symlink(where, path), 0);
}

const struct doctor_report *rig_examine_as(void (*prepare)(void), const struct doctor_opts *opts)
{
	static struct doctor_report *shared;
	int status;
	pid_t pid;

	if (!shared)
		shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (!pid) {
		prepare();
		doctor_examine(shared, opts);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("skipped: this cannot be caused here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return shared;
}
