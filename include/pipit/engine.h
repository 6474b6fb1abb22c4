// The engine: load a model from bytes in any portions, tokenize, compute, generate.
//
//   auto loader = ModelLoader::create({}, file_size);
//   loader->feed(bytes);                                 // until the file ends
//   auto model = loader->finish();
//   auto session = Session::create(*model, {});
//   auto generation = Generation::create(**session, prompt_tokens, options);
//   while (true) {
//     auto step = (*generation)->step();                 // step->text
//     if (step->phase == GenerationPhase::kEnd) break;
//   }
//
// Nothing here throws, prints or aborts; every call returns after one chunk of work. The threads
// that LoadOptions ask for live as long as the model and work only during calls.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

class Gguf;
class Tokenizer;
struct KernelSet;

// How a kernel set did when the one in use was chosen.
struct KernelTrialInfo {
  std::string name;
  bool is_correct;
  double gmacs;  // 4-bit multiply-adds a nanosecond; 0: not timed
};

struct ModelInfo {
  std::string architecture;
  std::string name;           // general.name; may be empty
  std::string chat_template;  // Jinja; empty when the file has none
  std::string kernels;        // the kernel set in use
  std::vector<KernelTrialInfo> kernel_trials;
  std::string kv_type;    // of the KV cache: "f32", "f16", "int8"
  std::string tokenizer;  // "bpe/smollm"
  uint32_t n_layer = 0;
  uint32_t n_embd = 0;
  uint32_t n_head = 0;
  uint32_t n_head_kv = 0;
  uint32_t head_dim = 0;
  uint32_t n_ff = 0;
  uint32_t n_vocab = 0;
  uint32_t n_ctx_train = 0;
  float rope_freq_base = 0;
  uint32_t n_threads = 1;
  uint64_t weight_bytes = 0;  // as packed in memory
};

// A loaded model: weights, tokenizer, hyper-parameters. Immutable; shared by its sessions.
class Model {
 public:
  struct Parts;
  explicit Model(std::unique_ptr<Parts> parts);
  ~Model();

  const ModelInfo& info() const;
  const Gguf& gguf() const;
  const Tokenizer& tokenizer() const;
  const Parts& parts() const { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

// Takes a GGUF file's bytes in order, in portions of any size, and packs the weights as they come.
class ModelLoader {
 public:
  // `file_size` in bytes, 0 when unknown. Errors: kNotFound (kernel set), kInvalidArgument
  // (n_threads), kUnsupported (threads, in a build without), kOutOfMemory (the threads).
  static Result<ModelLoader> create(const LoadOptions& options, uint64_t file_size);
  ModelLoader(ModelLoader&&) noexcept;
  ModelLoader& operator=(ModelLoader&&) noexcept;
  ~ModelLoader();

  // Errors: kInvalidFile, kUnsupported, kLimitExceeded, kOutOfMemory; then the loader is of no
  // further use.
  Status feed(std::span<const uint8_t> bytes);

  // Between two files of a split model: what is fed next belongs to the next one, of `file_size`
  // bytes (0: unknown). Errors: kTruncated (the one before is incomplete), kInvalidArgument (there
  // are no more).
  Status next_file(uint64_t file_size);

  // After the last byte, and only once. Errors: kTruncated, kInvalidArgument (the model is taken,
  // or files are missing).
  Result<std::shared_ptr<const Model>> finish();

 private:
  struct State;
  explicit ModelLoader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Loads a file. Errors: those of ModelLoader, kNotFound, kIo.
Result<std::shared_ptr<const Model>> load_model(const std::string& path,
                                                const LoadOptions& options = {});

// One sequence of tokens with its KV cache.
class Session {
 public:
  // Errors: kInvalidArgument (n_ctx beyond what pipit accepts), kOutOfMemory.
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model,
                                                 const SessionOptions& options);
  ~Session();

  const Model& model() const;
  size_t n_ctx() const;   // the most tokens the sequence may have
  size_t n_past() const;  // the tokens it has

  // Appends and computes 1 … max_batch() tokens. Errors: kInvalidArgument (a token id, the number
  // of tokens), kContextFull, kOutOfMemory; the sequence then is as before.
  Status append(std::span<const int32_t> tokens, LogitRows rows);
  static size_t max_batch();

  // Logits of the last append: [rows asked for, n_vocab].
  std::span<const float> logits() const;

  uint64_t kv_bytes() const;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class StopReason { kNone, kEndOfGeneration, kStopString, kMaxTokens, kContextFull };

// "eos", "stop", "length", "context"; "none" before the end.
const char* stop_reason_name(StopReason reason);

enum class GenerationPhase { kPrefill, kDecode, kEnd };

struct GenerationStep {
  GenerationPhase phase;
  size_t n_done = 0;           // kPrefill: prompt tokens computed so far
  size_t n_total = 0;          // kPrefill: prompt tokens
  int32_t token = -1;          // kDecode: the token drawn
  std::string_view text = {};  // kDecode, kEnd: UTF-8, whole characters; valid until the next step
  StopReason stop_reason = StopReason::kNone;  // kEnd
  int32_t stop_index = -1;  // kEnd by kStopString: which of GenerateOptions::stop
};

// Text from a prompt, one chunk of work a step: prefill chunks, then tokens, then the end.
class Generation {
 public:
  // `session` must outlive the generation and is appended to. Errors: kInvalidArgument (an option,
  // an empty prompt, a token id), kContextFull (the prompt is longer than the context),
  // kOutOfMemory.
  static Result<std::unique_ptr<Generation>> create(Session& session,
                                                    std::span<const int32_t> prompt,
                                                    const GenerateOptions& options);
  ~Generation();

  // After kEnd: kEnd again, without text. Errors: kOutOfMemory, kInvalidArgument (the options
  // forbid every token), kInternal; then the generation is of no further use and step() repeats the
  // error.
  Result<GenerationStep> step();

 private:
  struct State;
  explicit Generation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pipit
