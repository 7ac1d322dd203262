/* SPDX-License-Identifier: Apache-2.0 */
/* html.c - the frame of a page. See html.h. */
#include "cli/html.h"

/* So many columns of figures fit on a sheet with their words whole. */
#define HTML_COLUMNS_FIT 16

void html_text(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			putc((unsigned char)*text < ' ' || *text == 127 ? ' ' : *text, out);
		}
	}
}

void html_begin(FILE *out, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<link rel=\"icon\" href=\"data:,\">\n<title>",
	      out);
	html_text(out, title);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", html_style);
	fputs("<a class=\"skip\" href=\"#main\">Skip to the results</a>\n<header>\n<h1>", out);
	html_text(out, title);
	fputs("</h1>\n", out);
}

void html_table_begin(FILE *out, const char *label, size_t columns, bool facts)
{
	const char *class = facts			 ? " class=\"facts\""
			    : columns > HTML_COLUMNS_FIT ? " class=\"many\""
							 : "";

	fprintf(out,
		"<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"%s\"><table%s>",
		label, class);
}

void html_table_end(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

void html_end(FILE *out)
{
	fputs("</main>\n</body>\n</html>\n", out);
}
