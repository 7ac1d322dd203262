/* SPDX-License-Identifier: Apache-2.0 */
/* second.c - see second.h. The image is a file in memory that both processes map. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "second.h"

static void second_child(const char *path, int memory, const int in[2], const int out[2])
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", memory);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	execl(path, path, "--serve", name, NULL);
	perror(path);
	_exit(127);
}

void second_start(struct second *s, const char *path, uint64_t bytes)
{
	int in[2], out[2];

	s->bytes = bytes;
	s->memory = memfd_create("image", 0);
	CHECK(s->memory >= 0 && !ftruncate(s->memory, (off_t)bytes));
	s->image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory, 0);
	CHECK(s->image != MAP_FAILED && !pipe(in) && !pipe(out));
	s->pid = fork();
	CHECK(s->pid >= 0);
	if (!s->pid)
		second_child(path, s->memory, in, out);
	close(in[0]);
	close(out[1]);
	s->ask = fdopen(in[1], "w");
	s->answer = fdopen(out[0], "r");
	CHECK(s->ask && s->answer);
}

void second_stop(struct second *s)
{
	if (!s->pid)
		return;
	fclose(s->ask);
	fclose(s->answer);
	waitpid(s->pid, NULL, 0);
	munmap(s->image, s->bytes);
	close(s->memory);
	s->pid = 0;
}

void second_ask(struct second *s, const uint8_t *image)
{
	memcpy(s->image, image, s->bytes);
	fputc('\n', s->ask);
	fflush(s->ask);
}

struct second_entry {
	uint64_t high, low, hash;
	unsigned long long sequence;
	unsigned length, stream;
};

/* Reads the next line. Returns false after the last. A damaged value has the hash 1. */
static bool second_line(struct second *s, struct second_entry *e)
{
	char line[4096], payload[32], high[17] = "";
	int n;

	if (!fgets(line, sizeof(line), s->answer) || !strcmp(line, ".\n"))
		return false;
	n = sscanf(line, "%16[0-9a-f]%16lx %llu %u %31s %u", high, &e->low, &e->sequence,
		   &e->length, payload, &e->stream);
	e->high = strtoull(high, NULL, 16);
	e->hash = strcmp(payload, "damaged") ? strtoull(payload, NULL, 16) : 1;
	if (n != 6)
		*e = (struct second_entry){ .sequence = UINT64_MAX };
	return true;
}

const char *second_differs(struct second *s, const uint64_t ids[MODEL_KEYS][2],
			   const struct model_found found[MODEL_KEYS])
{
	static char text[256];
	struct second_entry e;
	unsigned here = 0, there = 0, same = 0;

	for (uint32_t key = 0; key < MODEL_KEYS; key++)
		here += found[key].hash != 0;
	while (second_line(s, &e)) {
		there++;
		for (uint32_t key = 0; key < MODEL_KEYS; key++)
			same += ids[key][0] == e.low && ids[key][1] == e.high &&
				found[key].hash == e.hash &&
				(e.hash == 1 || found[key].length == e.length) &&
				(!found[key].sequence || (found[key].sequence == e.sequence &&
							  found[key].stream == e.stream));
	}
	if (here == there && same == here)
		return NULL;
	snprintf(text, sizeof(text),
		 "the second recovery finds %u entries, the store %u, and %u are the same", there,
		 here, same);
	return text;
}
