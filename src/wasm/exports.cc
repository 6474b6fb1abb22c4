// What JavaScript calls: the only file that knows Emscripten. One module instance holds one model
// and its sessions, which JavaScript knows by numbers.
//
// Every call returns a status code (its place in PIPIT_STATUS_CODES, 0 = ok). Its result, or the
// error's message, stands in the result buffer until the next call. Arguments of any length come
// through the input buffer. JSON requests and responses are described in web/src/engine.ts, which
// is the other side of this file.
#include <emscripten/emscripten.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/array.h"
#include "base/sha256.h"
#include "gguf/gguf.h"
#include "pipit/engine.h"
#include "quant/quantiser.h"
#include "tokenizer/tokenizer.h"
#include "wasm/requests.h"
#include "wasm/responses.h"

namespace pipit {
namespace {

// Logits of this many tokens are computed and handed over at a time: [n, n_vocab] floats.
constexpr size_t kLogitsBatch = 16;

// Each has a few megabytes of its own before its cache grows.
constexpr size_t kMaxSessions = 256;

// A session and the one thing at a time that it is asked for.
struct Slot {
  uint32_t number;
  std::unique_ptr<Session> session;
  std::unique_ptr<Generation> generation = {};  // refers to *session, as does the next
  std::vector<std::string> stops = {};          // of the generation
  std::unique_ptr<Scoring> scoring = {};
  Array<int32_t> logits_tokens = {};  // teacher-forced tokens

  void end() {
    generation.reset();
    scoring.reset();
    logits_tokens.clear();
  }
};

struct Instance {
  Array<uint8_t> input;
  Array<uint8_t> result;

  std::optional<ModelLoader> loader;
  std::optional<GgufParser> header_parser;  // in place of a loader, where only the header is wanted
  std::unique_ptr<Gguf> header;             // what it has read
  std::shared_ptr<const Model> model;
  std::unique_ptr<Embedding> embedding;  // the text at hand
  Sha256 hash;                           // of a file
  std::unique_ptr<Quantiser> quantiser;  // in place of a model

  std::vector<std::unique_ptr<Slot>> slots;
  uint32_t next_number = 1;  // none is used twice, so that a late call meets no stranger

