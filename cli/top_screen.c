/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_screen.c - `weir top` on a terminal: keys, sizes, and a terminal that is afterwards as it
 * was.
 *
 * Signals that end the program are blocked but for the time in which it waits, and only set a flag:
 * so the terminal is put back by the same code however the program ends, except by SIGKILL.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/report.h"
#include "cli/top.h"

/* Sequences of xterm, which terminals have understood for decades: the other screen, the cursor,
 * home, the rest of a line, the rest of the screen. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l"
#define SCREEN_END "\033[?25h\033[?1049l"
#define SCREEN_HOME "\033[H"
#define SCREEN_LINE_REST "\033[K"
#define SCREEN_REST "\033[J"

struct screen {
	struct top_sample since; /* what happened since the last look */
	struct termios saved;
	sigset_t waiting; /* the signals that are blocked while it waits */
	unsigned columns, rows;
	bool help, quit;
};

static volatile sig_atomic_t screen_ended, screen_resized, screen_stopped;

static void screen_on_signal(int sig)
{
	if (sig == SIGWINCH || sig == SIGCONT)
		screen_resized = 1;
	else if (sig == SIGTSTP)
		screen_stopped = 1;
	else
		screen_ended = sig;
}

static void screen_size(struct screen *s)
{
	struct winsize size;

	s->columns = 80;
	s->rows = 24;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_row) {
		s->columns = size.ws_col;
		s->rows = size.ws_row;
	}
}

static void screen_write(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(STDOUT_FILENO, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static void screen_enter(struct screen *s)
{
	struct termios raw = s->saved;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	screen_write(SCREEN_BEGIN, strlen(SCREEN_BEGIN));
	screen_size(s);
}

static void screen_leave(const struct screen *s)
{
	screen_write(SCREEN_END, strlen(SCREEN_END));
	tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
}

static void screen_signals(struct screen *s)
{
	static const int signals[] = { SIGINT,	SIGTERM,  SIGHUP,  SIGQUIT,
				       SIGTSTP, SIGWINCH, SIGCONT, SIGPIPE };
	struct sigaction on = { .sa_handler = screen_on_signal };
	sigset_t block;

	sigemptyset(&block);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&block, signals[i]);
		sigaction(signals[i], &on, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, &s->waiting);
}

/* The program stops, as ^Z asks, with the terminal as it was; it goes on when it is continued. */
static void screen_stop(struct screen *s)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL }, old;
	sigset_t stop;

	screen_stopped = 0;
	screen_leave(s);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigaction(SIGTSTP, &by_default, &old);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL); /* it stops here */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	sigaction(SIGTSTP, &old, NULL);
	screen_enter(s);
}

static void screen_help(FILE *out)
{
	fputs("weir top: keys\n\n"
	      "  q            quit\n"
	      "  h, ?         this page; any key goes back\n"
	      "  up, down     move the list of streams; Page up, Page down by ten\n"
	      "  left, right  sort by the column before or after; s, F6 too\n"
	      "  r, I         turn the order round\n\n"
	      "GETS and PUTS are the store's, with their latencies as programs see them. Below "
	      "are\n"
	      "the lanes (device.lane), R reads and W writes: WAIT is the time above the drive,\n"
	      "DRIVE the time in it (p50 and p99; u is us, m is ms), CMDS and MiB what is in the\n"
	      "drive now. Then why the scheduler chose requests, and its own figures.",
	      out);
}

/* Shows what V has, or the help. */
static void screen_draw(struct screen *s, const struct top_view *v)
{
	char *text = NULL, *rest, *line;
	size_t length;
	FILE *page = open_memstream(&text, &length);
	char *frame = NULL;
	FILE *out;

	if (!page)
		return;
	if (s->help)
		screen_help(page);
	else
		top_print(v, s->columns, s->rows, page);
	fclose(page);
	out = open_memstream(&frame, &length);
	rest = text;
	if (out) {
		unsigned rows = 0;

		fputs(SCREEN_HOME, out);
		while ((line = strsep(&rest, "\n")) && rows++ < s->rows)
			fprintf(out, "%s%.*s%s", rows > 1 ? "\n" : "", (int)(4 * s->columns), line,
				SCREEN_LINE_REST);
		fputs(SCREEN_REST, out);
		fclose(out);
		screen_write(frame, length);
	}
	free(frame);
	free(text);
}

static void screen_sort(struct top_view *v, int step)
{
	v->sort = (enum top_sort)(((int)v->sort + step + TOP_SORTS) % TOP_SORTS);
}

static void screen_scroll(struct top_view *v, int step)
{
	unsigned order[TOP_STREAMS], n = top_streams(v, order);
	int at = (int)v->scroll + step;

	at = at < 0 ? 0 : at;
	v->scroll = at < (int)n ? (unsigned)at : n ? n - 1 : 0;
}

