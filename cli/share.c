/* SPDX-License-Identifier: Apache-2.0 */
/* share.c - `weir tenant`: shows the streams of a store, adds a tenant, and sets its share. */
#include <inttypes.h>

#include "cli/command.h"
#include "cli/opening.h"
#include "cli/percent.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/tenant.h"

struct share_args {
	struct opening store;
	const char *share;
	unsigned json;
};

static const struct opt share_options[] = {
	{ .name = "share",
	  .type = OPT_STRING,
	  .offset = offsetof(struct share_args, share),
	  .arg = "PERCENT",
	  .help = "of the store, for the tenant's stream: where entries\n"
		  "must leave, those of streams with more than their\n"
		  "share go first; 0 takes it back" },
	OPENING_OPTIONS(offsetof(struct share_args, store)),
	JSON_OPTION(offsetof(struct share_args, json)),
	OPT_END,
};

/* Adds the tenant NAME if it is new, and sets the share of its stream. */
static int share_set(struct weir_store *s, const char *path, const char *name,
		     const struct share_args *args)
{
	uint32_t stream, percent = 0;
	int exit_code = 0;

	if (args->share)
		exit_code = percent_parse("share", args->share, 100, &percent);
	if (!exit_code)
		exit_code = tenant_stream(s, path, name, &stream);
	if (!exit_code && args->share && weir_store_set_share(s, stream, percent) < 0)
		exit_code = report_failed(path);
	return exit_code;
}

static int share_print(struct source *src, const char *path, const struct share_args *args)
{
	if (args->json)
		return report_json(json_pack("{s:s, s:o, s:o}", "schema", "weir.tenant.v1", "path",
					     report_text(path), "streams", tenant_json(src)),
				   0);
	return tenant_print(src, stdout) < 0 ? report_failed(path) : 0;
}

static int share_run(void *arg, char **operands, int n)
{
	const struct share_args *args = arg;
	struct source src = { .path = operands[0], .owner.fd = -1 };
	int exit_code;

	if (n < 2 && args->share)
		return report_usage("--share: name the tenant: weir tenant PATH NAME --share 30%%");
	if (n < 2)
		exit_code = source_open(&src, operands[0], &args->store);
	else
		exit_code = opening_store(&src.s, operands[0], &args->store, 0);
	if (exit_code)
		return exit_code;
	if (n == 2)
		exit_code = share_set(src.s, operands[0], operands[1], args);
	if (!exit_code)
		exit_code = share_print(&src, operands[0], args);
	return source_close(&src, exit_code);
}

const struct command command_tenant = {
	.name = "tenant",
	.path = COMMAND_PATH,
	.operands = "PATH [NAME]",
	.summary = "show the tenants of a store, add one, set its share",
	.text = "Prints the streams of the store on PATH, with what each holds and its share. "
		"With\n"
		"NAME, the tenant is added if it is new. A share is soft: a stream may hold more "
		"as\n"
		"long as nobody else needs the space.\n",
	.examples = "weir tenant demo.img\n"
		    "weir tenant demo.img alice --share 30%\n",
	.options = share_options,
	.min_operands = 1,
	.max_operands = 2,
	.args_size = sizeof(struct share_args),
	.run = share_run,
};
