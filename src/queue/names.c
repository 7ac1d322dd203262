/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - the schedulers that a queue can have, for users. Here as sched/ knows no threads, and
 * the first of any who ask makes the list. Owns the list, which never changes then; any thread.
 */
#include <pthread.h>

#include <weir/sched.h>

#include "sched/sched.h"

#define NAMES_MAX 32u

static struct weir_named names[NAMES_MAX];
static size_t nr_names;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void names_fill(void)
{
	for (; nr_names < NAMES_MAX && sched_table[nr_names]; nr_names++) {
		names[nr_names].name = sched_table[nr_names]->name;
		names[nr_names].summary = sched_table[nr_names]->summary;
	}
}

const struct weir_named *weir_schedulers(size_t *count)
{
	pthread_once(&names_once, names_fill);
	*count = nr_names;
	return names;
}
