/* SPDX-License-Identifier: Apache-2.0 */
/* raw_block.c - runs LMCache's raw_block in a Python of its own. See raw_block.h. */
#include "bench/raw_block.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/child.h"

/*
 * The program: two batches are under way in turn, each of half the depth, so that the drive has
 * work while one ends. The memory is registered, as LMCache registers its own.
 */
static const char raw_block_script[] =
	"import ctypes, mmap, os, random, resource, sys, time\n"
	"from lmcache_rust_raw_block_io import RawBlockDevice\n"
	"path, direct, value, count, depth = sys.argv[1], *map(int, sys.argv[2:])\n"
	"block = 4096\n"
	"total = (value + block - 1) // block * block\n"
	"half = max(1, depth // 2)\n"
	"memory = mmap.mmap(-1, 2 * half * total)\n"
	"view = memoryview(memory)\n"
	"for at in range(0, len(memory), 1 << 20):\n"
	"    view[at:at + (1 << 20)] = random.randbytes(min(1 << 20, len(memory) - at))\n"
	"def used():\n"
	"    usage = resource.getrusage(resource.RUSAGE_SELF)\n"
	"    return usage.ru_utime + usage.ru_stime\n"
	"def wait(device, batch):\n"
	"    done, errors = device.wait_iouring(batch)\n"
	"    if errors or not all(done):\n"
	"        raise OSError(errors[0][1] if errors else 'an io failed')\n"
	"def way(device, order, write):\n"
	"    pending, busy, start = [], used(), time.monotonic()\n"
	"    for first in range(0, count, half):\n"
	"        side = first // half % 2 * half * total\n"
	"        if len(pending) == 2:\n"
	"            wait(device, pending.pop(0))\n"
	"        places = order[first:first + half]\n"
	"        buffers = [view[side + i * total:side + i * total + total]\n"
	"                   for i in range(len(places))]\n"
	"        if write:\n"
	"            for buffer, place in zip(buffers, places):\n"
	"                buffer[:8] = place.to_bytes(8, 'little')\n"
	"        call = device.batched_write if write else device.batched_read\n"
	"        pending.append(call([place * total for place in places], buffers,\n"
	"                            [total] * len(places)))\n"
	"    for batch in pending:\n"
	"        wait(device, batch)\n"
	"    if write:\n"
	"        fd = os.open(path, os.O_WRONLY)\n"
	"        os.fsync(fd)\n"
	"        os.close(fd)\n"
	"    moved = count * value\n"
	"    print(moved / (time.monotonic() - start) / 1e6, (used() - busy) / moved * 1e9)\n"
	"try:\n"
	"    device = RawBlockDevice(path, True, bool(direct), True, alignment=block,\n"
	"                            iouring_queue_depth=max(depth, 2))\n"
	"    try:\n"
	"        device.register_fixed_buffers(\n"
	"            [ctypes.addressof(ctypes.c_char.from_buffer(memory))], [len(memory)])\n"
	"    except (OSError, RuntimeError):\n"
	"        pass  # RLIMIT_MEMLOCK: ios cost a little more, as weir's then do\n"
	"    order = list(range(count))\n"
	"    way(device, order, True)\n"
	"    random.Random(1).shuffle(order)\n"
	"    way(device, order, False)\n"
	"    device.close()\n"
	"except Exception as error:\n"
	"    sys.exit(f'{type(error).__name__}: {error}')\n";

/* Returns 0 if PYTHON runs and has the extension. */
static int raw_block_try(const char *python)
{
	char import[] = "import sys\n"
			"try:\n"
			"    import lmcache_rust_raw_block_io\n"
			"except ImportError as error:\n"
			"    sys.exit(str(error))\n";
	char option[] = "-c", *name = strdup(python);
	char *const argv[] = { name, option, import, NULL };
	struct bench_child c = { -1, -1, -1 };
	int err = name ? bench_child_open(&c) : error_sys(-ENOMEM, "raw_block");

	if (!err)
		err = bench_child_run(&c, python, argv);
	bench_child_close(&c);
	free(name);
	return err;
}

int bench_raw_block_find(char **python, const char *given)
{
	const char *hosts = getenv("WEIR_HOSTS"), *home = getenv("HOME");
	char *names[3] = { NULL };
	size_t n = 0;
	int err = -ENOENT;

	*python = NULL;
	if (strcmp(given, "auto") != 0) {
		names[n++] = strdup(given);
	} else {
		if (hosts && asprintf(&names[n], "%s/bin/python", hosts) >= 0)
			n++;
		if (home && asprintf(&names[n], "%s/.cache/weir/hosts/bin/python", home) >= 0)
			n++;
		names[n++] = strdup("python3");
	}
	for (size_t i = 0; i < n; i++) {
		if (!*python && names[i] && !(err = raw_block_try(names[i])))
			*python = names[i];
		else
			free(names[i]);
	}
	return err ? -ENOENT : 0;
}

static int raw_block_read(const struct bench_child *c, struct bench_puts_way *put,
			  struct bench_puts_way *get)
{
	size_t length;
	char *text = bench_child_text(c, &length);
	int n = text ? sscanf(text, "%lf %lf %lf %lf", &put->mbps, &put->cpu_per_gb, &get->mbps,
			      &get->cpu_per_gb)
		     : 0;

	free(text);
	return n == 4 ? 0 : error_set(-EPROTO, "raw_block printed no figures");
}

int bench_raw_block_run(const char *python, const char *path, bool direct,
			const struct bench_puts *p, struct bench_puts_way *put,
			struct bench_puts_way *get)
{
	char script[sizeof(raw_block_script)], option[] = "-c", number[4][24];
	char *name = strdup(python), *file = strdup(path);
	char *const argv[] = { name,	  option,    script,	file, number[0],
			       number[1], number[2], number[3], NULL };
	struct bench_child c = { -1, -1, -1 };
	int err = name && file ? bench_child_open(&c) : error_sys(-ENOMEM, "raw_block");

	memcpy(script, raw_block_script, sizeof(script));
	snprintf(number[0], sizeof(number[0]), "%d", (int)direct);
	snprintf(number[1], sizeof(number[1]), "%llu", (unsigned long long)p->value_bytes);
	snprintf(number[2], sizeof(number[2]), "%llu", (unsigned long long)p->count);
	snprintf(number[3], sizeof(number[3]), "%u", p->depth * p->threads);
	memset(put, 0, sizeof(*put));
	memset(get, 0, sizeof(*get));
	if (!err)
		err = bench_child_run(&c, "raw_block", argv);
	if (!err)
		err = raw_block_read(&c, put, get);
	bench_child_close(&c);
	free(name);
	free(file);
	return err;
}
