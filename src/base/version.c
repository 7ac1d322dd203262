/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - which weir this is. Owns nothing; any thread.
 */
#include <weir/base.h>

#define VERSION_WORD(x) #x
#define VERSION_TEXT(major, minor, patch)                                                          \
	VERSION_WORD(major) "." VERSION_WORD(minor) "." VERSION_WORD(patch)

const char *weir_version(void)
{
	return VERSION_TEXT(WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR, WEIR_VERSION_PATCH);
}
