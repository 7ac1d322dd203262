/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - reads any bytes as the description of a simulated drive. */
#include "fuzz.h"
#include "sim/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_config config;
	int err = sim_config_load(&config, fuzz_file(data, size));

	fuzz_result(err);
	if (!err) {
		FUZZ_CHECK(config.kind == SIM_SSD || config.kind == SIM_HDD);
		FUZZ_CHECK(config.capacity && !(config.capacity % config.logical_block));
		FUZZ_CHECK(config.max_io && !(config.max_io % config.logical_block));
		FUZZ_CHECK(config.queue_depth && config.link);
	}
	return 0;
}
