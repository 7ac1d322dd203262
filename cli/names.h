/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - has the library's texts of errors name what can be typed: "--force" instead of the
 * member `force` of a struct. Owns nothing; called once, before any other thread runs.
 */
#ifndef NAMES_H
#define NAMES_H

void names_begin(void);

#endif
