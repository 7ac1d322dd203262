/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - the version of weir. Owns nothing; any thread.
 */
#include <weir/base.h>

const char *weir_version(void)
{
	return WEIR_VERSION;
}
