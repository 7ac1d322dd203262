/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - the result of an operation as a sentence.
 *
 * An operation may outlive its store, so everything that the sentence needs is noted in the
 * operation when it ends. Owns nothing. The loop notes; any thread asks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "queue/lane/io_priv.h"
#include "store/io/io.h"
#include "store/io/words.h"

static const char *const words_kinds[WEIR_STORE_OP_COUNT] = {
	[WEIR_STORE_PUT] = "put",	[WEIR_STORE_GET] = "get",   [WEIR_STORE_EXISTS] = "exists",
	[WEIR_STORE_DELETE] = "delete", [WEIR_STORE_SYNC] = "sync",
};

void words_note_io(struct weir_store_op *op, const struct weir_io *io)
{
	struct op_priv *priv = op_priv(op);

	priv->io_offset = io->offset;
	priv->io_length = io->length;
	priv->io_failed_offset = io_priv(io)->failed_offset;
	priv->io_op = io->op;
	priv->io_status = io->status;
	priv->io_cause = io->cause;
	priv->noted = OP_NOTE_IO;
}

void words_note(struct store_io *io, struct weir_store_op *op, int result)
{
	int lost = __atomic_load_n(&io->ring_lost, __ATOMIC_ACQUIRE);
	struct op_priv *priv = op_priv(op);

	if (lost && (result == -EIO || (result == -EROFS && !io->read_only))) {
		priv->noted = OP_NOTE_RING_LOST;
		priv->io_cause = (uint16_t)lost;
	} else if (result == -EROFS && io->read_only) {
		priv->noted = OP_NOTE_READ_ONLY;
	} else if (result == -ENOSPC && io->broken == -ENOSPC && priv->noted == OP_NOTE_NONE) {
		priv->noted = OP_NOTE_FULL;
	}
}

static void words_add_full(char *buf, size_t size)
{
	size_t at = strlen(buf);

	snprintf(buf + at, size - at, ": " WORDS_FULL);
}

/* Writes the words of the queue for the io that failed below OP. */
static void words_of_io(const struct weir_store_op *op, char *buf, size_t size)
{
	const struct op_priv *priv = op_priv(op);
	struct weir_io io = { .op = priv->io_op,
			      .offset = priv->io_offset,
			      .length = priv->io_length,
			      .status = priv->io_status,
			      .cause = priv->io_cause,
			      .result = op->result };

	io_priv(&io)->failed_offset = priv->io_failed_offset;
	weir_io_strerror(&io, buf, size);
	if (op->result == -ENOSPC)
		words_add_full(buf, size);
}

static const char *words_fixed(const struct weir_store_op *op)
{
	switch (op->result) {
	case 0:
		return "success";
	case -ENOENT:
		return "no such key";
	case -EEXIST:
		return "the key has a value already";
	case -EBADMSG:
		return "the value is damaged on the medium; put it again or delete it";
	case -EROFS:
		return op_priv(op)->noted == OP_NOTE_READ_ONLY
			       ? "the store was opened read-only"
			       : "a write could not be made durable, so the store is read-only: "
				 "close it and open it again";
	case -ENODEV:
		return "the device was removed (No such device)";
	case -ENOSPC:
		return "no space: pins, and segments that are being read or written, hold "
		       "everything; try "
		       "again when operations have ended";
	case -EBUSY:
		return "a pin or a lease holds the key";
	case -EDQUOT:
		return "not admitted: what the store may write a day is spent";
	case -ETIMEDOUT:
		return "its deadline came before it had ended, and it changed nothing";
	case -ECANCELED:
		return "cancelled before it had begun";
	default:
		return NULL;
	}
}

static void words_of(const struct weir_store_op *op, char *buf, size_t size)
{
	const struct op_priv *priv = op_priv(op);
	const char *fixed = words_fixed(op);
	char system[128];

	if (op->result && priv->noted == OP_NOTE_RING_LOST)
		snprintf(buf, size,
			 "the store's io_uring ring is gone (%s): close and reopen the store",
			 strerror_r(priv->io_cause, system, sizeof(system)));
	else if (op->result && priv->noted == OP_NOTE_FULL)
		snprintf(buf, size,
			 WORDS_FULL
			 ". The store writes no more until it is closed and opened again");
	else if (op->result && priv->noted == OP_NOTE_UNREAD)
		snprintf(
			buf, size,
			"there is no room: the oldest segment cannot be read, what it holds may be "
			"intact, and no more segments can be put out of use (Input/output error)");
	else if (op->result == -EMSGSIZE)
		snprintf(buf, size, "the value has %llu bytes, the buffer only %llu",
			 (unsigned long long)op->value_len, (unsigned long long)op->capacity);
	else if (op->result && priv->noted == OP_NOTE_IO)
		words_of_io(op, buf, size);
	else if (op->result == -EDQUOT)
		snprintf(buf, size, "%s (%s)", fixed, error_name(ERROR_WRITE_BUDGET));
	else
		snprintf(buf, size, "%s",
			 fixed ? fixed : strerror_r(-op->result, system, sizeof(system)));
}

const char *weir_store_op_strerror(const struct weir_store_op *op, char *buf, size_t size)
{
	char words[400];

	words_of(op, words, sizeof(words));
	snprintf(buf, size, "%s: %s",
		 op->kind < WEIR_STORE_OP_COUNT ? words_kinds[op->kind] : "unknown operation",
		 words);
	return buf;
}

int words_set(struct store_io *io, const struct weir_store_op *op)
{
	char words[400];

	if (!op->result)
		return 0;
	words_of(op, words, sizeof(words));
	return error_set(op->result, "%s: %s", weir_device_path(io->dev), words);
}
