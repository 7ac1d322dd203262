/* SPDX-License-Identifier: Apache-2.0 */
/*
 * early_signal.c - is loaded before the C library, and sends the process the signal EARLY_SIGNAL as
 * soon as mkostemp() has made a file: before its caller knows the name.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int mkostemp(char *name, int flags)
{
	const char *number = getenv("EARLY_SIGNAL");
	int fd = mkostemps(name, 0, flags);

	if (number)
		kill(getpid(), atoi(number));
	return fd;
}
