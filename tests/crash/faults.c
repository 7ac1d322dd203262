/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.c - lets every command of each kind fail, once and for good, while a store is opened, used
 * and closed; and every allocation. What was acknowledged is there when the store is opened again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "base/check.h"
#include "proof.h"
#include "seeds.h"

#define FAULTS_KINDS 4u
#define FAULTS_FOR_GOOD 1000000000u
#define FAULTS_MOST 20000u

static const struct {
	const char *name;
	enum drive_fault fault; /* DRIVE_FAULTS: an allocation */
} faults[FAULTS_KINDS] = {
	{ "read", DRIVE_FAIL_READ },
	{ "write", DRIVE_FAIL_WRITE },
	{ "flush", DRIVE_FAIL_FLUSH },
	{ "allocation", DRIVE_FAULTS },
};

static struct run run;
static struct model seed_model;
static uint8_t *seed_image;
/* What is being tried, for the message. */
static struct {
	const char *seed;
	unsigned kind, skip, times;
} trying;

static void faults_arm(void)
{
	if (faults[trying.kind].fault == DRIVE_FAULTS)
		alloc_fail(trying.skip, trying.times);
	else
		drive_fail(faults[trying.kind].fault, trying.skip, trying.times);
}

/* Ends the faults. Returns how often there was one. */
static uint64_t faults_disarm(void)
{
	uint64_t fired = faults[trying.kind].fault == DRIVE_FAULTS
				 ? alloc_fail(0, 0)
				 : trying.times - drive.fault_times;

	drive_fail(DRIVE_FAIL_READ, 0, 0);
	return fired;
}

/* Gets all keys: each read may fail, and none may bring a value that is wrong. */
static void faults_get_all(void)
{
	static uint8_t value[MODEL_VALUE_MAX + 4096] __attribute__((aligned(4096)));
	struct model_found found;
	size_t length;

	for (uint64_t key = 0; key < MODEL_KEYS; key++) {
		int err = weir_store_get(run.s, &key, sizeof(key), value, sizeof(value), &length);

		if (err)
			continue;
		found.hash = model_hash(value, length);
		if (model_check(&run.model, (uint32_t)key, &found, MODEL_NEVER - 1, MODEL_NEVER - 1,
				true))
			run_wrong(&run, "key %u: a get brings a wrong value", (unsigned)key);
	}
}

static void faults_use(void)
{
	uint32_t stream = 0;

	run.faulty = true;
	run_put(&run, 1, 0, 0, 0);
	run_put(&run, 0, 0, 0, 0);
	run_settle(&run);
	run_delete(&run, 0, 0);
	run_put(&run, 2, 0, WEIR_PUT_DURABLE, 0);
	run_settle(&run);
	if (weir_store_add_tenant(run.s, "other", &stream) < 0)
		stream = 0;
	run_delete(&run, 4, WEIR_PUT_DURABLE);
	run_put(&run, 4, 0, 0, stream);
	run_settle(&run);
	faults_get_all();
	for (unsigned n = 0; n < 4; n++)
		run_fill(&run);
	run_sync(&run);
	run_put(&run, 3, 0, 0, 0);
	run_settle(&run);
	faults_get_all();
	run_close(&run);
}

static void faults_check(void)
{
	struct model_found found[MODEL_KEYS];

	if (run_open(&run)) {
		run_wrong(&run, "opening without a fault: %s", weir_error());
		return;
	}
	if (run_look(&run, found))
		for (uint32_t key = 0; key < MODEL_KEYS; key++) {
			const char *why = model_check(&run.model, key, &found[key], MODEL_NEVER - 1,
						      MODEL_NEVER - 1, true);

			if (why)
				run_wrong(&run, "%s", why);
		}
	run_off(&run);
}

/* Tries one fault. Returns how often it happened. */
static uint64_t faults_try(void)
{
	uint64_t fired;
	int err;

	run.model = seed_model;
	run.fillers = 0;
	drive_load(seed_image);
	drive.random = 7;
	faults_arm();
	err = run_open(&run);
	if (!err)
		faults_use();
	else if (!*weir_error())
		run_wrong(&run, "opening failed without words");
	fired = faults_disarm();
	if (err && !fired)
		run_wrong(&run, "opening failed without a fault: %s", weir_error());
	faults_check();
	return fired;
}

/* Lets each command of a kind fail in turn. Returns how many faults there were. */
static uint64_t faults_each(unsigned kind, unsigned times)
{
	uint64_t fired, all = 0;

	trying.kind = kind;
	trying.times = times;
	for (trying.skip = 0; trying.skip < FAULTS_MOST; trying.skip++) {
		fired = faults_try();
		all += fired;
		if (!fired || *run.wrong)
			break;
	}
	return all;
}

static void faults_failed(const char *why)
{
	printf("# %s: %s number %u fails, %u times: %s\n", trying.seed, faults[trying.kind].name,
	       trying.skip, trying.times, why);
}

static void faults_aborted(int number)
{
	(void)number;
	faults_failed("a check of the store fails, or it hangs");
	fflush(stdout);
	_exit(1);
}

/* Tries all faults on one seed. COUNTS gets how many there were, for each kind once and for good.
 */
static bool faults_seed(const struct seed *seed, uint64_t counts[2 * FAULTS_KINDS])
{
	trying.seed = seed->name;
	CHECK(seed_make(&run, seed));
	seed_model = run.model;
	seed_image = malloc(drive.bytes);
	CHECK(seed_image);
	memcpy(seed_image, run.cache.medium, drive.bytes);
	for (unsigned n = 0; n < 2 * FAULTS_KINDS && !*run.wrong; n++) {
		alarm(120);
		counts[n] = faults_each(n / 2, n % 2 ? FAULTS_FOR_GOOD : 1);
	}
	if (*run.wrong)
		faults_failed(run.wrong);
	free(seed_image);
	run_free(&run);
	return !*run.wrong;
}

/* Each seed has a process of its own, because a check may fail there. */
static bool faults_child(const struct seed *seed, uint64_t counts[2 * FAULTS_KINDS])
{
	uint64_t here[2 * FAULTS_KINDS] = { 0 };
	int pipes[2], status, pid;

	CHECK(!pipe(pipes));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		bool good;

		signal(SIGABRT, faults_aborted);
		signal(SIGALRM, faults_aborted);
		good = faults_seed(seed, here);
		CHECK(write(pipes[1], here, sizeof(here)) == sizeof(here));
		exit(!good);
	}
	close(pipes[1]);
	if (read(pipes[0], here, sizeof(here)) == sizeof(here))
		for (unsigned n = 0; n < 2 * FAULTS_KINDS; n++)
			counts[n] += here[n];
	close(pipes[0]);
	waitpid(pid, &status, 0);
	return !status;
}

int main(void)
{
	uint64_t counts[2 * FAULTS_KINDS] = { 0 };
	unsigned count = seed_count_single();
	bool good = true;
	char name[64];

	proof_begin("crash_faults");
	printf("1..%u\n", count);
	for (unsigned n = 0; n < count; n++) {
		bool one = faults_child(&seeds[n], counts);

		printf("%sok %u - %s\n", one ? "" : "not ", n + 1, seeds[n].name);
		good &= one;
	}
	for (unsigned n = 0; n < 2 * FAULTS_KINDS; n++) {
		snprintf(name, sizeof(name), "every %s in turn fails %s", faults[n / 2].name,
			 n % 2 ? "for good" : "once");
		proof_count("faults", name, counts[n]);
		printf("# %s: %llu\n", name, (unsigned long long)counts[n]);
	}
	return !good;
}