/* What a key sends: the first bytes decide. */
static void screen_key(struct screen *s, struct top_view *v, const char *key)
{
	static const struct {
		const char *key;
		void (*fn)(struct top_view *v, int step);
		int step;
	} keys[] = {
		{ "\033[A", screen_scroll, -1 },   { "\033OA", screen_scroll, -1 },
		{ "\033[B", screen_scroll, 1 },	   { "\033OB", screen_scroll, 1 },
		{ "\033[5~", screen_scroll, -10 }, { "\033[6~", screen_scroll, 10 },
		{ "\033[C", screen_sort, 1 },	   { "\033OC", screen_sort, 1 },
		{ "\033[D", screen_sort, -1 },	   { "\033OD", screen_sort, -1 },
		{ "\033[17~", screen_sort, 1 },	   { "s", screen_sort, 1 },
		{ ">", screen_sort, 1 },	   { "<", screen_sort, -1 },
	};

	if (s->help) {
		s->help = false;
		return;
	}
	if (*key == 'q' || *key == 'Q')
		s->quit = true;
	else if (*key == 'h' || *key == '?')
		s->help = true;
	else if (*key == 'r' || *key == 'I')
		v->reverse = !v->reverse;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strncmp(key, keys[i].key, strlen(keys[i].key)))
			keys[i].fn(v, keys[i].step);
}

/* Waits for a key, a signal, or until DEADLINE. Returns true if something is to be drawn. */
static bool screen_wait(struct screen *s, struct top_view *v, uint64_t deadline)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t now = clock_now(), left = deadline > now ? deadline - now : 0;
	struct timespec ts = { (time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC) };
	char key[16] = "";
	int n = ppoll(&in, 1, &ts, &s->waiting);

	if (screen_stopped)
		screen_stop(s);
	if (screen_resized)
		screen_size(s);
	if (n > 0) {
		ssize_t got = read(STDIN_FILENO, key, sizeof(key) - 1);

		if (got <= 0) /* the terminal is gone */
			s->quit = true;
		else
			screen_key(s, v, key);
	}
	if (n < 0 && errno != EINTR)
		s->quit = true;
	return n > 0 || n < 0;
}

static bool screen_goes_on(const struct screen *s)
{
	return !s->quit && !screen_ended;
}

/* Waits for NS, and does what keys say meanwhile. */
static void screen_pause(struct screen *s, struct top_view *v, uint64_t ns)
{
	uint64_t deadline = clock_now() + ns;

	while (screen_goes_on(s) && clock_now() < deadline)
		if (screen_wait(s, v, deadline))
			screen_draw(s, v);
}

/* Shows what happened since BEFORE, which becomes what is now. Returns 0 or -errno with words. */
static int screen_look(struct screen *s, struct source *src, struct top_view *v,
		       struct top_sample *before)
{
	struct top_sample now;
	int err = top_sample_take(src, &now);

	if (err)
		return err;
	top_sample_free(&s->since);
	err = top_sample_copy(&s->since, &now);
	if (!err)
		top_sample_since(&s->since, before, &v->seconds);
	top_sample_free(before);
	*before = now;
	if (err)
		return err;
	source_queue(src, &v->queue);
	v->waiting = false;
	screen_draw(s, v);
	return 0;
}

/* Nobody has it open, as ERR says: says so until somebody has. Returns what screen_look() does. */
static int screen_again(struct screen *s, struct source *src, struct top_view *v,
			const struct top_args *args, struct top_sample *before, int err)
{
	struct top_again again;

	if (!top_again_begin(&again, src, args, err))
		return err;
	top_sample_free(before);
	v->waiting = true;
	screen_draw(s, v);
	do {
		screen_pause(s, v, TOP_AGAIN_STEP_NS);
		err = screen_goes_on(s) ? top_again_try(&again, src, v, args, before) : 0;
	} while (!err && screen_goes_on(s));
	return err < 0 ? err : 0;
}

/* Shows what happens until the user has enough. Returns 0 or -errno with words. */
static int screen_run(struct screen *s, struct source *src, struct top_view *v,
		      const struct top_args *args, struct top_sample *before)
{
	uint64_t shown = 0;
	int err = 0;

	v->sample = &s->since;
	while (!err && screen_goes_on(s) && (!args->count || shown <= args->count)) {
		bool first = !shown;

		err = screen_look(s, src, v, before);
		shown += !err;
		if (err) {
			first = true; /* the counters begin anew, too */
			err = screen_again(s, src, v, args, before, err);
		}
		if (!err)
			screen_pause(s, v, first ? args->interval_ns / 4 : args->interval_ns);
	}
	v->sample = NULL;
	top_sample_free(&s->since);
	return err;
}

int top_screen(struct source *src, struct top_view *v, const struct top_args *args)
{
	struct screen s = { .columns = 80, .rows = 24 };
	struct top_sample before;
	int err = tcgetattr(STDIN_FILENO, &s.saved);

	if (err)
		return report_error("standard input is no terminal, so there would be no keys: "
				    "give --once");
	err = top_begin(src, v, &before);
	if (err)
		return report_failed(v->path);
	screen_signals(&s);
	screen_enter(&s);
	err = screen_run(&s, src, v, args, &before);
	screen_leave(&s);
	top_sample_free(&before);
	if (err)
		return report_failed(v->path);
	return screen_ended ? 128 + (int)screen_ended : 0;
}
