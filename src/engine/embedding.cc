// Embedding: a text's tokens through the encoder, and their vectors pooled into one.
#include <algorithm>
#include <cmath>

#include "base/str_cat.h"
#include "engine/model_parts.h"
#include "model/encoder.h"

namespace pipit {

struct Embedding::State {
  std::shared_ptr<const Model> model;
  Pooling pooling;
  size_t n_parts;  // of the encoder's that one step computes
  Encoder encoder;
  bool is_done = false;
  Status pooled = ok_status();
  Array<double> sums;   // [n_embd]
  Array<float> vector;  // [n_embd]

  Status pool();
};

Embedding::Embedding(std::unique_ptr<State> state) : state_(std::move(state)) {}
Embedding::~Embedding() = default;

Result<std::unique_ptr<Embedding>> Embedding::create(std::shared_ptr<const Model> model,
                                                     std::span<const int32_t> tokens,
                                                     const EmbedOptions& options) {
  const Model::Parts& parts = model->parts();
  const Config& config = parts.config;
  const std::optional<Pooling> pooling = options.pooling ? options.pooling : config.pooling;
  if (!pooling) {
    return Status(StatusCode::kUnsupported,
                  str_cat("The file does not say how the vectors of a text's tokens become one ('",
                          parts.architecture->name,
                          ".pooling_type'). Use an embedding model, or say it: pooling \"mean\", "
                          "\"cls\" or \"last\"."));
  }
  if (tokens.empty()) {
    return Status(StatusCode::kInvalidArgument, "The text has no tokens. Give at least one.");
  }
  if (tokens.size() > config.n_ctx_train) {
    return Status(StatusCode::kContextFull,
                  str_cat("The text has ", tokens.size(), " tokens, but the model takes at most ",
                          config.n_ctx_train, ". Shorten it, or embed its parts."));
  }
  PIPIT_RETURN_IF_ERROR(check_tokens(tokens, config.n_vocab));
  PIPIT_ASSIGN_OR_RETURN(Encoder encoder,
                         Encoder::create(config, parts.weights, *parts.kernels, tokens));
  // A part is half a layer's work.
  const size_t n_parts = 2 * config.n_layer * kPartTokens / std::min(kMaxBatch, tokens.size());
  auto state = std::make_unique<State>(State{.model = std::move(model),
                                             .pooling = *pooling,
                                             .n_parts = std::max<size_t>(1, n_parts),
                                             .encoder = std::move(encoder),
                                             .sums = {},
                                             .vector = {}});
  PIPIT_RETURN_IF_ERROR(state->sums.resize(config.n_embd));
  PIPIT_RETURN_IF_ERROR(state->vector.resize(config.n_embd));
  return std::unique_ptr<Embedding>(new Embedding(std::move(state)));
}

Result<bool> Embedding::step() {
  State& s = *state_;
  if (!s.is_done) {
    const Model::Parts& parts = s.model->parts();
    for (size_t i = 0; i < s.n_parts && !s.is_done; ++i) {
      s.is_done = s.encoder.step({*parts.kernels, *parts.pool}, parts.streams.n_streams());
    }
    if (s.is_done) s.pooled = s.pool();
  }
  PIPIT_RETURN_IF_ERROR(s.pooled);
  return s.is_done;
}

std::span<const float> Embedding::vector() const { return state_->vector.span(); }

Status Embedding::State::pool() {
  const std::span<const float> vectors = encoder.vectors();
  const size_t n = vector.size();
  const size_t n_tokens = vectors.size() / n;
  const size_t first = pooling == Pooling::kLast ? n_tokens - 1 : 0;
  const size_t end = pooling == Pooling::kCls ? 1 : n_tokens;
  for (size_t t = first; t < end; ++t) {  // row by row, as they lie in memory
    for (size_t i = 0; i < n; ++i) sums[i] += double{vectors[t * n + i]};
  }
  double squares = 0;
  for (size_t i = 0; i < n; ++i) {
    vector[i] = static_cast<float>(sums[i] / static_cast<double>(end - first));
    squares += double{vector[i]} * double{vector[i]};
  }
  if (!std::isfinite(squares)) {
    return {StatusCode::kInternal,
            "The text's vector has elements that are no finite numbers. The model file may be "
            "damaged: download it again, or report this as a bug."};
  }
  // A vector of zeros has no direction, and stays.
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  for (float& x : vector) x = static_cast<float>(double{x} * scale);
  return ok_status();
}

}  // namespace pipit
