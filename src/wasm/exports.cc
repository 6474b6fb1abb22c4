// What JavaScript calls: the only file that knows Emscripten. One module instance holds one model.
//
// Every call returns a status code (its place in PIPIT_STATUS_CODES, 0 = ok). Its result, or the
// error's message, stands in the result buffer until the next call. Arguments of any length come
// through the input buffer. JSON requests and responses are described in web/src/engine.ts, which
// is the other side of this file.
#include <emscripten/emscripten.h>

#include <memory>
#include <optional>
#include <string>

#include "base/array.h"
#include "gguf/gguf.h"
#include "pipit/engine.h"
#include "tokenizer/tokenizer.h"
#include "wasm/requests.h"
#include "wasm/responses.h"

namespace pipit {
namespace {

// Logits of this many tokens are computed and handed over at a time: [n, n_vocab] floats.
constexpr size_t kLogitsBatch = 16;

struct Instance {
  Array<uint8_t> input;
  Array<uint8_t> result;

  std::optional<ModelLoader> loader;
  std::optional<GgufParser> header_parser;  // in place of a loader, where only the header is wanted
  std::unique_ptr<Gguf> header;             // what it has read
  std::shared_ptr<const Model> model;

  std::unique_ptr<Session> session;
  std::vector<std::string> stops;          // of the generation
  std::unique_ptr<Generation> generation;  // refers to *session
  Array<int32_t> logits_tokens;            // teacher-forced tokens
  size_t logits_done = 0;

  std::string_view input_text(uint32_t n) const {
    return {reinterpret_cast<const char*>(input.data()), std::min<size_t>(n, input.size())};
  }

