/* SPDX-License-Identifier: Apache-2.0 */
/* waiting.c - owns the function that the program gave. */
#include "base/waiting.h"

#include <stddef.h>

static void (*waiting_fn)(const char *words);

void waiting_listen(void (*fn)(const char *words))
{
	waiting_fn = fn;
}

bool waiting_is_heard(void)
{
	return waiting_fn != NULL;
}

void waiting_tell(const char *words)
{
	if (waiting_fn)
		waiting_fn(words);
}
