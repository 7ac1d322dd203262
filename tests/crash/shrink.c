/* SPDX-License-Identifier: Apache-2.0 */
/* shrink.c - see shrink.h. Owns nothing. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shrink.h"

#define SHRINK_TRIES 200u
#define SHRINK_PROGRAM " --program "
#define SHRINK_CHOICE " --choice '"

static unsigned shrink_tries;

/* Runs a candidate. Returns true if it fails; then OPTIONS are those that repeat it. */
static bool shrink_fails(const char *candidate, char options[SHRINK_OPTIONS])
{
	static const char repeat[] = "crash: repeat: ";
	char command[2 * SHRINK_OPTIONS], line[SHRINK_OPTIONS];
	bool fails = false;
	FILE *out;

	if (shrink_tries++ >= SHRINK_TRIES)
		return false;
	snprintf(command, sizeof(command), "/proc/%d/exe --quiet %s 2>&1", (int)getpid(),
		 candidate);
	out = popen(command, "r");
	while (out && fgets(line, sizeof(line), out)) {
		if (strncmp(line, repeat, sizeof(repeat) - 1) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(options, SHRINK_OPTIONS, "%s", line + sizeof(repeat) - 1);
		fails = true;
	}
	if (out)
		pclose(out);
	return fails;
}

/* Makes a candidate without step number N. Returns false if there is no such step, or no other. */
static bool shrink_step(const char *options, unsigned n, char candidate[SHRINK_OPTIONS])
{
	const char *program = strstr(options, SHRINK_PROGRAM), *from, *to, *end;

	if (!program)
		return false;
	from = program + strlen(SHRINK_PROGRAM);
	end = from + strcspn(from, " ");
	for (; n; n--) {
		from += strcspn(from, ", ");
		if (*from != ',')
			return false;
		from++;
	}
	to = from + strcspn(from, ", ");
	if (*to == ',')
		to++;
	else if (from[-1] == ',')
		from--;
	else
		return false;
	snprintf(candidate, SHRINK_OPTIONS, "%.*s%.*s%s", (int)(from - options), options,
		 (int)(end - to), to, strstr(options, " --overlap") ? " --overlap" : "");
	return true;
}

static void shrink_program(char options[SHRINK_OPTIONS])
{
	char candidate[SHRINK_OPTIONS];
	unsigned n = 0;

	while (shrink_step(options, n, candidate)) {
		if (!shrink_fails(candidate, options))
			n++;
		else
			n = 0;
	}
}

/* Lets pieces of LENGTH sectors keep their old contents, one after another. */
static void shrink_choice(char options[SHRINK_OPTIONS], size_t length)
{
	char candidate[SHRINK_OPTIONS], *from;
	size_t all, n;

	if (!strstr(options, SHRINK_CHOICE))
		return;
	all = strcspn(strstr(options, SHRINK_CHOICE) + strlen(SHRINK_CHOICE), "'");
	for (n = 0; n + length <= all; n += length) {
		snprintf(candidate, sizeof(candidate), "%s", options);
		from = strstr(candidate, SHRINK_CHOICE) + strlen(SHRINK_CHOICE) + n;
		if (strspn(from, "0") >= length)
			continue;
		memset(from, '0', length);
		shrink_fails(candidate, options);
	}
}

void shrink(char options[SHRINK_OPTIONS])
{
	shrink_program(options);
	for (size_t length = 32; length; length /= 2)
		shrink_choice(options, length);
}
