// SPDX-License-Identifier: BSD-3-Clause
// Running: views become tensors without a copy, results are copied once into the caller's memory or
// handed over as they are.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include <c10/core/InferenceMode.h>

#include "backends/torch/internal.h"

namespace
{
struct type_pair {
    weir_dtype weir;
    c10::ScalarType torch;
};

constexpr type_pair TYPES[] = {
    {WEIR_F32, c10::kFloat},  {WEIR_F64, c10::kDouble}, {WEIR_I8, c10::kChar},
    {WEIR_I16, c10::kShort},  {WEIR_I32, c10::kInt},    {WEIR_I64, c10::kLong},
    {WEIR_U8, c10::kByte},    {WEIR_F16, c10::kHalf},   {WEIR_BF16, c10::kBFloat16},
    {WEIR_BOOL, c10::kBool},
#if WR_TORCH_AT_LEAST(2, 3)
    {WEIR_U16, c10::kUInt16}, {WEIR_U32, c10::kUInt32}, {WEIR_U64, c10::kUInt64},
#endif
};

// A failure with its status, thrown inside a run and turned into an error at the border.
struct run_failure {
    weir_status status;
    std::string text;
};

[[noreturn]] void fail(weir_status status, std::string text)
{
    throw run_failure{status, std::move(text)};
}

std::string text_of(const weir_tensor &t)
{
    std::string s = "[";
    for (int i = 0; i < t.rank; i++)
        s += (i > 0 ? "," : "") + std::to_string(t.shape[i]);
    return s + "]";
}

std::string text_of(const at::Tensor &t)
{
    std::string s = "[";
    for (int64_t i = 0; i < t.dim(); i++)
        s += (i > 0 ? "," : "") + std::to_string(t.size(i));
    return s + "]";
}

const char *name_of(weir_dtype t)
{
    switch (t) {
#define X(name, bytes, code, bits, wire)                                                 \
    case WEIR_##name:                                                                    \
        return wire;
        WEIR_DTYPE_MAP(X)
#undef X
    default:
        return "?";
    }
}

c10::Device device_of(weir_device d)
{
    if (d.kind == 0 || d.kind == WEIR_CPU)
        return c10::Device(c10::kCPU);
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(d.index));
}

at::Tensor around(const weir_tensor &t, c10::ScalarType type)
{
    auto options = at::TensorOptions().dtype(type).device(device_of(t.device));
    return at::from_blob(
        t.data, at::IntArrayRef(t.shape, static_cast<std::size_t>(t.rank)), options);
}

at::Tensor input_of(const wr_backend_model &m, const wr_run_args &args, int i)
{
    const weir_tensor &t = args.in[i];
    c10::ScalarType type;
    if (!to_torch(t.dtype, &type))
        fail(WEIR_ERR_DTYPE,
             "input " + std::to_string(i) + " is " + name_of(t.dtype) + text_of(t) +
                 ", and libtorch " TORCH_VERSION " has no such element type");
    at::Tensor tensor = around(t, type);
    return tensor.device() == m.device ? tensor : tensor.to(m.device);
}

// What a script refuses: why, then RedisAI's own sentence, which adapters tell their clients.
[[noreturn]] void refuse(weir_status status, const std::string &why,
                         const std::string &sentence)
{
    constexpr std::size_t ROOM = 200; // so that the sentence is not cut off
    fail(status,
         (why.size() > ROOM ? why.substr(0, ROOM) + "..." : why) + ": " + sentence);
}

const call_plan &plan_for(const wr_backend_model &m, weir_str function)
{
    if (!m.is_script)
        return m.plans[0];
    std::string name(function.n == 0 ? "" : function.p, function.n), why = "it has";
    for (const call_plan &plan : m.plans) {
        why += (&plan == &m.plans[0] ? " " : ", ") + plan.name;
        if (plan.name != name)
            continue;
        if (plan.unsupported.empty())
            return plan;
        refuse(WEIR_ERR_MODEL, plan.unsupported,
               "Unsupported input type in function definition: " + name);
    }
    refuse(WEIR_ERR_ARG, why, "Function does not exist: " + name);
}

