/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the torch backend that need libtorch share. */
#ifndef WR_TORCH_INTERNAL_H
#define WR_TORCH_INTERNAL_H

#include <memory>
#include <string>
#include <vector>

#include <torch/script.h>
#include <torch/version.h>

#include "backends/torch/parts.h"

#define WR_TORCH_AT_LEAST(major, minor)                                                  \
    (TORCH_VERSION_MAJOR > (major) ||                                                    \
     (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

/* How a function's parameters are filled from the inputs of a run. */
enum class wants { tensor, rest_as_list, keys, args, its_default };

struct call_plan {
    std::string name;
    torch::jit::Function *function =
        nullptr;                  /* owned by the module or the compilation unit */
    std::vector<wants> parameter; /* without self */
    int n_tensor = 0;             /* parameters that are one tensor each */
    int n_required = 0;           /* of these, how many must be given */
    bool has_list = false;        /* a list takes what is left */
    std::string unsupported;      /* why it can't be called; empty: it can */
};

/* A model (module, one plan) or a script (unit, a plan for each function). Not changed after load. */
struct wr_backend_model {
    std::string name; /* cut for messages */
    bool is_script = false;
    int threads = 1;
    c10::Device device = c10::Device(c10::kCPU);
    torch::jit::Module module;
    std::shared_ptr<torch::jit::CompilationUnit> unit;
    std::vector<call_plan> plans;
    std::string not_frozen; /* why freezing was left out; empty: frozen */
};

/* run.cpp: element types of both worlds. False: the other side has no such type. */
bool to_torch(weir_dtype from, c10::ScalarType *out);
bool from_torch(c10::ScalarType from, weir_dtype *out);

/* run.cpp: a contiguous tensor in host memory as a view; a buffer as a tensor that takes its reference,
 * which the caller keeps when this throws; a number as a command's word. */
weir_tensor view_of(const at::Tensor &t);
at::Tensor tensor_around(weir_buffer *buffer);
std::string text_of_number(double v);

/* calls.cpp: scripts may name redis and redisAI. */
std::shared_ptr<torch::jit::CompilationUnit> compile_script(const std::string &source);

/* While one lives, what scripts ask on this thread goes to this run's calls. */
class calls_scope
{
  public:
    explicit calls_scope(const wr_run_args &args);
    ~calls_scope();
    calls_scope(const calls_scope &) = delete;
    calls_scope &operator=(const calls_scope &) = delete;

  private:
    const wr_run_args *before;
};

/* While one lives, libtorch's warnings on this thread go nowhere: a library does not write to stderr. */
class quiet_scope
{
    class silence : public c10::WarningHandler
    {
      public:
#if WR_TORCH_AT_LEAST(2, 0)
        void process(const c10::Warning &) override {}
#else
        void process(const c10::SourceLocation &, const std::string &,
                     const bool) override
        {
        }
#endif
    };
#if WR_TORCH_AT_LEAST(2, 0)
    using handler_guard = c10::WarningUtils::WarningHandlerGuard;
#else
    using handler_guard = c10::Warning::WarningHandlerGuard;
#endif
    silence nothing;
    handler_guard guard{&nothing};
};

#endif
