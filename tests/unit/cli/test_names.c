/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_names.c - errors name what can be typed, each by an option that some command has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/names.h"

/* No command maps memory of its own, so the library keeps its names for that. */
static bool of_programs(enum error_option option)
{
	return option == ERROR_ARENA_BYTES || option == ERROR_SHARE_BYTES ||
	       option == ERROR_UNREGISTER;
}

/* Whether some command has the option of NAME, which may go on with a value. */
static bool some_command_has(const char *name)
{
	const char *option = strstr(name, "--");
	size_t length = option ? strcspn(option + 2, " ") : 0;

	for (size_t i = 0; option && command_table[i]; i++)
		for (const struct opt *opt = command_table[i]->options; opt && opt->name; opt++)
			if (strlen(opt->name) == length && !strncmp(opt->name, option + 2, length))
				return true;
	return false;
}

static void test_names(void **state)
{
	(void)state;
	names_begin();
	for (enum error_option i = 0; i < ERROR_OPTIONS; i++) {
		const char *name = error_name(i);

		if (of_programs(i))
			assert_null(strstr(name, "--"));
		else if (i == ERROR_FORMAT)
			assert_string_equal(name, "weir format");
		else if (!some_command_has(name))
			fail_msg("no command has an option for \"%s\"", name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