// A model takes exactly its inputs. A script's function takes what it has parameters for and leaves
// the rest, as RedisAI does.
void check_count(const wr_backend_model &m, const call_plan &plan, int n_in)
{
    bool too_many = !m.is_script && !plan.has_list && n_in > plan.n_tensor;
    if (n_in >= plan.n_required && !too_many)
        return;
    std::string wanted = std::to_string(plan.n_required);
    if (plan.has_list)
        wanted = "at least " + wanted;
    else if (plan.n_tensor > plan.n_required)
        wanted += " to " + std::to_string(plan.n_tensor);
    wanted = "takes " + wanted + " inputs, " + std::to_string(n_in) + " were given";
    if (!m.is_script)
        fail(WEIR_ERR_ARG, wanted);
    refuse(WEIR_ERR_ARG, "function '" + plan.name + "' " + wanted,
           "Wrong number of inputs provided to function: " + plan.name);
}

c10::List<std::string> texts_of(const weir_str *s, int n)
{
    c10::List<std::string> list;
    for (int i = 0; i < n; i++)
        list.push_back(s[i].n == 0 ? std::string() : std::string(s[i].p, s[i].n));
    return list;
}

torch::jit::Stack stack_of(const wr_backend_model &m, const call_plan &plan,
                           const wr_run_args &args)
{
    torch::jit::Stack stack;
    stack.reserve(plan.parameter.size() + 1);
    if (!m.is_script)
        stack.emplace_back(m.module._ivalue());
    int next = 0;
    for (wants w : plan.parameter) {
        if (w == wants::tensor && next < args.n_in) {
            stack.emplace_back(input_of(m, args, next++));
        } else if (w == wants::rest_as_list) {
            c10::List<at::Tensor> list;
            while (next < args.n_in)
                list.push_back(input_of(m, args, next++));
            stack.emplace_back(std::move(list));
        } else if (w == wants::keys) {
            stack.emplace_back(texts_of(args.keys, args.n_keys));
        } else if (w == wants::args) {
            stack.emplace_back(texts_of(args.args, args.n_args));
        } else {
            break; // it and all that follow have defaults, which the call fills in
        }
    }
    return stack;
}

// Tensors of the result in order; tuples and lists are opened. What is no tensor: its kind, else "".
std::string collect(const c10::IValue &value, std::vector<at::Tensor> *out)
{
    std::string other;
    if (value.isTensor()) {
        out->push_back(value.toTensor());
    } else if (value.isTensorList()) {
        for (const at::Tensor &t : value.toTensorVector())
            out->push_back(t);
    } else if (value.isTuple()) {
        for (const c10::IValue &part : value.toTupleRef().elements())
            other = other.empty() ? collect(part, out) : other;
    } else if (value.isList()) {
        for (const c10::IValue &part : value.toListRef())
            other = other.empty() ? collect(part, out) : other;
    } else {
        other = value.tagKind();
    }
    return other;
}

// The results, as many as were asked for. What does not fit is not looked at further.
void check_results(const wr_backend_model &m, const call_plan &plan,
                   const std::string &other, std::size_t n, int n_out)
{
    std::string why;
    if (!other.empty())
        why = "it returned " + other +
              "; Weir takes a tensor, a tuple or a list of tensors";
    else if (n != static_cast<std::size_t>(n_out))
        why = "it gave " + std::to_string(n) + " outputs, " + std::to_string(n_out) +
              " were asked for";
    else
        return;
    weir_status status = other.empty() ? WEIR_ERR_ARG : WEIR_ERR_MODEL;
    if (!m.is_script)
        fail(status, why);
    refuse(status, why,
           other.empty()
               ? "Function returned unexpected number of outputs - " + plan.name
               : "Function returned non-tensor values" + plan.name); // it has no blank
}

