/* SPDX-License-Identifier: Apache-2.0 */
/* proof.c - see proof.h. It owns the path of the file. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proof.h"

static char proof_path[4096];
static const char *proof_program;

void proof_begin(const char *program)
{
	const char *folder = getenv("WEIR_PROOF");
	FILE *file;
	int length;

	proof_path[0] = 0;
	if (!folder)
		return;
	mkdir(folder, 0777);
	proof_program = program;
	length = snprintf(proof_path, sizeof(proof_path), "%s/%s.jsonl", folder, program);
	file = length < (int)sizeof(proof_path) ? fopen(proof_path, "w") : NULL;
	if (!file) {
		perror(proof_path);
		exit(1);
	}
	fclose(file);
}

void proof_count(const char *section, const char *name, uint64_t count)
{
	FILE *file = proof_path[0] ? fopen(proof_path, "a") : NULL;

	if (!file)
		return;
	fprintf(file,
		"{\"section\": \"%s\", \"program\": \"%s\", \"name\": \"%s\", \"count\": %llu}\n",
		section, proof_program, name, (unsigned long long)count);
	if (fclose(file)) {
		perror(proof_path);
		exit(1);
	}
}
