// SPDX-License-Identifier: BSD-3-Clause
// The direct program for TorchScript models: libtorch with a frozen module, one thread, pages kept,
// and nothing of Weir. The model may write into its input, so each call gets a copy of it, as every
// correct program has to make; --plain does without.
#include <malloc.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>

#include <ATen/Parallel.h>
#include <torch/script.h>

#include "worker.h"

namespace
{

torch::jit::Module module;
worker_args args;
float **xs, **ys;

bool call_model(int thread)
{
    try {
        c10::InferenceMode guard;
        at::Tensor x = torch::from_blob(xs[thread], {args.batch, args.n_in});
        if (!args.plain)
            x = x.clone();
        at::Tensor y = module.forward({x}).toTensor().contiguous();
        std::memcpy(ys[thread], y.data_ptr<float>(),
                    static_cast<size_t>(args.batch * args.n_out) * sizeof(float));
    } catch (const std::exception &e) {
        std::fprintf(stderr, "direct_torch: %s\n", e.what());
        return false;
    }
    return true;
}

bool open_model(const worker_args *a, float **x, float **y, char *text)
{
    args = *a;
    xs = x;
    ys = y;
    mallopt(M_MMAP_MAX, 0); // keep pages: nothing from mmap, nothing given back
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
    try {
        at::set_num_threads(1);
        module = torch::jit::load(a->model);
        module.eval();
        module = torch::jit::freeze(module);
    } catch (const std::exception &e) {
        std::snprintf(text, WORKER_TEXT, "%.400s", e.what());
        for (char *p = text; *p != '\0'; p++)
            *p = *p == '\n' ? ' ' : *p;
        return false;
    }
    std::snprintf(text, WORKER_TEXT, "direct");
    for (int i = 0; i < 3; i++) { // the profiling executor settles
        if (!call_model(0))
            return false;
    }
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    static const worker_ops o = {open_model, call_model, nullptr};
    return worker_main(argc, argv, &o);
}