void check_output(at::Tensor *t, const wr_output &want, std::size_t i)
{
    weir_dtype type;
    std::string which = "output " + std::to_string(i);
    if (!t->defined() || t->layout() != c10::kStrided || t->is_quantized() ||
        !from_torch(t->scalar_type(), &type))
        fail(WEIR_ERR_DTYPE, which + " is " +
                                 (t->defined() ? t->toString() : "undefined") +
                                 ", which Weir has no element type for");
    if (t->dim() > WEIR_RANK_MAX)
        fail(WEIR_ERR_SHAPE, which + " has rank " + std::to_string(t->dim()) +
                                 ", at most " + std::to_string(int{WEIR_RANK_MAX}) +
                                 " is possible");
    if (t->is_neg())
        *t = t->resolve_neg();
    if (want.view.data == nullptr)
        return;
    if (type != want.view.dtype)
        fail(WEIR_ERR_DTYPE, which + " is " + name_of(type) + text_of(*t) +
                                 ", the memory given is " + name_of(want.view.dtype) +
                                 text_of(want.view));
    if (t->sizes() !=
        at::IntArrayRef(want.view.shape, static_cast<std::size_t>(want.view.rank)))
        fail(WEIR_ERR_SHAPE, which + " has shape " + text_of(*t) +
                                 ", the memory given has " + text_of(want.view));
}

void copy_output(const at::Tensor &t, const weir_tensor &view)
{
    if (t.numel() == 0)
        return;
    if (t.is_cpu() && t.is_contiguous() && device_of(view.device).is_cpu())
        std::memcpy(view.data, t.data_ptr(), t.nbytes());
    else
        around(view, t.scalar_type()).copy_(t);
}

// May this tensor's memory be given away? Only when nobody else sees it: no input (which has no
// context), no weight, no other output; and when it is laid out as buffers are.
bool is_ours_alone(const at::Tensor &t)
{
    return t.storage().data_ptr().get_context() != nullptr && t.is_cpu() &&
           t.is_contiguous() && t.use_count() == 1 && t.storage().use_count() == 1 &&
           t.storage_offset() == 0 && t.storage().nbytes() <= 2 * t.nbytes() &&
           reinterpret_cast<std::uintptr_t>(t.data_ptr()) % WEIR_ALIGN == 0;
}

void release_tensor(void *context)
{
    delete static_cast<at::Tensor *>(context);
}

// The result as a buffer around its own memory, or around a copy.
weir_buffer *give(at::Tensor t, weir_error *err)
{
    if (!is_ours_alone(t))
        t = t.to(c10::kCPU).clone(at::MemoryFormat::Contiguous);
    weir_dtype type = WEIR_F32;
    from_torch(t.scalar_type(), &type);
    weir_buffer *buffer = nullptr;
    weir_status st;
    if (t.numel() == 0) {
        st = host->buffer_new(&buffer, type, static_cast<int>(t.dim()), t.sizes().data(),
                              err);
    } else {
        weir_tensor view = view_of(t);
        std::unique_ptr<at::Tensor> owner(new at::Tensor(std::move(t)));
        st = host->buffer_wrap(&buffer, &view, release_tensor, owner.get(), err);
        if (st == WEIR_OK)
            owner.release();
    }
    if (st != WEIR_OK)
        throw st; // err is filled
    return buffer;
}

// Buffers made so far; given back unless all outputs are there.
struct made_buffers {
    std::vector<weir_buffer *> all;
    ~made_buffers()
    {
        for (weir_buffer *b : all)
            host->buffer_unref(b);
    }
};

