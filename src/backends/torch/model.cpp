// SPDX-License-Identifier: BSD-3-Clause
// Loading: a TorchScript file or script from memory, frozen where possible, and what it is.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <istream>
#include <stdexcept>
#include <streambuf>

#include <ATen/Context.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/jit.h>

#include "backends/torch/internal.h"

namespace
{
using torch::jit::AliasDb;
using torch::jit::Graph;

// The model's bytes as a stream that libtorch can seek in; no copy.
class bytes_in_memory : public std::streambuf
{
  public:
    bytes_in_memory(const void *p, std::size_t n)
    {
        char *b = const_cast<char *>(static_cast<const char *>(p)); // only ever read
        setg(b, b, b + n);
    }

  protected:
    pos_type seekoff(off_type by, std::ios_base::seekdir from,
                     std::ios_base::openmode) override
    {
        off_type base = from == std::ios_base::beg   ? 0
                        : from == std::ios_base::cur ? gptr() - eback()
                                                     : egptr() - eback();
        if (base + by < 0 || base + by > egptr() - eback())
            return pos_type(off_type(-1));
        setg(eback(), eback() + base + by, egptr());
        return pos_type(base + by);
    }
    pos_type seekpos(pos_type to, std::ios_base::openmode which) override
    {
        return seekoff(off_type(to), std::ios_base::beg, which);
    }
};

std::string text_of(weir_str s)
{
    return s.n == 0 ? std::string() : std::string(s.p, s.n);
}

bool is_tensor(const c10::Type &type)
{
    return type.kind() == c10::TypeKind::TensorType;
}

// T of List[T] or Optional[T]; nullptr for every other type.
const c10::Type *element_of(const c10::Type &type, c10::TypeKind outer)
{
    return type.kind() == outer ? type.containedTypes().at(0).get() : nullptr;
}

bool is_list_of(const c10::Type &type, c10::TypeKind of)
{
    const c10::Type *element = element_of(type, c10::TypeKind::ListType);
    return element != nullptr && element->kind() == of;
}

// `n_texts` lists of texts came before this parameter: the first gets the keys, the second the
// arguments, as RedisAI's entry points have them.
wants wants_of(const c10::Argument &argument, int n_texts)
{
    const c10::Type &type = *argument.type();
    const c10::Type *maybe = element_of(type, c10::TypeKind::OptionalType);
    if (is_tensor(type) || (maybe != nullptr && is_tensor(*maybe)))
        return wants::tensor;
    if (is_list_of(type, c10::TypeKind::TensorType))
        return wants::rest_as_list;
    if (is_list_of(type, c10::TypeKind::StringType) && n_texts < 2)
        return n_texts == 0 ? wants::keys : wants::args;
    if (argument.default_value())
        return wants::its_default;
    throw std::invalid_argument("parameter '" + argument.name() + "' is of type " +
                                type.str() +
                                "; Weir passes tensors, and a list of tensors last");
}

// Does any node, in inner blocks too, write to what may be an element of this list?
bool writes_element(AliasDb *db, torch::jit::Block *block, torch::jit::Value *list)
{
    for (torch::jit::Node *node : block->nodes()) {
        const c10::FunctionSchema *schema = node->maybeSchema();
        if (schema == nullptr && (node->kind() == c10::prim::CallMethod ||
                                  node->kind() == c10::prim::CallFunction))
            return true; // who knows
        for (std::size_t i = 0; schema != nullptr && i < schema->arguments().size();
             i++) {
            const c10::AliasInfo *alias = schema->arguments()[i].alias_info();
            if (alias != nullptr && alias->isWrite() && i < node->inputs().size() &&
                db->mayContainAlias(list, node->inputs()[i]))
                return true;
        }
        for (torch::jit::Block *inner : node->blocks())
            if (writes_element(db, inner, list))
                return true;
    }
    return false;
}

// May a call of this function change its inputs? True when unsure.
bool may_write_inputs(torch::jit::Function &function, bool has_self)
{
    try {
        std::shared_ptr<Graph> graph =
            torch::jit::toGraphFunction(function).graph()->copy();
        torch::jit::Inline(*graph);
        AliasDb db(graph);
        for (std::size_t i = has_self ? 1 : 0; i < graph->inputs().size(); i++) {
            torch::jit::Value *input = graph->inputs()[i];
            if (db.hasWriters(input))
                return true;
            if (is_list_of(*input->type(), c10::TypeKind::TensorType) &&
                writes_element(&db, graph->block(), input))
                return true;
        }
        return false;
    } catch (...) {
        return true;
    }
}

// How a function is called, from its schema. Throws for a parameter that Weir can't fill.
call_plan plan_of(torch::jit::Function &function, bool has_self)
{
    call_plan plan;
    const auto &parameters = function.getSchema().arguments();
    plan.name = function.name();
    plan.function = &function;
    int n_texts = 0;
    for (std::size_t i = has_self ? 1 : 0; i < parameters.size(); i++) {
        wants w = wants_of(parameters[i], n_texts);
        n_texts += w == wants::keys || w == wants::args;
        bool takes = w == wants::tensor || w == wants::rest_as_list;
        if (plan.has_list && takes)
            throw std::invalid_argument(
                "function '" + plan.name + "': parameter '" + parameters[i].name() +
                "' comes after a list of tensors, which takes all the rest");
        plan.parameter.push_back(w);
        plan.has_list = plan.has_list || w == wants::rest_as_list;
        if (w != wants::tensor)
            continue;
        plan.n_tensor++;
        if (!parameters[i].default_value())
            plan.n_required = plan.n_tensor;
    }
    return plan;
}

// Outputs as far as they are known: a tuple has a length; a list only where the graph builds it.
int count_outputs(torch::jit::Function &function)
{
    const c10::Type &type = *function.getSchema().returns().at(0).type();
    if (type.kind() == c10::TypeKind::TupleType)
        return static_cast<int>(type.containedTypes().size());
    if (type.kind() != c10::TypeKind::ListType)
        return 1;
    std::shared_ptr<Graph> graph = torch::jit::toGraphFunction(function).graph();
    const torch::jit::Node *made_by = graph->outputs().at(0)->node();
    bool built_here = made_by->kind() == c10::prim::ListConstruct;
    return built_here ? static_cast<int>(made_by->inputs().size()) : 1;
}

void check_return_type(torch::jit::Function &function)
{
    const auto &returns = function.getSchema().returns();
    if (returns.size() != 1)
        throw std::invalid_argument("it returns nothing");
    c10::TypeKind kind = returns[0].type()->kind();
    if (kind != c10::TypeKind::TensorType && kind != c10::TypeKind::TupleType &&
        kind != c10::TypeKind::ListType && kind != c10::TypeKind::AnyType)
        throw std::invalid_argument(
            "it returns " + returns[0].type()->str() +
            "; Weir takes a tensor, a tuple or a list of tensors");
}

// What a parameter is known to be: rank -1 and the parameters' type unless the file says more.
void describe(weir_io *io, const std::string &name, const c10::Type *type,
              weir_dtype dtype)
{
    *io = weir_io{};
    std::snprintf(io->name, sizeof io->name, "%s", name.c_str());
    io->dtype = dtype;
    io->rank = -1;
    if (type == nullptr || !is_tensor(*type))
        return;
    const auto &tensor = static_cast<const c10::TensorType &>(*type);
    auto scalar = tensor.scalarType();
    if (scalar)
        from_torch(*scalar, &io->dtype);
    auto rank = tensor.dim();
    if (!rank || *rank > WEIR_RANK_MAX)
        return;
    io->rank = static_cast<int>(*rank);
    for (std::size_t i = 0; i < *rank; i++) {
        auto extent = tensor.sizes()[i];
        io->shape[i] = extent ? *extent : -1;
    }
}

std::string name_of(const weir_str *given, int n_given, int i,
                    const std::string &otherwise)
{
    return i < n_given && given[i].n > 0 ? text_of(given[i]) : otherwise;
}

void check_io_count(const char *what, int n)
{
    if (n > WEIR_IO_MAX)
        throw std::invalid_argument("it has " + std::to_string(n) + " " + what +
                                    ", at most " + std::to_string(int{WEIR_IO_MAX}) +
                                    " are possible");
}

// Element type of the first floating-point parameter: what a network most likely wants.
weir_dtype usual_dtype(const torch::jit::Module &module)
{
    weir_dtype dtype = WEIR_F32;
    for (const at::Tensor &p : module.parameters())
        if (c10::isFloatingType(p.scalar_type()) && from_torch(p.scalar_type(), &dtype))
            break;
    return dtype;
}

void describe_model(const wr_backend_model &m, const wr_load_args *args, weir_dtype dtype,
                    weir_model_info *info)
{
    const call_plan &plan = m.plans.at(0);
    const auto &parameters = plan.function->getSchema().arguments();
    int n_out = count_outputs(*plan.function), n_in = 0;
    for (std::size_t i = 0; i < plan.parameter.size(); i++)
        if (plan.parameter[i] == wants::tensor ||
            plan.parameter[i] == wants::rest_as_list)
            n_in++;
    check_io_count("inputs", n_in);
    check_io_count("outputs", n_out);
    info->n_in = 0;
    for (std::size_t i = 0; i < plan.parameter.size(); i++) {
        if (plan.parameter[i] != wants::tensor &&
            plan.parameter[i] != wants::rest_as_list)
            continue;
        const c10::Argument &a = parameters.at(i + 1); // 0 is self
        int k = info->n_in++;
        describe(&info->in[k], name_of(args->inputs, args->n_inputs, k, a.name()),
                 a.type().get(), dtype);
    }
    info->n_out = n_out;
    for (int k = 0; k < n_out; k++) {
        std::string name = n_out == 1 ? "output" : "output" + std::to_string(k);
        describe(&info->out[k], name_of(args->outputs, args->n_outputs, k, name), nullptr,
                 dtype);
    }
}

// Frozen: weights become constants, which folds normalisations into convolutions. A module that
// freezing can't take runs as it is.
void freeze(wr_backend_model *m)
{
    try {
        if (m->module.is_training()) {
            m->not_frozen = "a part of it stays in training mode";
            return;
        }
        m->module = torch::jit::freeze(m->module);
    } catch (...) {
        bool no_memory;
        m->not_frozen = text_of_exception(&no_memory);
    }
}

c10::Device device_of(const wr_load_args *args)
{
    weir_device d = args->device;
    if (d.kind == 0 || d.kind == WEIR_CPU)
        return c10::Device(c10::kCPU);
    if (!at::globalContext().hasCUDA())
        throw std::invalid_argument(
            "device " + std::to_string(int{d.kind}) + ":" + std::to_string(d.index) +
            " was asked for, but this libtorch sees no GPU; use the host");
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(d.index));
}

