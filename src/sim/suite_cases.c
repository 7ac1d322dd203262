/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite_cases.c - the seven cases of the isolation suite as data: loads, figures and bars. A word
 * in braces stands for a number that depends on the drive:
 *
 *   {ms}      length of the run           {long}    three times that
 *   {steady}  ios a second of a reader that needs a twentieth of what the drive can do
 *   {half}    ios a second of one that needs half of it
 *   {want}    a quarter of an eighth of it
 *   {n}       number of tenants: 2, 4, 8, 16, 32, a run for each
 *
 * The bars are those of docs/pace.md. What has no bar depends on the drive too much. Constant.
 */
#include "sim/suite.h"

/* Reads and writes before the load, so that a scheduler that learns has seen both. */
#define WARM                                                                                       \
	"[warm]\nrw=randread\nbs=128k\niodepth=64\nruntime=300ms\n"                                \
	"[warmer]\nstonewall\nrw=randwrite\nbs=128k\niodepth=64\nruntime=700ms\n"

#define STEADY "[steady]\nrw=randread\nbs=128k\niodepth=8\nrate_iops={steady}\n"

const struct suite_case suite_cases[SUITE_CASES] = {
	{ "below",
	  "a reader beside one that leaves half of the drive unused: do they notice each other?",
	  "[global]\nruntime={ms}ms\n" STEADY
	  "[other]\nrw=randread\nbs=128k\niodepth=32\nrate_iops={half}\n",
	  { { "p99", "p99 of the reader, to p99 when it is alone", 0, 0 } } },
	{ "tenants",
	  "2, 4, 8, 16 and 32 equal readers: does each get the same?",
	  "[global]\nruntime={ms}ms\n[tenant]\nrw=randread\nbs=128k\niodepth=16\nnumjobs={n}\n",
	  { { "jain", "the worst of Jain's indices of bytes", 0.99, 0 } } },
	{ "demand",
	  "a reader that wants a quarter of its share, beside seven that want all: does it get it?",
	  "[global]\nruntime={ms}ms\n"
	  "[modest]\nrw=randread\nbs=128k\niodepth=8\nrate_iops={want}\n"
	  "[greedy]\nrw=randread\nbs=128k\niodepth=32\nnumjobs=7\n",
	  { { "got", "what it got, to what it wanted", 0.95, 0 } } },
	{ "weights",
	  "readers with weights 1, 2, 4 and 8: does each get its part?",
	  "[global]\nruntime={ms}ms\nrw=randread\nbs=128k\niodepth=32\n"
	  "[w1]\nweight=100\n[w2]\nweight=200\n[w4]\nweight=400\n[w8]\nweight=800\n",
	  { { "least", "the least that one got, to its part", 0.95, 0 },
	    { "most", "the most that one got, to its part", 0, 1.05 } } },
	{ "sizes",
	  "four readers of 4 KiB beside four of 128 KiB: does each get the same time of the drive?",
	  WARM "[small]\nstonewall\nrw=randread\nbs=4k\niodepth=64\nnumjobs=4\nruntime={ms}ms\n"
	       "[large]\nrw=randread\nbs=128k\niodepth=16\nnumjobs=4\nruntime={ms}ms\n",
	  { { "least", "the least that one got, to an eighth", 0.9, 0 },
	    { "most", "the most that one got, to an eighth", 0, 1.1 } } },
	{ "writes",
	  "a reader beside a flood of background writes of 1 MiB: as good as beside paced writes?",
	  "[global]\nruntime={long}ms\nramp_time={ms}ms\n" STEADY
	  "[flood]\nrw=randwrite\nbs=1m\niodepth=64\nbackground\n",
	  { { "p999", "p99.9 of the reader, to p99.9 beside paced writes", 0, 1.15 },
	    { "flood", "what the flood moved, to what it moves with none", 0.97, 0 } } },
	{ "bursts",
	  "a reader beside one that sends 64 reads at once: does it notice them?",
	  "[global]\nruntime={ms}ms\n" STEADY
	  "[burst]\nrw=randread\nbs=128k\niodepth=64\niodepth_batch=64\niodepth_low=1\n"
	  "thinktime=10ms\nthinktime_blocks=64\n",
	  { { "p99", "p99 of the reader, to p99 when it is alone", 0, 0 } } },
};
