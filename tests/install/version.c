/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - a foreign program: it knows weir through pkg-config only. It prints the version of
 * the library at run time, if that is the version it was compiled for.
 */
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

int main(void)
{
	struct weir_queue_opts opts = WEIR_QUEUE_OPTS_INIT;
	char compiled[32];

	snprintf(compiled, sizeof(compiled), "%d.%d.%d", WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR,
		 WEIR_VERSION_PATCH);
	puts(weir_version());
	return strcmp(compiled, weir_version()) != 0 || opts.size != sizeof(opts);
}
