/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of the torch backend, without libtorch's headers: the ops table is made of these. */
#ifndef WR_TORCH_PARTS_H
#define WR_TORCH_PARTS_H

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "engine/backend.h"

/* The host's table, from start on. */
extern const wr_backend_host *host;

/* model.cpp and run.cpp: the members of the ops table. No exception leaves them. */
weir_status torch_load(wr_backend_model **out, const wr_load_args *args,
                       weir_model_info *info, weir_error *err) noexcept;
void torch_unload(wr_backend_model *m) noexcept;
weir_status torch_run(wr_backend_model *m, const wr_run_args *args,
                      weir_error *err) noexcept;
const char *torch_version_text() noexcept;

/* pages.cpp: large memory of runs comes from the host's buffers, which keep their pages. */
void pages_install();

/* While one lives, libtorch's large allocations on this thread come from the host's buffers. */
class pages_scope
{
  public:
    pages_scope() noexcept;
    ~pages_scope();
    pages_scope(const pages_scope &) = delete;
    pages_scope &operator=(const pages_scope &) = delete;

  private:
    bool before;
};

/* threads.cpp: while one lives, libtorch computes on this thread with n threads and OpenBLAS with one;
 * afterwards both are as the program had them. */
class threads_scope
{
  public:
    explicit threads_scope(int n);
    ~threads_scope();
    threads_scope(const threads_scope &) = delete;
    threads_scope &operator=(const threads_scope &) = delete;

  private:
    int before = 0;
};

/* text.cpp: what libtorch says takes screens; these are the lines that help. */
std::string short_text(const std::string &long_text);

/* text.cpp: why a file that libtorch refused is no TorchScript, or empty. */
std::string what_file_is(const void *blob, std::size_t n);

/* text.cpp: do the first bytes look like a file of PyTorch? */
bool looks_like_torch(const void *blob, std::size_t n) noexcept;

/* A sentence of ours, which is told as it is. */
struct plain_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/* The text of an exception that is being handled, without libtorch's stack. In model.cpp. */
std::string text_of_exception(bool *no_memory);

#endif
