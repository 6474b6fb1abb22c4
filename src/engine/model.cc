// Loading: header, then hyper-parameters and tokenizer, then weights, all from one pass over the
// bytes.
#include <optional>

#include "engine/model_parts.h"
#include "io/byte_stream.h"
#include "kernels/select.h"
#include "model/weights.h"
#include "tokenizer/sentencepiece/model_file.h"

namespace pipit {
namespace {

const char* pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kCls:
      return "cls";
    case Pooling::kLast:
      return "last";
  }
  return "";
}

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
  info.rope_freq_base = c.ropes[0].freq_base;
  info.n_window = c.n_window();
  info.makes_text = c.makes_text();
  if (c.pooling) info.pooling = pooling_name(*c.pooling);
  return info;
}

}  // namespace

Status check_tokens(std::span<const int32_t> tokens, uint32_t n_vocab) {
  for (const int32_t token : tokens) {
    if (token >= 0 && static_cast<uint32_t>(token) < n_vocab) continue;
    return {
        StatusCode::kInvalidArgument,
        str_cat("Token id ", token, " is not in the vocabulary, 0 to ", int64_t{n_vocab} - 1, ".")};
  }
  return ok_status();
}

Model::Model(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Model::~Model() = default;
const ModelInfo& Model::info() const { return parts_->info; }
const Gguf& Model::gguf() const { return *parts_->gguf; }
const HeadCounts& Model::head_counts() const { return parts_->head.counts(); }
const Tokenizer& Model::tokenizer() const { return *parts_->tokenizer; }

// The files of a split model, by the metadata of each (llama.cpp's gguf-split).
constexpr const char* kSplitNumber = "split.no";
constexpr const char* kSplitCount = "split.count";
constexpr const char* kSplitTensors = "split.tensors.count";

struct ModelLoader::State {
  GgufParser parser;  // of the file at hand
  std::unique_ptr<Model::Parts> parts = std::make_unique<Model::Parts>();
  uint64_t n_header_bytes = 0;                     // that the parser took
  bool has_header = false;                         // of the file at hand
  uint32_t file = 0;                               // its number, from 0
  uint32_t n_files = 1;                            // by the first file
  uint64_t n_tensors = 0;                          // in the files so far
  std::vector<std::unique_ptr<Gguf>> others = {};  // the headers of all files but the first
  std::optional<WeightLoader> weights = {};        // once the first header is whole
  std::optional<KvType> kv_type = {};              // none: the family's
  Status error = {};                               // of a feed; it stays

  Status check_usable() const;
  Status feed(std::span<const uint8_t> bytes);
  Status begin_file();
  Status begin_model();
  Status check_split(const Gguf& gguf);
  Status end_file();
  Status next_file(uint64_t file_size);
};

// A file's header is whole.
Status ModelLoader::State::begin_file() {
  PIPIT_ASSIGN_OR_RETURN(std::unique_ptr<Gguf> gguf, parser.finish());
  has_header = true;
  PIPIT_RETURN_IF_ERROR(check_split(*gguf));
  const Gguf& header = *gguf;
  if (file == 0) {
    parts->gguf = std::move(gguf);
    PIPIT_RETURN_IF_ERROR(begin_model());
  } else {
    others.push_back(std::move(gguf));
  }
  PIPIT_RETURN_IF_ERROR(weights->begin_file(header, n_header_bytes, file + 1 == n_files));
  parts->info.weight_bytes = weights->packed_bytes();
  return ok_status();
}

// That the file at hand is the one that has to come now.
Status ModelLoader::State::check_split(const Gguf& gguf) {
  PIPIT_ASSIGN_OR_RETURN(const uint32_t number, gguf.get_u32(kSplitNumber, 0));
  PIPIT_ASSIGN_OR_RETURN(uint32_t count, gguf.get_u32(kSplitCount, 1));
  count = std::max(count, 1u);
  if (file == 0) n_files = count;
  if (number != file || count != n_files) {
    return {StatusCode::kInvalidFile,
            str_cat("By its metadata this is file ", uint64_t{number} + 1, " of ", count,
                    " of a split model, but file ", file + 1, " of ", n_files,
                    " was expected. Give all files of one model, in order.")};
  }
  n_tensors += gguf.tensors().size();
  if (file + 1 < n_files) return ok_status();
  const auto n_all = static_cast<uint32_t>(n_tensors);  // each file's are limited
  PIPIT_ASSIGN_OR_RETURN(const uint32_t claimed, gguf.get_u32(kSplitTensors, n_all));
  if (claimed == n_all) return ok_status();
  return {StatusCode::kInvalidFile,
          str_cat("The files have ", n_all, " tensors, but by '", kSplitTensors, "' the model has ",
                  claimed, ". They do not belong together, or one is damaged.")};
}

// The first header is whole: checks it and finds out what the weights will be.
Status ModelLoader::State::begin_model() {
  const Gguf& gguf = *parts->gguf;
  PIPIT_ASSIGN_OR_RETURN(const std::string_view architecture,
                         gguf.get_string("general.architecture"));
  PIPIT_ASSIGN_OR_RETURN(parts->architecture, find_architecture(architecture));
  PIPIT_ASSIGN_OR_RETURN(parts->config, read_config(*parts->architecture, gguf));
  parts->kv_type = kv_type.value_or(parts->config.traits.kv_type);
  const bool is_given = parts->tokenizer != nullptr;
  if (!is_given) {
    PIPIT_ASSIGN_OR_RETURN(parts->tokenizer, Tokenizer::create(gguf));
  }
  if (parts->tokenizer->n_vocab() != static_cast<int32_t>(parts->config.n_vocab)) {
    return {is_given ? StatusCode::kInvalidArgument : StatusCode::kInvalidFile,
            str_cat(is_given ? "The given tokenizer has " : "The tokenizer has ",
                    parts->tokenizer->n_vocab(), " tokens, but 'token_embd.weight' has ",
                    parts->config.n_vocab, " rows. They must be as many.")};
  }
  parts->weights.layers.resize(parts->config.n_layer);
  weights.emplace(list_tensors(parts->config, parts->weights), *parts->kernels);
  parts->info = describe(*parts);
  return ok_status();
}

Status ModelLoader::State::feed(std::span<const uint8_t> bytes) {
  if (!has_header) {
    PIPIT_ASSIGN_OR_RETURN(const size_t n_used, parser.feed(bytes));
    n_header_bytes += n_used;
    if (!parser.done()) return ok_status();
    bytes = bytes.subspan(n_used);
    PIPIT_RETURN_IF_ERROR(begin_file());
  }
  return weights->feed(bytes);
}

Status ModelLoader::State::end_file() {
  if (!has_header) return parser.finish().status();
  return weights->end_file();
}

Status ModelLoader::State::next_file(uint64_t file_size) {
  PIPIT_RETURN_IF_ERROR(end_file());
  if (++file == n_files) {
    return {StatusCode::kInvalidArgument,
            str_cat("There is a file too many: by its metadata the model has ", n_files, ".")};
  }
  parser = GgufParser(file_size, supported_format_names());
  n_header_bytes = 0;
  has_header = false;
  return ok_status();
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
  PIPIT_ASSIGN_OR_RETURN(state->kv_type, find_kv_type(options.kv_type));
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

Status ModelLoader::use_tokenizer(std::span<const uint8_t> tokenizer_model) {
  PIPIT_RETURN_IF_ERROR(state_->check_usable());
  Model::Parts& parts = *state_->parts;
  PIPIT_ASSIGN_OR_RETURN(parts.tokenizer_file, read_sentencepiece_file(tokenizer_model));
  PIPIT_ASSIGN_OR_RETURN(parts.tokenizer, Tokenizer::create(*parts.tokenizer_file));
  return ok_status();
}

Status ModelLoader::next_file(uint64_t file_size) {
  PIPIT_RETURN_IF_ERROR(state_->check_usable());
  state_->error = state_->next_file(file_size);
  return state_->error;
}

Result<std::shared_ptr<const Model>> ModelLoader::finish() {
  PIPIT_RETURN_IF_ERROR(state_->check_usable());
  PIPIT_RETURN_IF_ERROR(state_->end_file());
  if (state_->file + 1 < state_->n_files) {
    return Status(StatusCode::kInvalidArgument,
                  str_cat("This model is split into ", state_->n_files, " files, of which ",
                          state_->file + 1, " came. Give all of them, in order."));
  }
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
