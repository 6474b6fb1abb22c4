// Loading: header, then hyper-parameters and tokenizer, then weights, all from one pass over the
// bytes.
#include <optional>

#include "engine/model_parts.h"
#include "io/byte_stream.h"
#include "kernels/select.h"
#include "model/weights.h"

namespace pipit {
namespace {

ModelInfo describe(const Model::Parts& parts) {
  const Config& c = parts.config;
  const auto text = [&](const char* key) {
    const auto value = parts.gguf->get_string(key, "");
    return value.ok() ? std::string(*value) : std::string();
  };
  ModelInfo info = parts.info;  // the kernel trials
  info.architecture = parts.architecture->name;
  info.name = text("general.name");
  info.chat_template = text("tokenizer.chat_template");
  info.kernels = parts.kernels->name;
  info.kv_type = kv_type_name(parts.kv_type);
  info.n_threads = static_cast<uint32_t>(parts.pool->n_threads());
  info.tokenizer = parts.tokenizer->name();
  info.n_layer = c.n_layer;
  info.n_embd = c.n_embd;
  info.n_head = c.n_head;
  info.n_head_kv = c.n_head_kv;
  info.head_dim = c.head_dim;
  info.n_ff = c.n_ff;
  info.n_vocab = c.n_vocab;
  info.n_ctx_train = c.n_ctx_train;
  info.rope_freq_base = c.rope_freq_base;
  return info;
}

}  // namespace

Model::Model(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Model::~Model() = default;
const ModelInfo& Model::info() const { return parts_->info; }
const Gguf& Model::gguf() const { return *parts_->gguf; }
const Tokenizer& Model::tokenizer() const { return *parts_->tokenizer; }

struct ModelLoader::State {
  GgufParser parser;
  std::unique_ptr<Model::Parts> parts = std::make_unique<Model::Parts>();
  uint64_t n_header_bytes = 0;               // that the parser took
  std::optional<WeightLoader> weights = {};  // once the header is whole
  Status error = {};                         // of a feed; it stays

  Status check_usable() const;
  Status feed(std::span<const uint8_t> bytes);
  Status begin_weights();
};

// The header is whole: checks it and makes room for the weights.
Status ModelLoader::State::begin_weights() {
  PIPIT_ASSIGN_OR_RETURN(parts->gguf, parser.finish());
  const Gguf& gguf = *parts->gguf;
  PIPIT_ASSIGN_OR_RETURN(const std::string_view architecture,
                         gguf.get_string("general.architecture"));
  PIPIT_ASSIGN_OR_RETURN(parts->architecture, find_architecture(architecture));
  PIPIT_ASSIGN_OR_RETURN(parts->config, parts->architecture->read_config(gguf, architecture));
  PIPIT_ASSIGN_OR_RETURN(parts->tokenizer, Tokenizer::create(gguf));
  if (parts->tokenizer->n_vocab() != static_cast<int32_t>(parts->config.n_vocab)) {
    return {StatusCode::kInvalidFile,
            str_cat("The tokenizer has ", parts->tokenizer->n_vocab(),
                    " tokens, but 'token_embd.weight' has ", parts->config.n_vocab,
                    " rows. They must be as many.")};
  }
  parts->weights.layers.resize(parts->config.n_layer);
  PIPIT_ASSIGN_OR_RETURN(
      weights,
      WeightLoader::create(gguf, parts->architecture->tensors(parts->config, parts->weights),
                           *parts->kernels, n_header_bytes));
  parts->info = describe(*parts);
  parts->info.weight_bytes = weights->packed_bytes();
  return ok_status();
}

Status ModelLoader::State::feed(std::span<const uint8_t> bytes) {
  if (!weights) {
    PIPIT_ASSIGN_OR_RETURN(const size_t n_used, parser.feed(bytes));
    n_header_bytes += n_used;
    if (!parser.done()) return ok_status();
    bytes = bytes.subspan(n_used);
    PIPIT_RETURN_IF_ERROR(begin_weights());
  }
  return weights->feed(bytes);
}

ModelLoader::ModelLoader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModelLoader::ModelLoader(ModelLoader&&) noexcept = default;
ModelLoader& ModelLoader::operator=(ModelLoader&&) noexcept = default;
ModelLoader::~ModelLoader() = default;

Result<ModelLoader> ModelLoader::create(const LoadOptions& options, uint64_t file_size) {
  PIPIT_ASSIGN_OR_RETURN(const KernelChoice choice, choose_kernel_set(options.kernels));
  auto state =
      std::make_unique<State>(State{.parser = GgufParser(file_size, supported_format_names())});
  state->parts->kernels = choice.set;
  for (const KernelTrial& trial : choice.trials) {
    state->parts->info.kernel_trials.push_back({trial.set->name, trial.is_correct, trial.gmacs});
  }
  PIPIT_ASSIGN_OR_RETURN(state->parts->kv_type, find_kv_type(options.kv_type));
  PIPIT_ASSIGN_OR_RETURN(state->parts->pool, ThreadPool::create(options.n_threads));
  return ModelLoader(std::move(state));
}

Status ModelLoader::State::check_usable() const {
  if (parts == nullptr) {
    return {StatusCode::kInvalidArgument,
            "The loader has given its model. Start another one for another model."};
  }
  return error;
}

Status ModelLoader::feed(std::span<const uint8_t> bytes) {
  PIPIT_RETURN_IF_ERROR(state_->check_usable());
  state_->error = state_->feed(bytes);
  return state_->error;
}

Result<std::shared_ptr<const Model>> ModelLoader::finish() {
  PIPIT_RETURN_IF_ERROR(state_->check_usable());
  if (!state_->weights) return state_->parser.finish().status();  // the header is not whole
  PIPIT_RETURN_IF_ERROR(state_->weights->finish());
  return std::make_shared<const Model>(std::move(state_->parts));
}

Result<std::shared_ptr<const Model>> load_model(const std::string& path,
                                                const LoadOptions& options) {
  constexpr size_t kChunkBytes = 1 << 20;
  PIPIT_ASSIGN_OR_RETURN(const auto stream, file_stream(path));
  PIPIT_ASSIGN_OR_RETURN(ModelLoader loader, ModelLoader::create(options, stream->size()));
  PIPIT_ASSIGN_OR_RETURN(auto chunk, Array<uint8_t>::make(kChunkBytes));
  while (true) {
    PIPIT_ASSIGN_OR_RETURN(const size_t n, stream->read(chunk.span()));
    if (n == 0) return loader.finish();
    PIPIT_RETURN_IF_ERROR(loader.feed(chunk.span().first(n)));
  }
}

}  // namespace pipit
