// SPDX-License-Identifier: BSD-3-Clause
// What scripts may ask of who runs them: redis.execute, redis.asList and redisAI.model_execute, as
// operators that find the run which goes on on their thread.
#include <stdexcept>

#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include "backends/torch/internal.h"

namespace
{
using torch::jit::Stack;

thread_local const wr_run_args *current; // of the run on this thread

const wr_script_calls &calls_of_run(const char *what)
{
    if (current == nullptr)
        throw plain_error(std::string(what) +
                          ": only on the thread that a run of the script began on");
    if (current->calls == nullptr)
        throw plain_error(std::string(what) +
                          ": only where a server runs the script; this program is none");
    return *current->calls;
}

// ---- words of a command ------------------------------------------------------------------------

void add_words(const c10::IValue &value, std::vector<std::string> *words)
{
    if (value.isString())
        words->push_back(value.toStringRef());
    else if (value.isBool())
        words->push_back(value.toBool() ? "1" : "0");
    else if (value.isInt())
        words->push_back(std::to_string(value.toInt()));
    else if (value.isDouble())
        words->push_back(text_of_number(value.toDouble()));
    else if (value.isList())
        for (const c10::IValue &part : value.toListRef())
            add_words(part, words);
    else
        throw plain_error("redis.execute: an argument is " + value.tagKind() +
                          "; give texts, numbers, or lists of these");
}

c10::IValue value_of(const wr_answer &reply)
{
    switch (reply.kind) {
    case WR_ANSWER_INTEGER:
        return reply.integer;
    case WR_ANSWER_REAL:
        return reply.real;
    case WR_ANSWER_TEXT:
        return std::string(reply.text.n == 0 ? "" : reply.text.p, reply.text.n);
    case WR_ANSWER_LIST: {
        c10::impl::GenericList list(c10::AnyType::get());
        for (std::size_t i = 0; i < reply.n_items; i++)
            list.push_back(value_of(reply.item[i]));
        return list;
    }
    case WR_ANSWER_ERROR:
        throw plain_error(
            "Redis command returned an error: " +
            std::string(reply.text.n == 0 ? "" : reply.text.p, reply.text.n));
    case WR_ANSWER_NIL:
        break;
    }
    return c10::IValue();
}

struct held_answer {
    const wr_script_calls &calls;
    const wr_answer *reply = nullptr;
    ~held_answer()
    {
        if (reply != nullptr)
            calls.release(calls.context, reply);
    }
};

void execute(Stack &stack)
{
    std::size_t n = static_cast<std::size_t>(torch::jit::pop(stack).toInt());
    std::vector<std::string> words;
    for (const c10::IValue &value : torch::jit::last(stack, n))
        add_words(value, &words);
    torch::jit::drop(stack, n);
    held_answer held{calls_of_run("redis.execute")};
    std::vector<weir_str> strs;
    for (const std::string &word : words)
        strs.push_back({word.data(), word.size()});
    weir_error err{};
    if (held.calls.execute(held.calls.context, strs.data(), strs.size(), &held.reply,
                           &err) != WEIR_OK)
        throw plain_error(err.text);
    torch::jit::push(stack, value_of(*held.reply));
}

void as_list(Stack &stack)
{
    c10::IValue value = torch::jit::pop(stack);
    if (!value.isList())
        throw plain_error("redis.asList: the answer is " + value.tagKind() +
                          ", which is no list");
    c10::impl::GenericList list(c10::AnyType::get());
    for (const c10::IValue &part : value.toListRef())
        list.push_back(part);
    torch::jit::push(stack, std::move(list));
}

// ---- models ------------------------------------------------------------------------------------

struct held_outputs {
    std::vector<wr_output> all;
    ~held_outputs()
    {
        for (wr_output &o : all)
            host->buffer_unref(o.buffer);
    }
};

void model_execute(Stack &stack)
{
    int64_t n_out = torch::jit::pop(stack).toInt();
    std::vector<at::Tensor> inputs = torch::jit::pop(stack).toTensorVector();
    std::string key = torch::jit::pop(stack).toStringRef();
    const wr_script_calls &calls = calls_of_run("redisAI.model_execute");
    if (n_out < 0 || n_out > WEIR_IO_MAX || inputs.size() > WEIR_IO_MAX)
        throw plain_error("redisAI.model_execute: " + std::to_string(inputs.size()) +
                          " inputs and " + std::to_string(n_out) + " outputs; at most " +
                          std::to_string(int{WEIR_IO_MAX}) + " are possible");
    std::vector<weir_tensor> views;
    for (at::Tensor &t : inputs) {
        t = t.to(c10::kCPU).contiguous();
        views.push_back(view_of(t));
    }
    held_outputs held{std::vector<wr_output>(static_cast<std::size_t>(n_out))};
    weir_error err{};
    if (calls.model_execute(calls.context, {key.data(), key.size()}, views.data(),
                            static_cast<int>(views.size()), held.all.data(),
                            static_cast<int>(n_out), current->deadline, &err) != WEIR_OK)
        throw plain_error(err.text);
    c10::List<at::Tensor> results;
    for (wr_output &o : held.all) {
        results.push_back(tensor_around(o.buffer));
        o.buffer = nullptr; // the tensor's now
    }
    torch::jit::push(stack, std::move(results));
}

// ---- names in scripts ----------------------------------------------------------------------------

void register_operators()
{
    // Conservative: they have effects, so none is left out or moved.
    auto alias = c10::AliasAnalysisKind::CONSERVATIVE;
    static const torch::jit::RegisterOperators operators({
        torch::jit::Operator("redis::execute(str command, ...) -> Any",
                             torch::jit::Operation(execute), alias),
        torch::jit::Operator("redis::asList(Any data) -> Any[]",
                             torch::jit::Operation(as_list), alias),
        torch::jit::Operator(
            "redisAI::model_execute(str key, Tensor[] inputs, int outputs) -> Tensor[]",
            torch::jit::Operation(model_execute), alias),
    });
}

// What a script may name without having made it.
struct script_resolver : torch::jit::NativeResolver {
    std::shared_ptr<torch::jit::SugaredValue>
    resolveValue(const std::string &name, torch::jit::GraphFunction &m,
                 const torch::jit::SourceRange &where) override
    {
        if (name == "redis" || name == "redisAI")
            return std::make_shared<torch::jit::BuiltinModule>(name);
        // libtorch leaves the names of exceptions to Python
        for (const char *known :
             {"Exception", "ValueError", "RuntimeError", "TypeError", "IndexError",
              "KeyError", "AssertionError", "NotImplementedError", "ArithmeticError"})
            if (name == known)
                return std::make_shared<torch::jit::ExceptionValue>(name);
        return NativeResolver::resolveValue(name, m, where);
    }
};
} // namespace

calls_scope::calls_scope(const wr_run_args &args) : before(current)
{
    current = &args;
}

calls_scope::~calls_scope()
{
    current = before;
}

std::shared_ptr<torch::jit::CompilationUnit> compile_script(const std::string &source)
{
    register_operators();
    auto unit = std::make_shared<torch::jit::CompilationUnit>();
    unit->define({}, source, std::make_shared<script_resolver>(), nullptr);
    return unit;
}
