/* SPDX-License-Identifier: Apache-2.0 */
/* page_replay.c - what a replay did, as plots and a table. See page.h. */
#include <stdlib.h>

#include "cli/page.h"
#include "cli/page_percentiles.h"
#include "cli/plot.h"

struct replay_part {
	const char *key, *name;
};

#define PARTS(of) (sizeof(of) / sizeof((of)[0]))

void page_replay(FILE *out, const json_t *run)
{
	static const struct replay_part kinds[] = { { "get", "get a block" },
						    { "put", "put a block" },
						    { "load", "load a prompt" } };
	static const struct replay_part moved[] = { { "read_mbps", "read" },
						    { "write_mbps", "written" } };
	struct percentiles *p = calloc(1, sizeof(*p));
	struct plot_bar bar[PARTS(moved)];

	for (size_t i = 0; p && i < PARTS(kinds); i++)
		page_add(p, kinds[i].name, json_object_get(run, kinds[i].key));
	for (size_t i = 0; i < PARTS(moved); i++) {
		bar[i].value = page_get(run, moved[i].key);
		bar[i].due = -1;
		snprintf(bar[i].name, sizeof(bar[i].name), "%s", moved[i].name);
	}
	fputs("<div class=\"plots\">\n", out);
	if (p)
		page_draw(out, p, "Latency");
	plot_bars(out, "Throughput of the whole time", " MB/s", bar, PARTS(moved));
	fputs("</div>\n", out);
	free(p);
	page_tree(out, run);
}