  std::span<const uint8_t> input_bytes(uint32_t n) const {
    return input.span().first(std::min<size_t>(n, input.size()));
  }
  std::string_view input_text(uint32_t n) const {
    return {reinterpret_cast<const char*>(input.data()), std::min<size_t>(n, input.size())};
  }
};

Instance& instance() {
  static Instance the_instance;
  return the_instance;
}

Status set_result(std::span<const uint8_t> bytes) {
  Instance& self = instance();
  self.result.clear();
  return self.result.append(bytes);
}

Status set_result(std::string_view text) {
  return set_result({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// Ends a call: its status code, with the message in the result buffer when it failed.
int finish(const Status& status) {
  if (status.ok()) return 0;
  if (!set_result(status.message()).ok()) instance().result.clear();  // the code alone must do
  return static_cast<int>(status.code());
}

Status require_model() {
  if (instance().model != nullptr) return ok_status();
  return {StatusCode::kInvalidArgument, "No model is loaded. Load one first."};
}

Result<Slot*> find_slot(uint32_t number) {
  for (const std::unique_ptr<Slot>& slot : instance().slots) {
    if (slot->number == number) return slot.get();
  }
  return Status(StatusCode::kInvalidArgument,
                str_cat("There is no session ", number, ": it was disposed, or never created."));
}

Status load_begin(uint32_t n) {
  Instance& self = instance();
  if (self.loader || self.header_parser || self.model) {
    return {StatusCode::kInvalidArgument,
            "This instance has its model. Start another instance for another model."};
  }
  PIPIT_ASSIGN_OR_RETURN(const LoadRequest request, parse_load_request(self.input_text(n)));
  if (request.header_only) {
    self.header_parser.emplace(request.file_size);
    return ok_status();
  }
  PIPIT_ASSIGN_OR_RETURN(self.loader, ModelLoader::create(request.options, request.file_size));
  return ok_status();
}

Status load_tokenizer(uint32_t n) {
  Instance& self = instance();
  if (!self.loader) return {StatusCode::kInvalidArgument, "No load has begun. Begin one first."};
  return self.loader->use_tokenizer(self.input_bytes(n));
}

Status load_feed(uint32_t n) {
  Instance& self = instance();
  const std::span<const uint8_t> bytes = self.input_bytes(n);
  if (self.header_parser) {
    PIPIT_RETURN_IF_ERROR(self.header_parser->feed(bytes).status());
    if (self.header_parser->done()) {
      PIPIT_ASSIGN_OR_RETURN(self.header, self.header_parser->finish());
    }
  } else if (self.loader) {
    PIPIT_RETURN_IF_ERROR(self.loader->feed(bytes));
  } else {
    return {StatusCode::kInvalidArgument, "No load has begun. Begin one first."};
  }
  return set_result(self.header ? R"({"complete":true})" : R"({"complete":false})");
}

Status load_next(double file_size) {
  Instance& self = instance();
  if (!self.loader) return {StatusCode::kInvalidArgument, "No load has begun. Begin one first."};
  return self.loader->next_file(static_cast<uint64_t>(file_size));
}

Status load_end() {
  Instance& self = instance();
  if (!self.loader) return {StatusCode::kInvalidArgument, "No load has begun. Begin one first."};
  PIPIT_ASSIGN_OR_RETURN(self.model, self.loader->finish());
  self.loader.reset();
  self.input = {};
  return set_result(model_info_json(*self.model));
}

Status hash_update(uint32_t n) {
  instance().hash.update(instance().input_bytes(n));
  return ok_status();
}

Status hash_end() { return set_result(std::exchange(instance().hash, {}).digest()); }

Status describe() {
  Instance& self = instance();
  const Gguf* header = self.model ? &self.model->gguf() : self.header.get();
  if (header == nullptr && self.header_parser) return self.header_parser->finish().status();
  if (header == nullptr) return {StatusCode::kInvalidArgument, "No file was read. Load one first."};
  return set_result(header_json(*header));
}

Status quantise_begin(uint32_t n) {
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(const QuantiseRequest request, parse_quantise_request(self.input_text(n)));
  PIPIT_ASSIGN_OR_RETURN(self.quantiser,
                         Quantiser::create(request.type, request.file_size, request.n_threads));
  return ok_status();
}

Status require_quantiser() {
  if (instance().quantiser != nullptr) return ok_status();
  return {StatusCode::kInvalidArgument, "No quantising has begun. Begin one first."};
}

Status quantise_feed(uint32_t n) {
  PIPIT_RETURN_IF_ERROR(require_quantiser());
  Instance& self = instance();
  self.result.clear();
  return self.quantiser->feed(self.input_bytes(n), self.result);
}

Status quantise_end() {
  PIPIT_RETURN_IF_ERROR(require_quantiser());
  const std::unique_ptr<Quantiser> quantiser = std::move(instance().quantiser);
  PIPIT_RETURN_IF_ERROR(quantiser->finish());
  return set_result(quantised_json(quantiser->tensors()));
}

Status tokenize(uint32_t n, const EncodeOptions& options) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(const Array<Token> ids,
                         self.model->tokenizer().encode(self.input_text(n), options));
  return set_result(
      std::span(reinterpret_cast<const uint8_t*>(ids.data()), ids.size() * sizeof(Token)));
}

Status detokenize(uint32_t n, bool special) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  const Tokenizer& tokenizer = self.model->tokenizer();
  const auto* ids = reinterpret_cast<const Token*>(self.input.data());
  const size_t n_ids = std::min<size_t>(n, self.input.size()) / sizeof(Token);
  for (size_t i = 0; i < n_ids; ++i) {
    if (ids[i] < 0 || ids[i] >= tokenizer.n_vocab()) {
      return {StatusCode::kInvalidArgument,
              str_cat("Token id ", ids[i], " (number ", i + 1, " of ", n_ids,
                      ") is not in the vocabulary, 0 to ", tokenizer.n_vocab() - 1, ".")};
    }
  }
  PIPIT_ASSIGN_OR_RETURN(const Array<char> bytes, tokenizer.decode({ids, n_ids}, special));
  return set_result(
      {bytes.data(), bytes.size()});  // JavaScript's decoder turns what is no UTF-8 into U+FFFD
}

Status session_create(uint32_t n) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(const SessionOptions options, parse_session_request(self.input_text(n)));
  if (self.slots.size() == kMaxSessions) {
    return {StatusCode::kLimitExceeded,
            str_cat("There are ", kMaxSessions, " sessions already. Dispose of one first.")};
  }
  PIPIT_ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Session::create(self.model, options));
  const uint32_t number = self.next_number++;
  self.slots.push_back(
      std::make_unique<Slot>(Slot{.number = number, .session = std::move(session)}));
  return set_result(str_cat("{\"session\":", number, "}"));
}

Status session_dispose(uint32_t number) {
  PIPIT_RETURN_IF_ERROR(find_slot(number).status());
  std::erase_if(instance().slots, [&](const auto& slot) { return slot->number == number; });
  return ok_status();
}

Status generate_begin(uint32_t number, uint32_t n) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  PIPIT_ASSIGN_OR_RETURN(GenerateRequest request, parse_generate_request(instance().input_text(n)));
  slot->end();
  PIPIT_ASSIGN_OR_RETURN(
      slot->generation, Generation::create(*slot->session, request.tokens.span(), request.options));
  slot->stops = std::move(request.options.stop);
  return set_result(generation_json(*slot->generation));
}

