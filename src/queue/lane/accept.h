/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.h - from ios to requests. The lane's owner.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include "queue/lane/state.h"

/* Makes requests of the ios of LIST and of those that wait, as far as there are tags. */
void accept_ios(struct lane *lane, struct io_list *list);

#endif