  void end_sequence() {
    generation.reset();
    session.reset();
    logits_tokens.clear();
    logits_done = 0;
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

Status load_feed(uint32_t n) {
  Instance& self = instance();
  const std::span<const uint8_t> bytes =
      self.input.span().first(std::min<size_t>(n, self.input.size()));
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

Status describe() {
  Instance& self = instance();
  const Gguf* header = self.model ? &self.model->gguf() : self.header.get();
  if (header == nullptr && self.header_parser) return self.header_parser->finish().status();
  if (header == nullptr) return {StatusCode::kInvalidArgument, "No file was read. Load one first."};
  return set_result(header_json(*header));
}

Status tokenize(uint32_t n, bool add_special, bool parse_special) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(
      const Array<Token> ids,
      self.model->tokenizer().encode(self.input_text(n),
                                     {.add_special = add_special, .parse_special = parse_special}));
  return set_result(
      std::span(reinterpret_cast<const uint8_t*>(ids.data()), ids.size() * sizeof(Token)));
}

Status detokenize(uint32_t n, bool special) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  const Tokenizer& tokenizer = self.model->tokenizer();
  const auto* ids = reinterpret_cast<const Token*>(self.input.data());
  const size_t n_ids = std::min<size_t>(n, self.input.size()) / sizeof(Token);
  Array<char> bytes;
  for (size_t i = 0; i < n_ids; ++i) {
    if (ids[i] < 0 || ids[i] >= tokenizer.n_vocab()) {
      return {StatusCode::kInvalidArgument,
              str_cat("Token id ", ids[i], " (number ", i + 1, " of ", n_ids,
                      ") is not in the vocabulary, 0 to ", tokenizer.n_vocab() - 1, ".")};
    }
    PIPIT_RETURN_IF_ERROR(tokenizer.append_bytes(ids[i], special, bytes));
  }
  return set_result(
      {bytes.data(), bytes.size()});  // JavaScript's decoder turns what is no UTF-8 into U+FFFD
}

// Starts a new sequence; what was there before is given up.
Status begin_sequence(const SessionOptions& options) {
  Instance& self = instance();
  self.end_sequence();
  PIPIT_ASSIGN_OR_RETURN(self.session, Session::create(self.model, options));
  return ok_status();
}

Status generate_begin(uint32_t n) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(TokensRequest request, parse_generate_request(self.input_text(n)));
  PIPIT_RETURN_IF_ERROR(begin_sequence(request.session));
  PIPIT_ASSIGN_OR_RETURN(
      self.generation, Generation::create(*self.session, request.tokens.span(), request.generate));
  self.stops = std::move(request.generate.stop);
  return ok_status();
}

Status generate_step() {
  Instance& self = instance();
  if (!self.generation)
    return {StatusCode::kInvalidArgument, "No generation has begun. Begin one first."};
  PIPIT_ASSIGN_OR_RETURN(const GenerationStep step, self.generation->step());
  return set_result(step_json(step, self.stops));
}

Status logits_begin(uint32_t n) {
  PIPIT_RETURN_IF_ERROR(require_model());
  Instance& self = instance();
  PIPIT_ASSIGN_OR_RETURN(TokensRequest request, parse_logits_request(self.input_text(n)));
  PIPIT_RETURN_IF_ERROR(begin_sequence(request.session));
  if (request.tokens.size() > self.session->n_ctx()) {
    return {StatusCode::kContextFull,
            str_cat(request.tokens.size(), " tokens do not fit the context of ",
                    self.session->n_ctx(), ".")};
  }
  self.logits_tokens = std::move(request.tokens);
  return ok_status();
}

Status logits_step() {
  Instance& self = instance();
  if (!self.session)
    return {StatusCode::kInvalidArgument, "No logits were asked for. Begin with the tokens."};
  const size_t n = std::min(kLogitsBatch, self.logits_tokens.size() - self.logits_done);
  if (n == 0) return set_result(std::string_view());
  PIPIT_RETURN_IF_ERROR(self.session->append(self.logits_tokens.span().subspan(self.logits_done, n),
                                             LogitRows::kAll));
  self.logits_done += n;
  const std::span<const float> logits = self.session->logits();
  return set_result(
      std::span(reinterpret_cast<const uint8_t*>(logits.data()), logits.size_bytes()));
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
EMSCRIPTEN_KEEPALIVE int pipit_load_feed(uint32_t n) { return pipit::finish(pipit::load_feed(n)); }
// `file_size` is a whole number below 2^53.
EMSCRIPTEN_KEEPALIVE int pipit_load_next(double file_size) {
  return pipit::finish(pipit::load_next(file_size));
}
EMSCRIPTEN_KEEPALIVE int pipit_load_end() { return pipit::finish(pipit::load_end()); }
EMSCRIPTEN_KEEPALIVE int pipit_describe() { return pipit::finish(pipit::describe()); }

EMSCRIPTEN_KEEPALIVE int pipit_tokenize(uint32_t n, int add_special, int parse_special) {
  return pipit::finish(pipit::tokenize(n, add_special != 0, parse_special != 0));
}
EMSCRIPTEN_KEEPALIVE int pipit_detokenize(uint32_t n, int special) {
  return pipit::finish(pipit::detokenize(n, special != 0));
}

EMSCRIPTEN_KEEPALIVE int pipit_generate_begin(uint32_t n) {
  return pipit::finish(pipit::generate_begin(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_generate_step() { return pipit::finish(pipit::generate_step()); }
EMSCRIPTEN_KEEPALIVE void pipit_generate_end() { pipit::instance().end_sequence(); }

EMSCRIPTEN_KEEPALIVE int pipit_logits_begin(uint32_t n) {
  return pipit::finish(pipit::logits_begin(n));
}
EMSCRIPTEN_KEEPALIVE int pipit_logits_step() { return pipit::finish(pipit::logits_step()); }

// Bytes of the KV cache of the sequence at hand.
EMSCRIPTEN_KEEPALIVE double pipit_kv_bytes() {
  const pipit::Instance& self = pipit::instance();
  return self.session ? static_cast<double>(self.session->kv_bytes()) : 0;
}

}  // extern "C"