void load_module(wr_backend_model *m, const wr_load_args *args, weir_model_info *info)
{
    bytes_in_memory bytes(args->blob, args->n_blob);
    std::istream stream(&bytes);
    m->module = torch::jit::load(stream, m->device);
    m->module.eval();
    if (!m->module.find_method("forward"))
        throw std::invalid_argument("the module has no method 'forward'");
    info->n_parameters = 0;
    for (const at::Tensor &p : m->module.parameters())
        info->n_parameters += p.numel();
    weir_dtype dtype = usual_dtype(m->module);
    freeze(m);
    torch::jit::Function &forward = m->module.get_method("forward").function();
    check_return_type(forward);
    m->plans.push_back(plan_of(forward, true));
    info->writes_inputs = may_write_inputs(forward, true);
    describe_model(*m, args, dtype, info);
}

// A script's helpers may have any parameters: that they can't be called from outside shows when
// somebody tries, as in RedisAI.
call_plan plan_or_reason(torch::jit::Function &function)
{
    try {
        return plan_of(function, false);
    } catch (const std::invalid_argument &e) {
        call_plan plan;
        plan.name = function.name();
        plan.unsupported = e.what();
        return plan;
    }
}

// Is there such a function, and does it take what entry points get? RedisAI's sentences.
void check_entry_point(const torch::jit::CompilationUnit &unit, const std::string &name)
{
    const torch::jit::Function *function = nullptr;
    for (const torch::jit::Function *f : unit.get_functions())
        if (f->name() == name)
            function = f;
    if (function == nullptr)
        throw plain_error("Function " + name + " does not exist in the given script.");
    const auto &parameters = function->getSchema().arguments();
    if (parameters.size() != 3)
        throw plain_error("Wrong number of inputs in function " + name +
                          ". Expected 3 but was " + std::to_string(parameters.size()));
    if (!is_list_of(*parameters[0].type(), c10::TypeKind::TensorType) ||
        !is_list_of(*parameters[1].type(), c10::TypeKind::StringType) ||
        !is_list_of(*parameters[2].type(), c10::TypeKind::StringType))
        throw plain_error("Wrong inputs type in function " + name +
                          ". Expected signature similar to: def " + name +
                          "(tensors: List[Tensor], keys: List[str], args: List[str])");
}

