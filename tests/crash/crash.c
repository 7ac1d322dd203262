/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash.c - runs all programs of up to three steps from each seed, and looks at everything that a
 * power cut or a kill may leave behind each command. See docs/testing.md.
 *
 *   crash [--images N] [--many N] [--length N] [--second PATH] [--seed NAME]...
 *                                                                       looks at many programs
 *   crash --seed NAME --program STEP,STEP [--overlap]                   at one
 *         [--life N --point N --choice LETTERS [--discard N] [--killed]]   at one image
 *
 * With --first it ends at the first failure, and says how many images that took.
 */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "check.h"
#include "proof.h"
#include "shrink.h"

#define CRASH_SEEDS 32u

struct crash {
	struct checker checker;
	const struct seed *seed;
	struct program program;
	bool one; /* only `program` */
	unsigned length;
	uint64_t images; /* so many distinct ones from each seed; 0: all */
	uint64_t many;	 /* the same for seeds on several devices */
	bool quiet;
	bool first;
	unsigned jobs;	  /* seeds at a time */
	unsigned without; /* a bit for each step that programs do not have */
};

static struct crash crash;

/* Writes the options that repeat what is being looked at. */
static void crash_repeat(char options[SHRINK_OPTIONS])
{
	const struct checker *c = &crash.checker;
	int at = snprintf(options, SHRINK_OPTIONS, "--seed %s --program ", crash.seed->name);

	for (unsigned n = 0; n < crash.program.count; n++)
		at += snprintf(options + at, SHRINK_OPTIONS - (size_t)at, "%s%s", n ? "," : "",
			       step_names[crash.program.step[n]]);
	at += snprintf(options + at, SHRINK_OPTIONS - (size_t)at, "%s",
		       crash.program.overlap ? " --overlap" : "");
	if (c->point || c->choice.letters[0])
		snprintf(options + at, SHRINK_OPTIONS - (size_t)at,
			 " --life %u --point %u --choice '%s' --discard %d%s%s", c->life, c->point,
			 c->choice.letters, (int)c->choice.discard,
			 c->choice.killed ? " --killed" : "", c->trail[0] ? " --deep 1" : "");
}

static void crash_failed(void)
{
	const struct checker *c = &crash.checker;
	char options[SHRINK_OPTIONS];

	crash_repeat(options);
	if (!crash.quiet) {
		fprintf(stderr, "crash: %s%s\ncrash: making it shorter: %s\n", c->run.wrong,
			c->trail, options);
		shrink(options);
	}
	fprintf(stderr, "crash: repeat: %s\n", options);
}

/* A check in the store failed, or it hangs. */
static void crash_aborted(int number)
{
	run_wrong(&crash.checker.run, number == SIGALRM ? "it hangs" : "it ended by signal %d",
		  number);
	crash_failed();
	_exit(1);
}

static bool crash_program(unsigned fresh)
{
	struct checker *c = &crash.checker;

	alarm(120);
	c->point = 0;
	memset(&c->choice, 0, sizeof(c->choice));
	return check_program(c, &crash.program, fresh);
}

static bool crash_has_without(const struct program *p)
{
	for (unsigned n = 0; n < p->count; n++)
		if (crash.without >> p->step[n] & 1)
			return true;
	return false;
}

/* Runs all programs of COUNT steps. The shorter ones have looked at all but the last step. */
static bool crash_length(unsigned count)
{
	struct program *p = &crash.program;
	uint64_t all = 1, n, i;

	for (i = 0; i < count; i++)
		all *= STEP_COUNT;
	/* In an order that mixes them, so that any number of them is a sample. */
	for (n = 0; n < 2 * all && !check_is_enough(&crash.checker); n++) {
		uint64_t k = (n / 2 * 1009 + n % 2) % all;

		p->count = count;
		p->overlap = n % 2;
		for (i = 0; i < count; i++, k /= STEP_COUNT)
			p->step[i] = (enum step)(k % STEP_COUNT);
		if (!crash_has_without(p) && !crash_program(count - 1))
			return false;
	}
	return true;
}

static bool crash_seed(const struct seed *seed, struct coverage *coverage)
{
	struct checker *c = &crash.checker;
	bool many = seed->devices > 1;
	uint64_t images = many ? crash.many : crash.images;
	bool good;

	/* Several devices have too many choices for all. A few of each moment leave more moments.
	 */
	c->limits = many ? (struct image_limits){ 32, 12 } : (struct image_limits){ 1024, 24 };
	crash.seed = seed;
	c->coverage = coverage;
	good = check_begin(c, seed);
	if (good && crash.one)
		good = crash_program(0);
	for (unsigned n = 1; good && !crash.one && n <= crash.length; n++) {
		/* The long programs get their share of the images that are wanted. */
		c->most = images * n / crash.length;
		good = crash_length(n);
	}
	if (!good) {
		crash_failed();
		return false;
	}
	check_end(c);
	return true;
}

