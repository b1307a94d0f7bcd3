/* SPDX-License-Identifier: BSD-3-Clause */
/* Our part of INFO: counters only, nothing is loaded or locked for it. */
#include <stdio.h>
#include <sys/resource.h>

#include "module/probe.h"
#include "module/wait.h"

static void field(host_info *info, const char *name, uint64_t v)
{
    host.InfoAddFieldLongLong(info, name, (long long)v);
}

static void count(host_info *info, const char *name, atomic_uint_fast64_t *v)
{
    field(info, name, atomic_load_explicit(v, memory_order_relaxed));
}

/* RedisAI's sections, for programs that look there: what has a meaning here. */
static void redisai_sections(host_info *info)
{
    host.InfoAddSection(info, "versions");
    host.InfoAddFieldCString(info, "RedisAI_version",
                             "1.2.7"); /* whose commands these are */
    field(info, "low_level_API_version", 1);
    field(info, "rdb_version", 4);
    host.InfoAddSection(info, "git");
    host.InfoAddFieldCString(info, "git_sha", "weir");
    host.InfoAddSection(info, "load_time_configs");
    field(info, "threads_per_queue", (uint64_t)wr_engine_threads(module.service.engine));
    field(info, "inter_op_parallelism", 0);
    field(info, "intra_op_parallelism", 0);
    field(info, "model_execution_timeout", (uint64_t)module.run_max_ms);
    field(info, "backend_memory_limit", 0);
}

static void seconds(host_info *info, const char *name, struct timeval t)
{
    char text[40];
    snprintf(text, sizeof text, "%lld.%06ld", (long long)t.tv_sec, (long)t.tv_usec);
    host.InfoAddFieldCString(info, name, text);
}

static void cpu_section(host_info *info)
{
    struct rusage self, children;
    if (getrusage(RUSAGE_SELF, &self) != 0 || getrusage(RUSAGE_CHILDREN, &children) != 0)
        return;
    host.InfoAddSection(info, "cpu");
    seconds(info, "self_used_cpu_sys", self.ru_stime);
    seconds(info, "self_used_cpu_user", self.ru_utime);
    seconds(info, "children_used_cpu_sys", children.ru_stime);
    seconds(info, "children_used_cpu_user", children.ru_utime);
}

void info_report(host_info *info, int for_crash_report)
{
    (void)for_crash_report;
    weir_memory m = weir_memory_info();
    host.InfoAddSection(info, "weir");
    host.InfoAddFieldCString(info, "version", weir_version());
    field(info, "compute_threads", (uint64_t)wr_engine_threads(module.service.engine));
    count(info, "runs_inline", &module.n_inline);
    count(info, "runs_engine", &module.n_engine);
    count(info, "calls_by_workers", &module.n_worker);
    count(info, "replies_by_workers", &module.n_offloaded);
    host.InfoAddFieldCString(info, "probe", probe_state());
    field(info, "waiting_clients", waiting_count());
    field(info, "buffers_in_use_bytes", m.in_use_bytes);
    field(info, "buffers_kept_bytes", m.kept_bytes);
    redisai_sections(info);
    cpu_section(info);
}
