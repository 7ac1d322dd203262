/* SPDX-License-Identifier: Apache-2.0 */
/*
 * second.h - asks the second recovery (tools/recover.py) what it finds in the same image.
 */
#ifndef CRASH_SECOND_H
#define CRASH_SECOND_H

#include "drive.h"
#include "model.h"

struct second {
	int pid;
	void *ask, *answer;
	uint32_t devices;
	uint64_t bytes; /* of each image */
	/* Where the image of each device is given to it. */
	int memory[DRIVE_DEVICES];
	uint8_t *image[DRIVE_DEVICES];
};

/* Starts the program at PATH for so many devices of BYTES. */
void second_start(struct second *s, const char *path, uint32_t devices, uint64_t bytes);
void second_stop(struct second *s);
/* Gives it the image of all devices, one behind the other. It reads it while the caller goes on. */
void second_ask(struct second *s, const uint8_t *image);
/* Gets its answer, and compares it with FOUND, in which a sequence number of 0 is not known; IDS
 * has the identity of each key. Returns NULL if both agree, else words. */
const char *second_differs(struct second *s, const uint64_t ids[MODEL_KEYS][2],
			   const struct model_found found[MODEL_KEYS]);

#endif
