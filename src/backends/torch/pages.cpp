// SPDX-License-Identifier: BSD-3-Clause
// Pages kept: libtorch takes its intermediates from malloc, which gives large ones back to the system
// after each use, so that every run touches fresh pages (measured: 1.6 times the time). Changing
// malloc's settings would change them for the whole program. Instead libtorch gets an allocator that
// is the former one, except on threads inside a run of ours: there, large blocks are host buffers.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <c10/core/Allocator.h>
#include <c10/core/Device.h>

#include "backends/torch/parts.h"

namespace
{
constexpr std::size_t SMALLEST = 64 * 1024; // below, malloc is quick and keeps its pages

thread_local bool in_run;

// Which buffer a data pointer belongs to. libtorch frees some blocks by their address alone, and some
// of these are older than this allocator. Entries are reused: no allocation in a steady state.
class block_table
{
  public:
    void put(void *data, weir_buffer *buffer)
    {
        std::lock_guard<std::mutex> hold(lock);
        if (spare.empty()) {
            spare.reserve(live.size() + 1); // so that take can't fail
            live.emplace(data, buffer);
            return;
        }
        auto node = std::move(spare.back());
        spare.pop_back();
        node.key() = data;
        node.mapped() = buffer;
        live.insert(std::move(node));
    }

    weir_buffer *take(void *data)
    {
        std::lock_guard<std::mutex> hold(lock);
        auto at = live.find(data);
        if (at == live.end())
            return nullptr;
        weir_buffer *buffer = at->second;
        auto node = live.extract(at);
        if (spare.size() < spare.capacity())
            spare.push_back(std::move(node));
        return buffer;
    }

  private:
    using table = std::unordered_map<void *, weir_buffer *>;
    std::mutex lock;
    table live;                          // guarded by lock
    std::vector<table::node_type> spare; // guarded by lock
};

block_table &blocks()
{
    static block_table *one = new block_table; // lives on: libtorch frees blocks at exit
    return *one;
}

c10::Allocator *former;

void release(void *data)
{
    if (weir_buffer *buffer = blocks().take(data))
        host->buffer_unref(buffer);
    else if (data != nullptr)
        former->raw_deleter()(data);
}

// Members have no `override`: allocate is const up to libtorch 2.2 and not since, copy_data is new in
// 2.3. One of each pair overrides.
class keeping_allocator : public c10::Allocator
{
  public:
    c10::DataPtr allocate(std::size_t n) const
    {
        return take(n);
    }
    c10::DataPtr allocate(std::size_t n)
    {
        return take(n);
    }
    c10::DeleterFnPtr raw_deleter() const
    {
        return &release;
    }
    void copy_data(void *to, const void *from, std::size_t n) const
    {
        std::memcpy(to, from, n);
    }

  private:
    static c10::DataPtr take(std::size_t n)
    {
        weir_buffer *buffer = nullptr;
        int64_t extent = static_cast<int64_t>(n);
        if (!in_run || n < SMALLEST || n > PTRDIFF_MAX ||
            host->buffer_new(&buffer, WEIR_U8, 1, &extent, nullptr) != WEIR_OK)
            return former->allocate(n);
        void *data = host->buffer_view(buffer).data;
        try {
            blocks().put(data, buffer);
        } catch (...) {
            host->buffer_unref(buffer);
            throw;
        }
        return c10::DataPtr(data, data, &release, c10::Device(c10::DeviceType::CPU));
    }
};
} // namespace

void pages_install()
{
    static keeping_allocator *one =
        new keeping_allocator; // libtorch keeps the pointer for good
    former = c10::GetAllocator(c10::DeviceType::CPU);
    if (former != nullptr && former->raw_deleter() != nullptr)
        c10::SetAllocator(c10::DeviceType::CPU, one, 0);
}

pages_scope::pages_scope() noexcept : before(in_run)
{
    in_run = true;
}

pages_scope::~pages_scope()
{
    in_run = before;
}