Status generate_step(uint32_t number) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  if (!slot->generation)
    return {StatusCode::kInvalidArgument, "No generation has begun. Begin one first."};
  PIPIT_ASSIGN_OR_RETURN(const GenerationStep step, slot->generation->step());
  return set_result(step_json(step, slot->stops, *instance().model));
}

Status score_begin(uint32_t number, uint32_t n) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  PIPIT_ASSIGN_OR_RETURN(ScoreRequest request, parse_score_request(instance().input_text(n)));
  slot->end();
  PIPIT_ASSIGN_OR_RETURN(slot->scoring, Scoring::create(*slot->session, request.tokens.span(),
                                                        std::move(request.candidates)));
  return ok_status();
}

Status score_step(uint32_t number) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  if (!slot->scoring)
    return {StatusCode::kInvalidArgument, "No scoring has begun. Begin one first."};
  PIPIT_ASSIGN_OR_RETURN(const bool done, slot->scoring->step());
  return set_result(scoring_json(*slot->scoring, done));
}

Status logits_begin(uint32_t number, uint32_t n) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  PIPIT_ASSIGN_OR_RETURN(Array<int32_t> tokens, parse_logits_request(instance().input_text(n)));
  slot->end();
  slot->session->rewind(0);
  if (tokens.size() > slot->session->n_ctx()) {
    return {StatusCode::kContextFull, str_cat(tokens.size(), " tokens do not fit the context of ",
                                              slot->session->n_ctx(), ".")};
  }
  slot->logits_tokens = std::move(tokens);
  return ok_status();
}

Status logits_step(uint32_t number) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  const std::span<const int32_t> tokens = slot->logits_tokens.span();
  const size_t n_done = slot->session->n_past();
  const size_t n = std::min(kLogitsBatch, tokens.size() - std::min(n_done, tokens.size()));
  if (n == 0) return set_result(std::string_view());
  PIPIT_RETURN_IF_ERROR(slot->session->append(tokens.subspan(n_done, n), LogitRows::kAll));
  const std::span<const float> logits = slot->session->logits();
  return set_result(
      std::span(reinterpret_cast<const uint8_t*>(logits.data()), logits.size_bytes()));
}

Status embed_begin(uint32_t n) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(const EmbedRequest request, parse_embed_request(self.input_text(n)));
  self.embedding.reset();
  PIPIT_ASSIGN_OR_RETURN(self.embedding,
                         Embedding::create(self.model, request.tokens.span(), request.options));
  return ok_status();
}

// The result is the vector's floats, or nothing while there is more to do.
Status embed_step() {
  Embedding* const embedding = instance().embedding.get();
  if (embedding == nullptr) {
    return {StatusCode::kInvalidArgument, "No embedding has begun. Begin one first."};
  }
  PIPIT_ASSIGN_OR_RETURN(const bool is_done, embedding->step());
  if (!is_done) return set_result(std::string_view());
  const std::span<const float> vector = embedding->vector();
  return set_result(
      std::span(reinterpret_cast<const uint8_t*>(vector.data()), vector.size_bytes()));
}

Status embed_end() {
  instance().embedding.reset();
  return ok_status();
}

Status end(uint32_t number) {
  PIPIT_ASSIGN_OR_RETURN(Slot* const slot, find_slot(number));
  slot->end();
  return ok_status();
}

}  // namespace
}  // namespace pipit

