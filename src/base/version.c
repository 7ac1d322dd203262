/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - which weir this is. Owns nothing; any thread.
 */
#include <weir/base.h>

const char *weir_version(void)
{
	return WEIR_VERSION;
}
