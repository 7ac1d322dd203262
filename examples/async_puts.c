/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async_puts.c - many puts at once: 16 operations are under way until 1000 have ended.
 *
 * Each slot has one operation, its key and its value; they belong to the store until `end` is
 * called. The callback runs on the store's thread. It may submit the next operation, but it may
 * not block. The main thread sleeps on a semaphore until the last put has ended.
 *
 * Prints
 *     1000 puts, 0 errors
 *     key-0999: value 999
 */
#include <err.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#define PUTS 1000
#define SLOTS 16

struct slot {
	struct weir_store_op op;
	struct weir_store *store;
	char key[16], value[32];
};

/* The main thread submits the first puts while the store's thread ends others: hence atomic. */
static atomic_int started, ended, errors;
static sem_t all_ended;

static void on_end(struct weir_store_op *op);

static void count_end(int result)
{
	if (result < 0)
		atomic_fetch_add(&errors, 1);
	if (atomic_fetch_add(&ended, 1) + 1 == PUTS)
		sem_post(&all_ended);
}

static void fill_in(struct slot *slot, int n)
{
	snprintf(slot->key, sizeof(slot->key), "key-%04d", n);
	snprintf(slot->value, sizeof(slot->value), "value %d", n);
	slot->op = (struct weir_store_op)WEIR_STORE_OP_INIT;
	slot->op.kind = WEIR_STORE_PUT;
	slot->op.key = slot->key;
	slot->op.key_len = (uint32_t)strlen(slot->key);
	slot->op.value = slot->value;
	slot->op.value_len = strlen(slot->value);
	slot->op.end = on_end;
	slot->op.user = slot;
}

/* Submits the next put that there is. When submit fails, `end` will not be called for it. */
static void submit_next(struct slot *slot)
{
	int n, err = -1;

	while (err < 0 && (n = atomic_fetch_add(&started, 1)) < PUTS) {
		fill_in(slot, n);
		err = weir_store_submit(slot->store, &slot->op);
		if (err < 0) {
			warnx("%s", weir_error());
			count_end(err);
		}
	}
}

static void on_end(struct weir_store_op *op)
{
	struct slot *slot = op->user;
	int result = op->result;
	char text[256];

	if (result < 0)
		warnx("%s", weir_store_op_strerror(op, text, sizeof(text)));
	submit_next(slot); /* reuses op */
	count_end(result); /* last: after the last one main() goes on */
}

static void check_last(struct weir_store *s)
{
	char buf[32];
	size_t len;

	if (weir_store_get(s, "key-0999", 8, buf, sizeof(buf), &len) < 0)
		errx(1, "%s", weir_error());
	printf("key-0999: %.*s\n", (int)len, buf);
}

int main(void)
{
	static struct slot slots[SLOTS];
	struct weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;
	struct weir_store *s;

	opts.create_bytes = 128 << 20;
	opts.force = 1;
	if (weir_store_format("async.img", &opts) < 0 || weir_store_open(&s, "async.img", NULL) < 0)
		errx(1, "%s", weir_error());
	sem_init(&all_ended, 0, 0);
	for (int i = 0; i < SLOTS; i++) {
		slots[i].store = s;
		submit_next(&slots[i]);
	}
	while (sem_wait(&all_ended) < 0)
		; /* a signal came */
	printf("%d puts, %d errors\n", ended, errors);
	check_last(s);
	if (weir_store_close(s) < 0)
		errx(1, "%s", weir_error());
	return errors != 0;
}