void load_script(wr_backend_model *m, const wr_load_args *args, weir_model_info *info)
{
    std::string source(static_cast<const char *>(args->blob), args->n_blob);
    m->unit = compile_script(source);
    for (int i = 0; i < args->n_functions; i++)
        check_entry_point(*m->unit, text_of(args->functions[i]));
    info->n_parameters = 0;
    info->writes_inputs = false;
    for (torch::jit::Function *function : m->unit->get_functions()) {
        m->plans.push_back(plan_or_reason(*function));
        if (m->plans.back().unsupported.empty() && may_write_inputs(*function, false))
            info->writes_inputs = true;
    }
    if (m->plans.empty())
        throw std::invalid_argument("the script defines no function");
    info->is_script = true;
    info->n_in = info->n_out = 0;
}
} // namespace

std::string text_of_exception(bool *no_memory)
{
    *no_memory = false;
    try {
        throw;
    } catch (const std::bad_alloc &) {
        *no_memory = true;
        return "no memory";
    } catch (const c10::Error &e) {
        std::string text = e.what_without_backtrace();
        *no_memory = text.find("can't allocate memory") != std::string::npos ||
                     text.find("not enough memory") != std::string::npos;
        return short_text(text);
    } catch (const plain_error &e) {
        return e.what();
    } catch (const std::exception &e) {
        return short_text(e.what());
    } catch (...) {
        return "an exception of unknown type";
    }
}

