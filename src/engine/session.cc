// Session: a sequence of tokens, its KV cache and the memory of its forward passes.
#include <algorithm>
#include <chrono>
#include <optional>

#include "base/str_cat.h"
#include "engine/model_parts.h"
#include "model/rope.h"

namespace pipit {
namespace {

// A part of a removal moves about so many positions of a head, some milliseconds' work.
constexpr size_t kPartMoves = 4096;

Status check_options(const SessionOptions& options, size_t n_ctx) {
  if (options.n_ctx > kMaxContext) {
    return {StatusCode::kInvalidArgument, str_cat("'n_ctx' is ", options.n_ctx, "; it may be 1 to ",
                                                  kMaxContext, ", or 0 for the model's own.")};
  }
  const int64_t most = int64_t(n_ctx) - 2;  // of two tokens behind them a slide drops one
  if (options.when_full == WhenFull::kSlide && most < 0) {
    return {StatusCode::kInvalidArgument,
            "'n_ctx' is 1; a session that slides needs 2 tokens or more."};
  }
  if (options.keep_tokens < 0 || options.keep_tokens > std::max<int64_t>(most, 0)) {
    return {StatusCode::kInvalidArgument,
            str_cat("'keep_tokens' is ", options.keep_tokens, "; it may be 0 to ",
                    std::max<int64_t>(most, 0), " in a context of ", n_ctx, " tokens.")};
  }
  return ok_status();
}

}  // namespace

struct Session::State {
  // What turns a key back by the tokens that a removal takes from in front of it.
  struct RopeShift {
    Array<float> cos;  // [n_rot / 2]
    Array<float> sin;
  };

  std::shared_ptr<const Model> model;
  size_t n_ctx;
  bool slides;
  size_t n_keep;
  Array<int32_t> tokens = {};  // [n_past]
  KvCache kv;
  Workspace workspace;
  std::vector<RopeShift> shifts = {};  // of Config::ropes, of the removal that is under way
  // Of an append or a removal that is under way; 0: none is.
  size_t n_layers_done = 0;
  // Where the removal under way begins; what stands from there on is in disorder.
  std::optional<size_t> removal = {};

