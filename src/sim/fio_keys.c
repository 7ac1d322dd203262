/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fio_keys.c - the keys that `fio --cmdhelp=all` and `fio --enghelp` of fio 3.33 list, with their
 * synonyms, without those that jobs.c knows. See fio_keys.h.
 *
 * Most of them have no meaning without a real machine: files, memory, CPUs, logs with a clock. The
 * others would change the load; their notes say what the simulation does instead.
 */
#include <string.h>

#include "sim/fio_keys.h"

struct fio_key {
	const char *name;
	const char *instead;
};

/* Keys that describe the machine and not the load on the drive. */
static const char *const meaningless[] = {
	/* names of the job and of its files */
	"name", "description", "filename", "lockfile", "directory", "filename_format",
	"unique_filename", "opendir", "nrfiles", "nr_files", "openfiles", "file_service_type",
	"filesize", "fallocate", "fadvise_hint", "create_serialize", "create_fsync",
	"create_on_open", "create_only", "allow_file_create", "allow_mounted_write", "unlink",
	"unlink_each_loop", "pre_read", "overwrite", "file_append",
	/* how ios get to the drive */
	"ioengine", "direct", "buffered", "atomic", "invalidate", "io_submit_mode", "ioscheduler",
	"userspace_reap", "nowait", "hipri", "hipri_percentage", "fixedbufs", "registerfiles",
	"sqthread_poll", "sqthread_poll_cpu", "nonvectored", "uncached", "force_async", "cmd_type",
	"thp", "inplace", "write_hint",
	/* processes, CPUs, memory */
	"thread", "group_reporting", "new_group", "nice", "cpumask", "cpus_allowed",
	"cpus_allowed_policy", "numa_cpu_nodes", "numa_mem_policy", "uid", "gid", "mem", "iomem",
	"lockmem", "hugepage-size", "cgroup", "cgroup_nodelete", "exec_prerun", "exec_postrun",
	"profile",
	/* contents of writes, which the simulated drive ignores */
	"zero_buffers", "refill_buffers", "scramble_buffers", "buffer_pattern",
	"buffer_compress_percentage", "buffer_compress_chunk", "dedupe_percentage", "dedupe_mode",
	"dedupe_working_set_percentage", "dedupe_global", "verify_pattern", "verify_interval",
	"verify_offset", "verify_fatal", "verify_dump", "verify_state_load", "verify_state_save",
	/* random numbers: use --seed */
	"norandommap", "randrepeat", "allrandrepeat", "randseed", "random_generator",
	/* measurements: use --series and --json */
	"clocksource", "gtod_reduce", "gtod_cpu", "disable_lat", "disable_clat", "disable_slat",
	"disable_bw", "disable_bw_measurement", "stats", "per_job_logs", "write_bw_log",
	"write_lat_log", "write_iops_log", "write_hist_log", "write_iolog", "bwavgtime",
	"iopsavgtime", "log_entries", "log_avg_msec", "log_hist_msec", "log_hist_coarseness",
	"log_max_value", "log_offset", "log_prio", "log_compression", "log_compression_cpus",
	"log_store_compressed", "log_unix_epoch", "log_alternate_epoch",
	"log_alternate_epoch_clock_id", "block_error_percentiles", "clat_percentiles",
	"lat_percentiles", "slat_percentiles", "percentile_list", "significant_figures",
	"disk_util", "unified_rw_reporting", "unit_base", "rate_cycle", "ratecycle",
	/* errors, which a simulation does not have */
	"ignore_error", "continue_on_error", "error_dump", "exitall_on_error",
	/* options of other engines */
	"arguments", "bindname", "brick", "busy_poll", "clientname", "clustername", "conf",
	"cpuchunks", "cpuload", "cpumode", "donorname", "exit_on_io_done", "grace_time", "hostname",
	"interface", "listen", "mss", "nodelay", "pingpong", "pool", "port", "program", "protocol",
	"rbdname", "sg_write_mode", "single-instance", "skip_bad", "stat_type", "std_redirect",
	"stream_id", "touch_objects", "ttl", "uri", "verb", "volume", "window_size"
};