static int crash_child(const struct seed *seed, struct coverage *coverage)
{
	signal(SIGABRT, crash_aborted);
	signal(SIGSEGV, crash_aborted);
	signal(SIGALRM, crash_aborted);
	return crash_seed(seed, coverage) ? 0 : 1;
}

static unsigned crash_step(const char *name)
{
	unsigned n = 0;

	while (n < STEP_COUNT && strcmp(step_names[n], name) != 0)
		n++;
	if (n == STEP_COUNT)
		errx(2, "no such step: %s", name);
	return n;
}

static void crash_parse_program(char *text)
{
	struct program *p = &crash.program;

	crash.one = true;
	for (char *name = strtok(text, ","); name; name = strtok(NULL, ",")) {
		if (p->count == RUN_STEPS_MAX)
			errx(2, "a program has at most %u steps", RUN_STEPS_MAX);
		p->step[p->count++] = (enum step)crash_step(name);
	}
}

static const struct seed *crash_find_seed(const char *name)
{
	for (unsigned n = 0; n < seed_count; n++)
		if (!strcmp(seeds[n].name, name))
			return &seeds[n];
	errx(2, "no such seed: %s", name);
}

/* Takes an option that says which image to look at. */
static void crash_parse_target(int o)
{
	struct target *target = &crash.checker.target;

	switch (o) {
	case 'L':
		target->life = (uint32_t)atoi(optarg);
		break;
	case 'P':
		target->point = (uint32_t)atoi(optarg);
		target->set = true;
		break;
	case 'c':
		snprintf(target->choice.letters, sizeof(target->choice.letters), "%s", optarg);
		break;
	case 'd':
		target->choice.discard = (enum image_discard)atoi(optarg);
		break;
	case 'k':
		target->choice.killed = true;
		break;
	default:
		exit(2);
	}
}

static unsigned crash_parse(int argc, char **argv, const struct seed *wanted[CRASH_SEEDS])
{
	static const struct option options[] = {
		{ "images", 1, NULL, 'n' },  { "length", 1, NULL, 'l' },
		{ "second", 1, NULL, '2' },  { "seed", 1, NULL, 's' },
		{ "program", 1, NULL, 'p' }, { "overlap", 0, NULL, 'o' },
		{ "life", 1, NULL, 'L' },    { "point", 1, NULL, 'P' },
		{ "choice", 1, NULL, 'c' },  { "discard", 1, NULL, 'd' },
		{ "killed", 0, NULL, 'k' },  { "deep", 1, NULL, 'D' },
		{ "compare", 1, NULL, 'C' }, { "quiet", 0, NULL, 'q' },
		{ "without", 1, NULL, 'w' }, { "jobs", 1, NULL, 'j' },
		{ "first", 0, NULL, 'f' },   { "many", 1, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	struct checker *c = &crash.checker;
	unsigned count = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'n':
			crash.images = crash.many = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			crash.many = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			crash.length = (unsigned)atoi(optarg);
			break;
		case '2':
			c->second = optarg;
			break;
		case 's':
			wanted[count++ % CRASH_SEEDS] = crash_find_seed(optarg);
			break;
		case 'p':
			crash_parse_program(optarg);
			break;
		case 'o':
			crash.program.overlap = true;
			break;
		case 'D':
			c->deep = (unsigned)atoi(optarg);
			break;
		case 'C':
			c->compare = (unsigned)atoi(optarg);
			break;
		case 'j':
			crash.jobs = (unsigned)atoi(optarg);
			break;
		case 'w':
			crash.without |= 1u << crash_step(optarg);
			break;
		case 'q':
			crash.quiet = true;
			break;
		case 'f':
			crash.first = crash.quiet = true;
			crash.jobs = 1;
			break;
		default:
			crash_parse_target(o);
			break;
		}
	}
	return count;
}

struct figure {
	const char *name;
	uint64_t count;
};

static void crash_print(const char *section, const struct figure *figures, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		if (!strcmp(section, "enumeration"))
			printf("%s %llu %s", n ? "," : "", (unsigned long long)figures[n].count,
			       figures[n].name);
		proof_count(section, figures[n].name, figures[n].count);
	}
}

