/* SPDX-License-Identifier: Apache-2.0 */
/*
 * await.c - the line about the process that a command waits for. `await_lock` guards the terminal:
 * the devices of a store may be waited for by several threads.
 */
#include "cli/await.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/waiting.h"
#include "cli/line.h"

static pthread_mutex_t await_lock = PTHREAD_MUTEX_INITIALIZER;
static bool await_shown;

static void await_show(const char *words)
{
	pthread_mutex_lock(&await_lock);
	if (words)
		line_show("%s", words);
	else if (await_shown)
		line_clear();
	await_shown = words != NULL;
	pthread_mutex_unlock(&await_lock);
}

void await_begin(void)
{
	if (isatty(STDERR_FILENO))
		waiting_listen(await_show);
}