const char *torch_version_text() noexcept
{
    return TORCH_VERSION;
}

weir_status torch_load(wr_backend_model **out, const wr_load_args *args,
                       weir_model_info *info, weir_error *err) noexcept
{
    const char *what = args->is_script ? "script" : "model";
    int n_name = args->name.n > 60 ? 60 : static_cast<int>(args->name.n);
    const char *p_name = args->name.n == 0 ? "" : args->name.p;
    try {
        std::unique_ptr<wr_backend_model> m(new wr_backend_model);
        weir_model_info found = *info;
        quiet_scope quiet;
        m->name = text_of(args->name).substr(0, 60);
        m->is_script = args->is_script;
        m->threads = std::max(1, std::min(args->threads, host->threads));
        m->device = device_of(args);
        threads_scope threads(m->threads);
        if (args->is_script)
            load_script(m.get(), args, &found);
        else
            load_module(m.get(), args, &found);
        *info = found;
        *out = m.release();
        return WEIR_OK;
    } catch (...) {
        bool no_memory = false;
        std::string text, file;
        try {
            text = text_of_exception(&no_memory);
            if (!args->is_script && !no_memory)
                file = what_file_is(args->blob, args->n_blob);
        } catch (...) {
            no_memory = true;
        }
        if (no_memory)
            return host->fail(err, WEIR_ERR_NOMEM,
                              "torch: %s '%.*s': no memory to load %zu bytes", what,
                              n_name, p_name, args->n_blob);
        if (!file.empty())
            return host->fail(
                err, WEIR_ERR_MODEL,
                "torch: model '%.*s' (%zu bytes) is not TorchScript: %s (libtorch: %s)",
                n_name, p_name, args->n_blob, file.c_str(), text.c_str());
        return host->fail(err, WEIR_ERR_MODEL, "torch: %s '%.*s': %s", what, n_name,
                          p_name, text.c_str());
    }
}

void torch_unload(wr_backend_model *m) noexcept
{
    try {
        delete m;
    } catch (...) {
        // A destructor of libtorch that throws leaves nothing to be done.
    }
}
