/* SPDX-License-Identifier: Apache-2.0 */
/*
 * temporary.h - files that are removed when a signal ends the process: SIGHUP, SIGINT, SIGQUIT,
 * SIGPIPE, SIGTERM or SIGXCPU. SIGKILL leaves them. One thread.
 */
#ifndef TEMPORARY_H
#define TEMPORARY_H

/* From now on PATH is removed by such a signal. It must stay as it is until it is forgotten. */
void temporary_note(const char *path);

/*
 * Makes a new file as mkostemp() does, whose name replaces PATH, and notes it, with no moment in
 * between at which such a signal would leave it. PATH must stay as temporary_note() says. Returns
 * the descriptor, or -1 with errno set.
 */
int temporary_make(char *path);

/* PATH is removed no more: it was renamed, or its owner removed it. */
void temporary_forget(const char *path);

/* Such a signal calls FIRST before it removes files, to end what still writes to them. FIRST may do
 * what a signal handler may. */
void temporary_first(void (*first)(void));

/*
 * Does what such a signal does, for a handler of SIG that a command has installed itself: removes
 * the files, and has SIG end the process as soon as the handler returns.
 */
void temporary_end(int sig);

#endif