void publish(std::vector<at::Tensor> *results, const wr_run_args &args, weir_error *err)
{
    made_buffers made;
    std::size_t n = results->size();
    for (std::size_t i = 0; i < n; i++)
        check_output(&(*results)[i], args.out[i], i);
    made.all.resize(n, nullptr);
    for (std::size_t i = 0; i < n; i++)
        if (args.out[i].view.data == nullptr)
            made.all[i] = give(std::move((*results)[i]), err);
    for (std::size_t i = 0; i < n; i++)
        if (args.out[i].view.data != nullptr)
            copy_output((*results)[i], args.out[i].view);
    for (std::size_t i = 0; i < n; i++)
        std::swap(args.out[i].buffer, made.all[i]);
}

void run_once(const wr_backend_model &m, const wr_run_args &args, weir_error *err)
{
    quiet_scope quiet;
    c10::InferenceMode inference;
    threads_scope threads(m.threads);
    pages_scope pages;
    calls_scope calls(args);
    const call_plan &plan = plan_for(m, args.function);
    check_count(m, plan, args.n_in);
    std::vector<at::Tensor> results;
    {
        c10::IValue value = (*plan.function)(stack_of(m, plan, args));
        std::string other = collect(value, &results);
        check_results(m, plan, other, results.size(), args.n_out);
    } // from here on results are referred to from nowhere else, unless they are inputs or weights
    publish(&results, args, err);
}
} // namespace

bool to_torch(weir_dtype from, c10::ScalarType *out)
{
    for (const type_pair &pair : TYPES) {
        if (pair.weir == from) {
            *out = pair.torch;
            return true;
        }
    }
    return false;
}

bool from_torch(c10::ScalarType from, weir_dtype *out)
{
    for (const type_pair &pair : TYPES) {
        if (pair.torch == from) {
            *out = pair.weir;
            return true;
        }
    }
    return false;
}

weir_tensor view_of(const at::Tensor &t)
{
    weir_tensor view{};
    if (t.dim() > WEIR_RANK_MAX || !from_torch(t.scalar_type(), &view.dtype))
        throw plain_error("a tensor is " + t.toString() + text_of(t) +
                          ", which Weir can't describe");
    view.data = t.data_ptr();
    view.rank = static_cast<int>(t.dim());
    for (int i = 0; i < view.rank; i++)
        view.shape[i] = t.size(i);
    int64_t step = static_cast<int64_t>(t.element_size());
    for (int i = view.rank - 1; i >= 0; step *= view.shape[i--])
        view.stride[i] = step;
    return view;
}

at::Tensor tensor_around(weir_buffer *buffer)
{
    weir_tensor view = host->buffer_view(buffer);
    c10::ScalarType type;
    if (!to_torch(view.dtype, &type))
        throw plain_error(std::string("a tensor is ") + name_of(view.dtype) +
                          text_of(view) + ", which libtorch has no element type for");
    return at::from_blob(
        view.data, at::IntArrayRef(view.shape, static_cast<std::size_t>(view.rank)),
        [buffer](void *) { host->buffer_unref(buffer); },
        at::TensorOptions().dtype(type));
}

std::string text_of_number(double v)
{
    char text[40];
    (void)std::snprintf(text, sizeof text, "%.17g", v);
    return text;
}

weir_status torch_run(wr_backend_model *m, const wr_run_args *args,
                      weir_error *err) noexcept
{
    const char *what = m->is_script ? "script" : "model";
    try {
        run_once(*m, *args, err);
        return WEIR_OK;
    } catch (weir_status st) {
        return st;
    } catch (const run_failure &failure) {
        return host->fail(err, failure.status, "torch: %s '%s': %s", what,
                          m->name.c_str(), failure.text.c_str());
    } catch (...) {
        bool no_memory = false;
        std::string text;
        try {
            text = text_of_exception(&no_memory);
        } catch (...) {
            no_memory = true;
        }
        if (no_memory)
            return host->fail(err, WEIR_ERR_NOMEM, "torch: %s '%s': no memory for a run",
                              what, m->name.c_str());
        return host->fail(err, WEIR_ERR_MODEL, "torch: %s '%s': %s", what,
                          m->name.c_str(), text.c_str());
    }
}
