/* SPDX-License-Identifier: Apache-2.0 */
/* sim_state.c - the file of --state: what a scheduler learns from one simulation to the next. */
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/report.h"
#include "cli/sim.h"

/* More than the lanes of any simulation need. */
#define STATE_BYTES (4u << 20)
/* Each learned state begins with this, whatever its version is. */
#define STATE_HEAD "weir-learned "

int sim_state_read(const char *path, struct sim_run_opts *opts, struct input *in)
{
	if (!path)
		return 0;
	opts->keep_state = true;
	/* The first run has nothing to begin with. */
	if (access(path, F_OK) < 0)
		return 0;
	if (input_read(in, path, STATE_BYTES))
		return report_error("%s", weir_error());
	/* A wrong name must not cost somebody a file. */
	if (in->len &&
	    (in->len < strlen(STATE_HEAD) || memcmp(in->data, STATE_HEAD, strlen(STATE_HEAD)) != 0))
		return report_usage("--state %s: this file is no learned state of a scheduler, and "
				    "would be overwritten: name another file, or remove it",
				    path);
	opts->state = in->data;
	opts->state_length = in->len;
	return 0;
}

int sim_state_write(const char *path, const char *text, size_t length)
{
	struct output out;

	if (!path || !text)
		return 0;
	if (output_open(&out, path) < 0)
		return report_error("%s", weir_error());
	fwrite(text, 1, length, out.file);
	return output_close(&out) < 0 ? report_error("%s", weir_error()) : 0;
}
