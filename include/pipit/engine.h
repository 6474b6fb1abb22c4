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
  std::string kv_type;     // of the KV cache: "f32", "f16", "int8"
  std::string tokenizer;   // "bpe/smollm"
  std::string pooling;     // for embeddings: "mean", "cls", "last"; empty where the file has none
  bool makes_text = true;  // false: an embedding model, for Embedding alone
  uint32_t n_layer = 0;
  uint32_t n_embd = 0;
  uint32_t n_head = 0;
  uint32_t n_head_kv = 0;
  uint32_t head_dim = 0;
  uint32_t n_ff = 0;
  uint32_t n_vocab = 0;
  uint32_t n_ctx_train = 0;
  uint32_t n_window = 0;  // positions that layers with a sliding window see; 0: there are none
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
  const HeadCounts& head_counts() const;
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

  // Takes sentencepiece's tokenizer.model in place of the file's own vocabulary; before the first
  // bytes. feed() refuses one that has not as many pieces as the model (kInvalidArgument). Errors:
  // kInvalidFile, kUnsupported, kLimitExceeded, kOutOfMemory.
  Status use_tokenizer(std::span<const uint8_t> tokenizer_model);

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

// One sequence of tokens with its KV cache. A model may have several sessions, whose calls may be
// interleaved.
class Session {
 public:
  // Errors: kInvalidArgument (n_ctx, keep_tokens), kUnsupported (a model that makes no text),
  // kOutOfMemory.
  static Result<std::unique_ptr<Session>> create(std::shared_ptr<const Model> model,
                                                 const SessionOptions& options);
  ~Session();

  const Model& model() const;
  size_t n_ctx() const;                     // the most tokens the sequence may have
  std::span<const int32_t> tokens() const;  // the sequence
  size_t n_past() const { return tokens().size(); }

  // Appends and computes 1 … max_batch() tokens. Errors: kInvalidArgument (a token id, the number
  // of tokens), kContextFull, kOutOfMemory; the sequence then is as before.
  // With kLast and `top` the other logits may be -infinity.
  Status append(std::span<const int32_t> tokens, LogitRows rows, const TopLogits* top = nullptr);
  static size_t max_batch();

  // The same a part at a time, each about as long as a token or two take alone. False: there is
  // more to do, call it again with the same arguments; until then the sequence is as before.
  Result<bool> append_part(std::span<const int32_t> tokens, LogitRows rows,
                           const TopLogits* top = nullptr);

  // Logits of the last append: [rows asked for, n_vocab].
  std::span<const float> logits() const;

  // Forgets all but the first n tokens, and what append_part() or remove_part() have not finished;
  // all tokens where a layer with a window no longer has what the n-th one saw, which takes more
  // than a few hundred tokens back.
  void rewind(size_t n);

  // Forgets the tokens first … first + n - 1: the later ones move down, their keys turned back by
  // n positions. What is left is nearly what it would be without them: keys and values keep what
  // layers below have mixed in. In parts, as append_part(); rewinding an unfinished removal leaves
  // at most the first `first` tokens. Errors: kInvalidArgument (no such tokens, or not
  // can_remove()).
  Result<bool> remove_part(size_t first, size_t n);

  // Whether layers with a window would still have what the next token sees.
  bool can_remove(size_t first, size_t n) const;

  bool slides() const;     // SessionOptions::when_full
  size_t n_keep() const;   // tokens at the beginning that sliding keeps
  size_t n_slide() const;  // tokens behind them that one slide drops: half of what there may be

  uint64_t kv_bytes() const;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class StopReason { kNone, kEndOfGeneration, kStopString, kMaxTokens, kContextFull };

// "eos", "stop", "length", "context"; "none" before the end.
const char* stop_reason_name(StopReason reason);

// kSlide: the session makes room, which takes a few steps.
enum class GenerationPhase { kPrefill, kDecode, kSlide, kEnd };

struct GenerationStep {
  GenerationPhase phase;
  size_t n_done = 0;           // kPrefill: prompt tokens computed so far, or cached
  size_t n_total = 0;          // kPrefill: prompt tokens
  int32_t token = -1;          // kDecode: the token drawn
  std::string_view text = {};  // kDecode, kEnd: UTF-8, whole characters; valid until the next step
  // kDecode, if they were asked for: of the token drawn, then of the likeliest, best first; valid
  // until the next step.
  std::span<const TokenLogprob> logprobs = {};
  StopReason stop_reason = StopReason::kNone;  // kEnd
  int32_t stop_index = -1;  // kEnd by kStopString: which of GenerateOptions::stop
};

// Text from a prompt, one part of the work a step: the prompt, then tokens, then the end.
class Generation {
 public:
  // `session` must outlive the generation, which alone may change it meanwhile. Of its tokens those
  // that begin the prompt too are kept and not computed again. A prompt that is longer than the
  // context loses tokens as sliding would drop them. Errors: kInvalidArgument (an option, an empty
  // prompt, a token id), kContextFull (the prompt is longer than the context of a session that
  // does not slide), kOutOfMemory.
  static Result<std::unique_ptr<Generation>> create(Session& session,
                                                    std::span<const int32_t> prompt,
                                                    const GenerateOptions& options);
  ~Generation();

  size_t n_prompt() const;  // tokens of the prompt, without those that it lost
  size_t n_cached() const;  // of them those that the session had

  // After kEnd: kEnd again, without text. Errors: kOutOfMemory, kInvalidArgument (the options
  // forbid every token), kInternal; then the generation is of no further use and step() repeats the
  // error.
  Result<GenerationStep> step();

 private:
  struct State;
  explicit Generation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// How likely candidates are to follow a prompt, one part of the work a step. The prompt is computed
// once, and of it only what the session does not have; afterwards the session has the prompt.
class Scoring {
 public:
  // `session` as in Generation::create(). Errors: kInvalidArgument (an empty prompt or candidate, a
  // token id), kContextFull (prompt and candidate are longer than the context), kOutOfMemory.
  static Result<std::unique_ptr<Scoring>> create(Session& session, std::span<const int32_t> prompt,
                                                 std::vector<std::vector<int32_t>> candidates);
  ~Scoring();

  // True when all is computed. Errors: kOutOfMemory; then the scoring is of no further use.
  Result<bool> step();

  // [candidates] the sums of the log-probabilities of their tokens.
  std::span<const double> logprobs() const;

 private:
  struct State;
  explicit Scoring(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A text's vector, one part of the work a step. Texts with near meanings have vectors with near
// directions, in models that were trained for that.
class Embedding {
 public:
  // `tokens` as the tokenizer gives them with add_special. Errors: kInvalidArgument (no tokens, or
  // a token id), kContextFull (more tokens than the model was trained for), kUnsupported (neither
  // the file nor the options say how to pool), kOutOfMemory.
  static Result<std::unique_ptr<Embedding>> create(std::shared_ptr<const Model> model,
                                                   std::span<const int32_t> tokens,
                                                   const EmbedOptions& options);
  ~Embedding();

  // True when all is computed. Errors: kInternal (the vector is not finite); then step()
  // repeats the error.
  Result<bool> step();

  // [n_embd] of length 1, once all is computed.
  std::span<const float> vector() const;

 private:
  struct State;
  explicit Embedding(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pipit