extern "C" {

// Room for `n` bytes of arguments, or null. What was there before is gone.
EMSCRIPTEN_KEEPALIVE uint8_t* pipit_input(uint32_t n) {
  pipit::Array<uint8_t>& input = pipit::instance().input;
  input.clear();
  if (!input.resize(n > 0 ? n : 1).ok()) return nullptr;
  return input.data();
}

EMSCRIPTEN_KEEPALIVE const uint8_t* pipit_result() { return pipit::instance().result.data(); }
EMSCRIPTEN_KEEPALIVE uint32_t pipit_result_size() {
  return static_cast<uint32_t>(pipit::instance().result.size());
}

EMSCRIPTEN_KEEPALIVE int pipit_load_begin(uint32_t n) {
  return pipit::finish(pipit::load_begin(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_load_tokenizer(uint32_t n) {
  return pipit::finish(pipit::load_tokenizer(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_load_feed(uint32_t n) { return pipit::finish(pipit::load_feed(n)); }
// `file_size` is a whole number below 2^53.
EMSCRIPTEN_KEEPALIVE int pipit_load_next(double file_size) {
  return pipit::finish(pipit::load_next(file_size));
}
EMSCRIPTEN_KEEPALIVE int pipit_load_end() { return pipit::finish(pipit::load_end()); }

// SHA-256: of what update() was given since the last end(), whose result are the digest's bytes.
EMSCRIPTEN_KEEPALIVE int pipit_hash_update(uint32_t n) {
  return pipit::finish(pipit::hash_update(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_hash_end() { return pipit::finish(pipit::hash_end()); }

// A GGUF file's bytes in, those of the quantised file out; at the end, what became of the tensors.
EMSCRIPTEN_KEEPALIVE int pipit_quantise_begin(uint32_t n) {
  return pipit::finish(pipit::quantise_begin(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_quantise_feed(uint32_t n) {
  return pipit::finish(pipit::quantise_feed(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_quantise_end() { return pipit::finish(pipit::quantise_end()); }

EMSCRIPTEN_KEEPALIVE int pipit_describe() { return pipit::finish(pipit::describe()); }

EMSCRIPTEN_KEEPALIVE int pipit_tokenize(uint32_t n, int add_special, int parse_special,
                                        int add_space_prefix) {
  return pipit::finish(pipit::tokenize(n, {.add_special = add_special != 0,
                                           .parse_special = parse_special != 0,
                                           .add_space_prefix = add_space_prefix != 0}));
}
EMSCRIPTEN_KEEPALIVE int pipit_detokenize(uint32_t n, int special) {
  return pipit::finish(pipit::detokenize(n, special != 0));
}

EMSCRIPTEN_KEEPALIVE int pipit_session_create(uint32_t n) {
  return pipit::finish(pipit::session_create(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_session_dispose(uint32_t session) {
  return pipit::finish(pipit::session_dispose(session));
}

EMSCRIPTEN_KEEPALIVE int pipit_generate_begin(uint32_t session, uint32_t n) {
  return pipit::finish(pipit::generate_begin(session, n));
}
EMSCRIPTEN_KEEPALIVE int pipit_generate_step(uint32_t session) {
  return pipit::finish(pipit::generate_step(session));
}

EMSCRIPTEN_KEEPALIVE int pipit_score_begin(uint32_t session, uint32_t n) {
  return pipit::finish(pipit::score_begin(session, n));
}
EMSCRIPTEN_KEEPALIVE int pipit_score_step(uint32_t session) {
  return pipit::finish(pipit::score_step(session));
}

EMSCRIPTEN_KEEPALIVE int pipit_logits_begin(uint32_t session, uint32_t n) {
  return pipit::finish(pipit::logits_begin(session, n));
}
EMSCRIPTEN_KEEPALIVE int pipit_logits_step(uint32_t session) {
  return pipit::finish(pipit::logits_step(session));
}

// One text at a time: another begin gives up what was before.
EMSCRIPTEN_KEEPALIVE int pipit_embed_begin(uint32_t n) {
  return pipit::finish(pipit::embed_begin(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_embed_step() { return pipit::finish(pipit::embed_step()); }
EMSCRIPTEN_KEEPALIVE int pipit_embed_end() { return pipit::finish(pipit::embed_end()); }

// Gives up what the session was asked for, whether or not it is finished; what it has computed
// stays.
EMSCRIPTEN_KEEPALIVE int pipit_end(uint32_t session) { return pipit::finish(pipit::end(session)); }

// Bytes of the KV caches of all sessions.
EMSCRIPTEN_KEEPALIVE double pipit_kv_bytes() {
  uint64_t bytes = 0;
  for (const auto& slot : pipit::instance().slots) bytes += slot->session->kv_bytes();
  return static_cast<double>(bytes);
}

// Passes whose logits were computed in two steps, or in full.
EMSCRIPTEN_KEEPALIVE double pipit_head_passes(bool two_step) {
  const pipit::HeadCounts& counts = pipit::instance().model->head_counts();
  return static_cast<double>(two_step ? counts.n_two_step : counts.n_full);
}

}  // extern "C"
