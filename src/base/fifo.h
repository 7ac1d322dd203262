/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fifo.h - lists that are first in, first out, linked through a member of their elements.
 *
 * FIFO_DEFINE(NAME, TYPE, NEXT) makes `struct NAME` and its functions; NEXT(element) names the
 * member that links. A list knows both ends, so that it can be appended to another one in one step
 * (<sys/queue.h> can do that too), and it knows its length (there it does not).
 *
 *   NAME_init(l)       makes L empty
 *   NAME_add(l, e)     puts E at the end
 *   NAME_push(l, e)    puts E at the head
 *   NAME_insert(l, at, e)  puts E behind AT, which has a successor, or at the head if AT is NULL
 *   NAME_pop(l)        takes the head off; NULL: L is empty
 *   NAME_append(to, from)  moves everything of FROM behind TO
 */
#ifndef FIFO_H
#define FIFO_H

#include <stddef.h>
#include <stdint.h>

#define FIFO_FUNCTION static inline __attribute__((unused))

#define FIFO_DEFINE(name, type, next)                                                              \
	struct name {                                                                              \
		type *first, **last;                                                               \
		uint32_t count;                                                                    \
	};                                                                                         \
	FIFO_FUNCTION void name##_init(struct name *l)                                             \
	{                                                                                          \
		l->first = NULL;                                                                   \
		l->last = &l->first;                                                               \
		l->count = 0;                                                                      \
	}                                                                                          \
	FIFO_FUNCTION void name##_add(struct name *l, type *e)                                     \
	{                                                                                          \
		next(e) = NULL;                                                                    \
		*l->last = e;                                                                      \
		l->last = &next(e);                                                                \
		l->count++;                                                                        \
	}                                                                                          \
	FIFO_FUNCTION void name##_push(struct name *l, type *e)                                    \
	{                                                                                          \
		next(e) = l->first;                                                                \
		if (!l->first)                                                                     \
			l->last = &next(e);                                                        \
		l->first = e;                                                                      \
		l->count++;                                                                        \
	}                                                                                          \
	FIFO_FUNCTION void name##_insert(struct name *l, type *at, type *e)                        \
	{                                                                                          \
		if (!at) {                                                                         \
			name##_push(l, e);                                                         \
			return;                                                                    \
		}                                                                                  \
		next(e) = next(at);                                                                \
		next(at) = e;                                                                      \
		l->count++;                                                                        \
	}                                                                                          \
	FIFO_FUNCTION type *name##_pop(struct name *l)                                             \
	{                                                                                          \
		type *e = l->first;                                                                \
                                                                                                   \
		if (!e)                                                                            \
			return NULL;                                                               \
		l->first = next(e);                                                                \
		if (!l->first)                                                                     \
			l->last = &l->first;                                                       \
		l->count--;                                                                        \
		return e;                                                                          \
	}                                                                                          \
	FIFO_FUNCTION void name##_append(struct name *to, struct name *from)                       \
	{                                                                                          \
		if (!from->first)                                                                  \
			return;                                                                    \
		*to->last = from->first;                                                           \
		to->last = from->last;                                                             \
		to->count += from->count;                                                          \
		name##_init(from);                                                                 \
	}

#endif