  Status check_removal(size_t first, size_t n) const;
  Status begin_shift(size_t n);
  KeyTurn key_turn(size_t layer) const;
};

Status Session::State::check_removal(size_t first, size_t n) const {
  if (n > tokens.size() || first > tokens.size() - n) {
    return {StatusCode::kInvalidArgument,
            str_cat("There are no ", n, " tokens at position ", first,
                    " that could be removed: the sequence has ", tokens.size(), ".")};
  }
  if (!kv.can_remove(first, n, tokens.size())) {
    return {StatusCode::kInvalidArgument,
            str_cat("Without ", n, " tokens at position ", first, ", a sliding window of ",
                    model->parts().config.n_window(),
                    " reaches back to tokens that its layers no longer have.")};
  }
  return ok_status();
}

// Prepares `shifts` for keys that move down by n positions.
Status Session::State::begin_shift(size_t n) {
  shifts.clear();
  for (const RopeTable& rope : workspace.ropes) {
    RopeShift& shift = shifts.emplace_back();
    PIPIT_RETURN_IF_ERROR(shift.cos.resize(rope.freq.size()));
    PIPIT_RETURN_IF_ERROR(shift.sin.resize(rope.freq.size()));
    compute_rope_shift(rope.freq.span(), n, shift.cos.data(), shift.sin.data());
  }
  return ok_status();
}

KeyTurn Session::State::key_turn(size_t layer) const {
  const Config& config = model->parts().config;
  const uint32_t rope = config.layers[layer].rope;
  const bool has_rope = rope != LayerConfig::kNoRope;
  return {.kernels = *model->parts().kernels,
          .pairs = config.traits.rope_pairs,
          .n_rot = has_rope ? config.n_rot : 0,
          .cos = has_rope ? shifts[rope].cos.data() : nullptr,
          .sin = has_rope ? shifts[rope].sin.data() : nullptr};
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Model> model,
                                                 const SessionOptions& options) {
  const Model::Parts& parts = model->parts();
  if (!parts.config.makes_text()) {
    return Status(StatusCode::kUnsupported,
                  str_cat("This is an embedding model (", parts.architecture->name,
                          "): it makes vectors of texts, and no text. Use embed(), or load a "
                          "language model."));
  }
  const size_t n_ctx = options.n_ctx == 0 ? parts.config.n_ctx_train : options.n_ctx;
  PIPIT_RETURN_IF_ERROR(check_options(options, n_ctx));
  const auto n_keep = static_cast<size_t>(options.keep_tokens);
  PIPIT_ASSIGN_OR_RETURN(Workspace workspace,
                         Workspace::create(parts.config, parts.weights, *parts.kernels, n_ctx));
  // Where a window reaches back to the kept tokens after a slide, all layers keep all.
  const bool slides = options.when_full == WhenFull::kSlide;
  const bool needs_kept = slides && (n_ctx + n_keep + 1) / 2 < n_keep + parts.config.n_window();
  const size_t n_spare = needs_kept ? n_ctx : KvCache::kSparePositions;
  auto state = std::make_unique<State>(State{.model = std::move(model),
                                             .n_ctx = n_ctx,
                                             .slides = slides,
                                             .n_keep = n_keep,
                                             .kv = KvCache(parts.config, parts.kv_type, n_spare),
                                             .workspace = std::move(workspace)});
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

const Model& Session::model() const { return *state_->model; }
size_t Session::n_ctx() const { return state_->n_ctx; }
std::span<const int32_t> Session::tokens() const { return state_->tokens.span(); }
size_t Session::max_batch() { return kMaxBatch; }
std::span<const float> Session::logits() const { return state_->workspace.logits.span(); }
bool Session::slides() const { return state_->slides; }
size_t Session::n_keep() const { return state_->n_keep; }
size_t Session::n_slide() const { return (state_->n_ctx - state_->n_keep) / 2; }
uint64_t Session::kv_bytes() const { return state_->kv.bytes(); }

void Session::rewind(size_t n) {
  State& s = *state_;
  s.n_layers_done = 0;
  if (s.removal) n = std::min(n, *s.removal);
  s.removal.reset();
  s.tokens.truncate(s.kv.has(std::min(n, n_past())) ? n : 0);
  s.kv.truncate(s.tokens.size());
}

Status Session::append(std::span<const int32_t> tokens, LogitRows rows, const TopLogits* top) {
  state_->n_layers_done = 0;
  while (true) {
    PIPIT_ASSIGN_OR_RETURN(const bool done, append_part(tokens, rows, top));
    if (done) return ok_status();
  }
}

Result<bool> Session::append_part(std::span<const int32_t> tokens, LogitRows rows,
                                  const TopLogits* top) {
  State& s = *state_;
  const Model::Parts& parts = s.model->parts();
  if (s.removal) rewind(s.tokens.size());
  if (tokens.empty() || tokens.size() > kMaxBatch) {
    return Status(StatusCode::kInvalidArgument, str_cat("A pass takes 1 to ", kMaxBatch,
                                                        " tokens; these are ", tokens.size(), "."));
  }
  PIPIT_RETURN_IF_ERROR(check_tokens(tokens, parts.config.n_vocab));
  if (tokens.size() > s.n_ctx - n_past()) {
    return Status(StatusCode::kContextFull,
                  str_cat(tokens.size(), " more tokens do not fit: the context holds ", s.n_ctx,
                          " and has ", n_past(), "."));
  }
  const size_t n_layer = parts.config.n_layer;
  const size_t n_layers = (n_layer * kPartTokens + tokens.size() - 1) / tokens.size();
  const size_t first = s.n_layers_done;
  const size_t last = std::min(n_layer, first + n_layers);
  const Compute compute = {*parts.kernels, *parts.pool};
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  s.workspace.activations.n_streams = parts.streams.n_streams();
  const bool is_top = top != nullptr && rows == LogitRows::kLast && parts.head.tries_two_steps();
  PIPIT_RETURN_IF_ERROR(forward(parts.config, parts.weights, compute,
                                {tokens, n_past(), rows, is_top ? top : nullptr}, first, last, s.kv,
                                s.workspace));
  if (tokens.size() == 1) parts.streams.took(Clock::now() - start);  // a single token has one part
  s.n_layers_done = last < n_layer ? last : 0;
  if (last < n_layer) return false;
  if (rows == LogitRows::kLast) parts.head.took(s.workspace.head.result);
  PIPIT_RETURN_IF_ERROR(s.tokens.append(tokens));
  return true;
}

bool Session::can_remove(size_t first, size_t n) const {
  return state_->check_removal(first, n).ok();
}

Result<bool> Session::remove_part(size_t first, size_t n) {
  State& s = *state_;
  const Model::Parts& parts = s.model->parts();
  const Config& config = parts.config;
  if (!s.removal) {
    PIPIT_RETURN_IF_ERROR(s.check_removal(first, n));
    rewind(n_past());
    PIPIT_RETURN_IF_ERROR(s.begin_shift(n));
    s.kv.begin_remove(first, n);
    s.removal = first;
  }
  const size_t n_moves = (n_past() - first - n) * config.n_head_kv;  // a layer
  const size_t n_layers = std::min(config.n_layer - s.n_layers_done,
                                   std::max<size_t>(1, kPartMoves / std::max<size_t>(1, n_moves)));
  parts.pool->run(n_layers * config.n_head_kv, [&](size_t task) {
    const size_t layer = s.n_layers_done + task / config.n_head_kv;
    s.kv.remove(layer, task % config.n_head_kv, first, n, n_past(), s.key_turn(layer));
  });
  s.n_layers_done += n_layers;
  if (s.n_layers_done < config.n_layer) return false;
  std::copy(s.tokens.begin() + first + n, s.tokens.end(), s.tokens.begin() + first);
  s.tokens.truncate(s.tokens.size() - n);
  s.removal.reset();
  rewind(s.tokens.size());
  return true;
}

}  // namespace pipit
