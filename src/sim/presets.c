/* SPDX-License-Identifier: Apache-2.0 */
/*
 * presets.c - the built-in drives, so that a user needs no file. They are texts, so that they can
 * be printed and changed. Three of them are here: typical ones of their kinds. Those of
 * presets_real.c follow single products. Constant.
 */
#include <string.h>

#include "sim/config.h"
#include "sim/presets.h"

static const char preset_nvme[] =
	"# A PCIe 4 NVMe drive for data centres: its cache survives power loss.\n"
	"[device]\n"
	"kind = ssd\n"
	"capacity = 1T\n"
	"logical_block = 4k\n"
	"physical_block = 4k\n"
	"queue_depth = 256       # commands at once\n"
	"max_io = 1M             # the longest command\n"
	"max_segments = 128\n"
	"command = 8us           # what each costs besides\n"
	"link = 6500M            # bytes a second to the host\n"
	"duplex = 1              # and as many from it at the same time\n"
	"\n"
	"[ssd]\n"
	"channels = 64           # flash units that work side by side\n"
	"page = 16k              # what one of them reads or programs at a time\n"
	"read = 60us\n"
	"program = 400us\n"
	"spread = 20             # percent of a service time that is left to chance\n"
	"cache = 64M             # writes end here, and wait here to be programmed\n"
	"cache_write = 10us\n"
	"volatile_cache = 0      # 1: a flush waits until it is empty\n"
	"discard = 100us\n";

static const char preset_sata[] =
	"# A SATA SSD for desktops.\n"
	"[device]\n"
	"kind = ssd\n"
	"capacity = 512G\n"
	"logical_block = 512\n"
	"physical_block = 4k\n"
	"queue_depth = 32        # NCQ\n"
	"max_io = 1M\n"
	"max_segments = 128\n"
	"command = 20us\n"
	"link = 530M             # bytes a second, reads and writes together\n"
	"duplex = 0\n"
	"\n"
	"[ssd]\n"
	"channels = 8\n"
	"page = 16k\n"
	"read = 80us\n"
	"program = 300us\n"
	"spread = 30\n"
	"cache = 16M\n"
	"cache_write = 20us\n"
	"volatile_cache = 1\n"
	"discard = 300us\n";

static const char preset_hdd[] =
	"# A 7200 rpm hard disk with its write cache off.\n"
	"[device]\n"
	"kind = hdd\n"
	"capacity = 4T\n"
	"logical_block = 512\n"
	"physical_block = 4k\n"
	"queue_depth = 32        # NCQ\n"
	"max_io = 1M\n"
	"max_segments = 128\n"
	"command = 100us\n"
	"link = 550M\n"
	"duplex = 0\n"
	"\n"
	"[hdd]\n"
	"rpm = 7200\n"
	"outer = 180M            # bytes a second where offsets are low\n"
	"inner = 90M             # and where they are high\n"
	"zones = 16              # in so many steps\n"
	"seek_track = 1ms        # to the next track\n"
	"seek_full = 15ms        # from one end to the other\n"
	"read_ahead = 8M         # what it reads on into its buffer while idle\n"
	"order = nearest         # of what is queued the command that is reached first, or: fifo\n"
	"max_wait = 400ms        # but whoever waits so long goes first; 0: never\n";

static const struct {
	const char *name, *text;
} presets[] = {
	{ "nvme", preset_nvme },	 { "sata", preset_sata },
	{ "hdd", preset_hdd },		 { "dc-tlc", sim_preset_dc_tlc },
	{ "qlc", sim_preset_qlc },	 { "dramless", sim_preset_dramless },
	{ "xpoint", sim_preset_xpoint },
};

const char *sim_preset_name(size_t i)
{
	return i < sizeof(presets) / sizeof(presets[0]) ? presets[i].name : NULL;
}

const char *sim_preset(const char *name)
{
	for (size_t i = 0; sim_preset_name(i); i++)
		if (!strcmp(name, presets[i].name))
			return presets[i].text;
	return NULL;
}
