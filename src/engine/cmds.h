/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmds.h - a FIFO of commands, linked through e_next. Engines keep their commands on such lists.
 *
 * Owns nothing; the owner of the list (a lane's owner, or a lock) owns the links.
 */
#ifndef CMDS_H
#define CMDS_H

#include "engine/engine.h"

/* The list is empty while head is NULL; tail has no meaning then. */
struct cmds {
	struct weir_cmd *head, *tail;
};

/* Adds CMD at the end. */
static inline void cmds_push(struct cmds *list, struct weir_cmd *cmd)
{
	cmd->e_next = NULL;
	if (list->head)
		list->tail->e_next = cmd;
	else
		list->head = cmd;
	list->tail = cmd;
}

/* Removes the first command and returns it; NULL if LIST is empty. */
static inline struct weir_cmd *cmds_pop(struct cmds *list)
{
	struct weir_cmd *cmd = list->head;

	if (cmd)
		list->head = cmd->e_next;
	return cmd;
}

/* Moves all of FROM to the end of TO. */
static inline void cmds_append(struct cmds *to, struct cmds *from)
{
	if (!from->head)
		return;
	if (to->head)
		to->tail->e_next = from->head;
	else
		to->head = from->head;
	to->tail = from->tail;
	from->head = NULL;
}

/* Empties LIST and returns its first command; the others are linked to it by e_next. */
static inline struct weir_cmd *cmds_take(struct cmds *list)
{
	struct weir_cmd *cmd = list->head;

	list->head = NULL;
	return cmd;
}

#endif