/* Keys that would change the load. */
static const struct fio_key left_out[] = {
	{ "wait_for", "the job begins at once; stonewall waits" },
	{ "bs_unaligned", "lengths are multiples of the shortest" },
	{ "blocksize_unaligned", "lengths are multiples of the shortest" },
	{ "ba", "offsets are aligned to the shortest block" },
	{ "blockalign", "offsets are aligned to the shortest block" },
	{ "rw_sequencer", "a number behind rw is taken as with rw_sequencer=sequential" },
	{ "serialize_overlap", "overlapping ios may run at the same time" },
	{ "iodepth_batch_complete_max", "each completion is handled when it comes" },
	{ "fill_device", "give size, or the whole drive is written" },
	{ "fill_fs", "give size, or the whole drive is written" },
	{ "offset_align", "percentages are aligned to the shortest block" },
	{ "write_barrier", "no write waits for others; use fsync" },
	{ "sync_file_range", "use fsync or fdatasync" },
	{ "verify", "nothing is read back" },
	{ "do_verify", "nothing is read back" },
	{ "verify_only", "nothing is verified" },
	{ "verify_async", "nothing is read back" },
	{ "verify_backlog", "nothing is read back" },
	{ "verify_backlog_batch", "nothing is read back" },
	{ "experimental_verify", "nothing is read back" },
	{ "trim_percentage", "no additional trims are made" },
	{ "trim_verify_zero", "no additional trims are made" },
	{ "trim_backlog", "no additional trims are made" },
	{ "trim_backlog_batch", "no additional trims are made" },
	{ "read_iolog_chunked", "the whole log is read at the start" },
	{ "replay_redirect", "there is one drive" },
	{ "replay_scale", "offsets are taken as they are" },
	{ "replay_align", "offsets are taken as they are" },
	{ "replay_time_scale", "times are taken as they are" },
	{ "replay_skip", "nothing is skipped" },
	{ "merge_blktrace_file", "no traces are merged" },
	{ "merge_blktrace_scalars", "no traces are merged" },
	{ "merge_blktrace_iters", "no traces are merged" },
	{ "zonemode", "the drive has no zones" },
	{ "zonesize", "the drive has no zones" },
	{ "zonecapacity", "the drive has no zones" },
	{ "zonerange", "the drive has no zones" },
	{ "zoneskip", "the drive has no zones" },
	{ "read_beyond_wp", "the drive has no zones" },
	{ "max_open_zones", "the drive has no zones" },
	{ "job_max_open_zones", "the drive has no zones" },
	{ "ignore_zone_limits", "the drive has no zones" },
	{ "zone_reset_threshold", "the drive has no zones" },
	{ "zone_reset_frequency", "the drive has no zones" },
	{ "thinktime_spin", "the whole pause is slept" },
	{ "thinktime_blocks_type", "blocks are counted when they are issued" },
	{ "thinktime_iotime", "pauses come after thinktime_blocks ios" },
	{ "rate_min", "no job is ended for being slow" },
	{ "ratemin", "no job is ended for being slow" },
	{ "rate_iops_min", "no job is ended for being slow" },
	{ "rate_ignore_thinktime", "a job that was delayed is faster afterwards" },
	{ "max_latency", "no job is ended for being slow" },
	{ "latency_target", "iodepth stays as it is" },
	{ "latency_window", "iodepth stays as it is" },
	{ "latency_percentile", "iodepth stays as it is" },
	{ "latency_run", "iodepth stays as it is" },
	{ "end_fsync", "no flush comes after the last write" },
	{ "fsync_on_close", "no flush comes after the last write" },
	{ "exit_what", "exitall ends all jobs" },
	{ "cgroup_weight", "give weight= for the job's share" },
	{ "flow", "jobs run at their own pace" },
	{ "flow_id", "jobs run at their own pace" },
	{ "flow_sleep", "jobs run at their own pace" },
	{ "steadystate", "the job runs to its end" },
	{ "steadystate_duration", "the job runs to its end" },
	{ "steadystate_ramp_time", "the job runs to its end" },
	{ "ss", "the job runs to its end" },
	{ "ss_dur", "the job runs to its end" },
	{ "ss_ramp", "the job runs to its end" },
	{ "cmdprio", "all ios of a job have its prio" },
	{ "cmdprio_bssplit", "all ios of a job have its prio" },
	{ "cmdprio_class", "all ios of a job have its prio" },
	{ "cmdprio_percentage", "all ios of a job have its prio" },
	{ "readfua", "use sync=1 for writes" },
	{ "writefua", "use sync=1" },
};

#define MEANINGLESS (sizeof(meaningless) / sizeof(*meaningless))
#define LEFT_OUT (sizeof(left_out) / sizeof(*left_out))

const char *fio_key_note(const char *name)
{
	for (size_t i = 0; i < LEFT_OUT; i++)
		if (!strcmp(left_out[i].name, name))
			return left_out[i].instead;
	for (size_t i = 0; i < MEANINGLESS; i++)
		if (!strcmp(meaningless[i], name))
			return "it has no meaning in a simulator";
	return NULL;
}

const char *fio_key_name(size_t i)
{
	if (i < MEANINGLESS)
		return meaningless[i];
	return i - MEANINGLESS < LEFT_OUT ? left_out[i - MEANINGLESS].name : NULL;
}
