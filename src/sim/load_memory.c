/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_memory.c - memory for the ios of a job on a real drive. Each io has its own, as in a
 * program: what many ios share stays in the processor's cache. See load.h.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "base/error.h"
#include "base/parse.h"
#include "sim/load.h"

/* Fills the memory with numbers that a drive cannot compress. */
static void load_memory_fill(struct load *l)
{
	uint64_t *words = l->memory;

	for (size_t i = 0; i < l->memory_bytes / sizeof(*words); i++)
		words[i] = prng_next(&l->prng);
}

/* Refuses jobs that would take more than half of the machine's memory. */
static int load_memory_check(struct load *l, uint64_t n, uint64_t stride)
{
	struct sysinfo machine;
	uint64_t bytes, most;
	char need[32], have[32];

	if (sysinfo(&machine))
		return error_sys(-errno, "[%s]: memory", l->name);
	most = (uint64_t)machine.totalram * machine.mem_unit / 2;
	if (!__builtin_mul_overflow(n, stride, &bytes) &&
	    !__builtin_add_overflow(bytes, l->env->memory_bytes, &bytes) && bytes <= most) {
		l->env->memory_bytes = bytes;
		return 0;
	}
	return error_set(-ENOMEM,
			 "%s:%u: [%s]: iodepth x bs of this job and those above is %s of memory, "
			 "and at most half of the machine's are used, %s",
			 l->env->path, l->job->line, l->job->name,
			 format_size(bytes, need, sizeof(need)),
			 format_size(most, have, sizeof(have)));
}

int load_memory_open(struct load *l, uint64_t n, uint64_t stride)
{
	void *memory;
	int err = load_memory_check(l, n, stride);

	if (err)
		return err;
	l->memory_bytes = (n ? n : 1) * stride;
	memory = mmap(NULL, l->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		return error_sys(-errno, "[%s]: memory", l->name);
	l->memory = memory;
	/* Each page that is not beside the one before is a segment of its own for the drive. */
	(void)madvise(memory, l->memory_bytes, MADV_HUGEPAGE);
	if (l->job->rw & SIM_RW_WRITE || l->job->replay.io)
		load_memory_fill(l);
	/* Where it cannot be registered (RLIMIT_MEMLOCK, say), ios cost a little more. */
	(void)weir_queue_register(l->env->q, memory, l->memory_bytes);
	for (uint64_t i = 0; i < n; i++)
		l->ios[i].memory = (char *)memory + i * stride;
	return 0;
}

void load_memory_close(struct load *l)
{
	if (l->memory)
		munmap(l->memory, l->memory_bytes);
}
