/* SPDX-License-Identifier: BSD-3-Clause */
/* Our part of INFO: counters only, nothing is loaded or locked for it. */
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
}
