/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - writes a page of HTML that needs nothing besides itself: the frame, the style, and text
 * from outside. One thread.
 */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The style sheet: light and dark, small screens, paper. */
extern const char html_style[];

/* Writes the beginning of the page; TITLE is text, not HTML. */
void html_begin(FILE *out, const char *title);

/* Writes the end of the page. */
void html_end(FILE *out);

/*
 * Begins a table that scrolls by itself where it is wider than the screen. A reader that speaks
 * calls it LABEL. COLUMNS are how many it has: on paper a table of many is made to fit. FACTS: it
 * has names and values. What follows is a thead, or a tbody.
 */
void html_table_begin(FILE *out, const char *label, size_t columns, bool facts);

/* Ends the tbody and the table. */
void html_table_end(FILE *out);

/*
 * Writes TEXT so that it is text wherever it stands, in an element or an attribute. Control
 * characters become spaces. NULL writes nothing.
 */
void html_text(FILE *out, const char *text);

#endif
