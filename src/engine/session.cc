// Session: a sequence of tokens, its KV cache and the memory of its forward passes.
#include <algorithm>
#include <chrono>

#include "base/str_cat.h"
#include "engine/model_parts.h"

namespace pipit {

struct Session::State {
  std::shared_ptr<const Model> model;
  size_t n_ctx;
  size_t n_past = 0;
  KvCache kv;
  Workspace workspace;
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model,
                                                 const SessionOptions& options) {
  const Model::Parts& parts = model->parts();
  if (options.n_ctx > kMaxContext) {
    return Status(StatusCode::kInvalidArgument,
                  str_cat("'n_ctx' is ", options.n_ctx, "; it may be 1 to ", kMaxContext,
                          ", or 0 for the model's own."));
  }
  const size_t n_ctx = options.n_ctx == 0 ? parts.config.n_ctx_train : options.n_ctx;
  PIPIT_ASSIGN_OR_RETURN(Workspace workspace,
                         Workspace::create(parts.config, parts.weights, *parts.kernels));
  auto state = std::make_unique<State>(State{.model = std::move(model),
                                             .n_ctx = n_ctx,
                                             .kv = KvCache(parts.config, parts.kv_type),
                                             .workspace = std::move(workspace)});
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

const Model& Session::model() const { return *state_->model; }
size_t Session::n_ctx() const { return state_->n_ctx; }
size_t Session::n_past() const { return state_->n_past; }
size_t Session::max_batch() { return kMaxBatch; }
std::span<const float> Session::logits() const { return state_->workspace.logits.span(); }
uint64_t Session::kv_bytes() const { return state_->kv.bytes(); }

Status Session::append(std::span<const int32_t> tokens, LogitRows rows) {
  State& s = *state_;
  const Model::Parts& parts = s.model->parts();
  if (tokens.empty() || tokens.size() > kMaxBatch) {
    return {StatusCode::kInvalidArgument,
            str_cat("A pass takes 1 to ", kMaxBatch, " tokens; these are ", tokens.size(), ".")};
  }
  for (const int32_t token : tokens) {
    if (token < 0 || static_cast<uint32_t>(token) >= parts.config.n_vocab) {
      return {StatusCode::kInvalidArgument,
              str_cat("Token id ", token, " is not in the vocabulary, 0 to ",
                      parts.config.n_vocab - 1, ".")};
    }
  }
  if (tokens.size() > s.n_ctx - s.n_past) {
    return {StatusCode::kContextFull,
            str_cat(tokens.size(), " more tokens do not fit: the context holds ", s.n_ctx,
                    " and has ", s.n_past, ".")};
  }
  const Compute compute = {*parts.kernels, *parts.pool};
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  s.workspace.activations.n_streams = parts.streams.n_streams();
  PIPIT_RETURN_IF_ERROR(parts.architecture->forward(parts.config, parts.weights, compute, tokens,
                                                    s.n_past, rows, s.kv, s.workspace));
  if (tokens.size() == 1) parts.streams.took(Clock::now() - start);
  s.n_past += tokens.size();
  return ok_status();
}

}  // namespace pipit
