// SPDX-License-Identifier: BSD-3-Clause
// The torch backend's table, and its one symbol.
#include "backends/torch/parts.h"

const wr_backend_host *host;

namespace
{
weir_status start(const wr_backend_host *from, weir_error *err)
{
    host = from;
    try {
        pages_install();
        return WEIR_OK;
    } catch (...) {
        bool no_memory;
        return host->fail(err, WEIR_ERR_BACKEND, "torch: libtorch %s does not start: %s",
                          torch_version_text(), text_of_exception(&no_memory).c_str());
    }
}

const char *version()
{
    return torch_version_text();
}

bool recognises(const void *blob, std::size_t n)
{
    return looks_like_torch(blob, n);
}

constexpr wr_backend_ops table()
{
    wr_backend_ops ops{};
    ops.abi = WR_BACKEND_ABI;
    ops.bytes = sizeof(wr_backend_ops);
    ops.name = "torch";
    ops.hint =
        "install libtorch-dev (Debian, Ubuntu) or pip's torch, and build Weir with "
        "TORCH_DIR naming its folder";
    ops.start = start;
    ops.version = version;
    ops.recognises = recognises;
    ops.load = torch_load;
    ops.run = torch_run;
    ops.unload = torch_unload;
    return ops; // interrupt: libtorch can't stop a run
}

constexpr wr_backend_ops OPS = table();
} // namespace

const wr_backend_ops *wr_backend_entry(void)
{
    return &OPS;
}