/* Prints what was seen of stores on one device, and of those on several. */
static void crash_report_images(const struct coverage *one, const struct coverage *many)
{
	const struct figure alone[] = {
		{ "programs", one->programs },
		{ "crash points", one->points },
		{ "images", one->images },
		{ "distinct images", one->distinct },
		{ "recoveries", one->recoveries },
		{ "images of interrupted recoveries", one->interrupted },
		{ "of these, interrupted twice", one->twice },
		{ "compared with the second recovery", one->compared },
	};
	const struct figure several[] = {
		{ "programs on several devices", many->programs },
		{ "crash points on several devices", many->points },
		{ "distinct images of several devices", many->distinct },
		{ "of these, one device kept all and another one nothing", many->split },
		{ "recoveries of several devices", many->recoveries },
		{ "images of interrupted recoveries of several devices", many->interrupted },
		{ "images of several devices compared with the second recovery", many->compared },
	};

	printf("# crash:");
	crash_print("enumeration", alone, sizeof(alone) / sizeof(alone[0]));
	printf("\n# crash:");
	crash_print("enumeration", several, sizeof(several) / sizeof(several[0]));
	printf("\n");
}

static void crash_report_faults(const struct coverage *v)
{
	const struct figure faults[] = {
		{ "write torn by a power cut", v->torn },
		{ "write lost by a power cut", v->lost },
		{ "discarded blocks that read otherwise", v->discards },
		{ "kill between two commands", v->killed },
		{ "failed read at open", v->read_faults },
		{ "failed write of a footer at open", v->footer_faults },
		{ "segment set aside after failed reads", v->move_faults },
	};

	crash_print("faults", faults, sizeof(faults) / sizeof(faults[0]));
	for (unsigned n = 0; n < DRIVE_FAULTS; n++)
		proof_count("faults", drive_fault_name((enum drive_fault)n), v->fired[n]);
}

static void crash_add(struct coverage *to, const struct coverage *v)
{
	for (size_t i = 0; i < sizeof(*v) / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] += ((const uint64_t *)v)[i];
}

/* Prints the figures, and adds them to the proof. */
static void crash_report(const struct seed *const *wanted, const struct coverage *v, unsigned count)
{
	struct coverage one = { 0 }, many = { 0 };

	for (unsigned n = 0; n < count; n++)
		crash_add(wanted[n]->devices > 1 ? &many : &one, &v[n]);
	crash_report_images(&one, &many);
	crash_add(&one, &many);
	crash_report_faults(&one);
}

/* Waits for a seed's process. */
static int crash_reap(unsigned seeds_running, const int pids[CRASH_SEEDS],
		      const struct seed *wanted[CRASH_SEEDS])
{
	int status, pid = wait(&status);

	for (unsigned n = 0; n < seeds_running; n++)
		if (pids[n] == pid)
			printf("%sok %u - %s\n", status ? "not " : "", n + 1, wanted[n]->name);
	return status != 0;
}

static uint64_t crash_distinct(const struct coverage *v, unsigned count)
{
	uint64_t all = 0;

	for (unsigned n = 0; n < count; n++)
		all += v[n].distinct;
	return all;
}

/* Looks at each of COUNT seeds in a process of its own. Returns how many failed. */
static int crash_run(const struct seed *wanted[CRASH_SEEDS], struct coverage *v, unsigned count)
{
	int pids[CRASH_SEEDS], failed = 0;
	unsigned n, ended = 0;

	for (n = 0; n < count; n++) {
		if (n >= ended + crash.jobs) {
			failed += crash_reap(n, pids, wanted);
			ended++;
		}
		if (failed && crash.first)
			break;
		fflush(NULL);
		pids[n] = fork();
		CHECK(pids[n] >= 0);
		if (!pids[n])
			exit(crash_child(wanted[n], &v[n]));
	}
	for (; ended < n; ended++)
		failed += crash_reap(n, pids, wanted);
	if (failed && crash.first)
		printf("# crash: %llu distinct images of %u states until it failed\n",
		       (unsigned long long)crash_distinct(v, n), n);
	return failed;
}

int main(int argc, char **argv)
{
	const struct seed *wanted[CRASH_SEEDS];
	struct coverage *v;
	unsigned count, n;
	int failed;

	crash.length = 3;
	crash.jobs = 2;
	crash.checker.deep = 64;
	crash.checker.compare = 4;
	count = crash_parse(argc, argv, wanted);
	for (n = 0; !count && n < seed_count; n++)
		wanted[n] = &seeds[n];
	count = count ? count : n;
	v = mmap(NULL, count * sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		 0);
	CHECK(v != MAP_FAILED);
	proof_begin("crash");
	printf("1..%u\n", count);
	failed = crash_run(wanted, v, count);
	crash_report(wanted, v, count);
	return failed != 0;
}
