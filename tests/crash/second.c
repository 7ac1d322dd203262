/* SPDX-License-Identifier: Apache-2.0 */
/* second.c - see second.h. The image of each device is a file in memory that both processes map. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "second.h"

static void second_child(const struct second *s, const char *path, const int in[2],
			 const int out[2])
{
	char name[DRIVE_DEVICES][64];
	char *arguments[DRIVE_DEVICES + 3] = { strdup(path), strdup("--serve") };

	for (uint32_t n = 0; n < s->devices; n++) {
		snprintf(name[n], sizeof(name[n]), "/proc/self/fd/%d", s->memory[n]);
		arguments[n + 2] = name[n];
	}
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	execv(path, arguments);
	perror(path);
	_exit(127);
}

static void second_map(struct second *s, uint32_t n)
{
	s->memory[n] = memfd_create("image", 0);
	CHECK(s->memory[n] >= 0 && !ftruncate(s->memory[n], (off_t)s->bytes));
	s->image[n] = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->memory[n], 0);
	CHECK(s->image[n] != MAP_FAILED);
}

void second_start(struct second *s, const char *path, uint32_t devices, uint64_t bytes)
{
	int in[2], out[2];

	s->devices = devices;
	s->bytes = bytes;
	for (uint32_t n = 0; n < devices; n++)
		second_map(s, n);
	CHECK(!pipe(in) && !pipe(out));
	s->pid = fork();
	CHECK(s->pid >= 0);
	if (!s->pid)
		second_child(s, path, in, out);
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
	for (uint32_t n = 0; n < s->devices; n++) {
		munmap(s->image[n], s->bytes);
		close(s->memory[n]);
	}
	s->pid = 0;
}

void second_ask(struct second *s, const uint8_t *image)
{
	for (uint32_t n = 0; n < s->devices; n++)
		memcpy(s->image[n], image + n * s->bytes, s->bytes);
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
