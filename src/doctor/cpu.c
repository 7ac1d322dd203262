/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu.c - checks which governors choose the speed of the CPUs. A governor that saves power delays
 * the first completion after a pause.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "device/gather.h"
#include "doctor/machine.h"

#define CPU_DIR "/sys/devices/system/cpu"

void doctor_judge_cpu(struct doctor_report *r, const struct doctor_cpu *f)
{
	struct doctor_finding *d;
	bool slow = false;

	if (!f->nr_governors) {
		doctor_add(r, "governor", DOCTOR_OK,
			   "none: the speed of the CPUs is not this system's to choose");
		return;
	}
	for (size_t i = 0; i < f->nr_governors; i++)
		slow |= strcmp(f->governors[i].name, "performance") != 0;
	d = doctor_add(r, "governor", slow ? DOCTOR_NOTE : DOCTOR_OK, "%s", "");
	for (size_t i = 0; i < f->nr_governors; i++)
		doctor_more(d, "%s%s on %u CPU%s", i ? ", " : "", f->governors[i].name,
			    f->governors[i].cpus, f->governors[i].cpus == 1 ? "" : "s");
	if (slow)
		doctor_remedy(d, "for latencies that vary less: cpupower frequency-set -g "
				 "performance");
}

static void cpu_add(struct doctor_cpu *f, const char *name)
{
	size_t i = 0;

	while (i < f->nr_governors && strcmp(f->governors[i].name, name))
		i++;
	if (i == DOCTOR_GOVERNORS_MAX)
		return;
	if (i == f->nr_governors) {
		snprintf(f->governors[i].name, sizeof(f->governors[i].name), "%s", name);
		f->nr_governors++;
	}
	f->governors[i].cpus++;
}

void doctor_check_cpu(struct doctor_report *r, const char *root)
{
	struct doctor_cpu f = { 0 };
	struct dirent *entry;
	char path[PATH_MAX], name[32];
	DIR *dir;

	snprintf(path, sizeof(path), "%s" CPU_DIR, root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), CPU_DIR "/%s/cpufreq/scaling_governor", entry->d_name);
		if (!strncmp(entry->d_name, "cpu", 3) &&
		    !gather_line(root, path, name, sizeof(name)))
			cpu_add(&f, name);
	}
	if (dir)
		closedir(dir);
	doctor_judge_cpu(r, &f);
}
