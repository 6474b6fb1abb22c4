// Generation: prompt in, text out, one step at a time.
#include <optional>

#include "base/str_cat.h"
#include "engine/model_parts.h"
#include "engine/prefill.h"
#include "sampling/logprobs.h"
#include "sampling/sampler.h"
#include "sampling/stop_matcher.h"
#include "tokenizer/utf8_stream.h"

namespace pipit {

struct Generation::State {
  Session& session;
  Prefill prefill;
  Sampler sampler;
  std::optional<LogprobReader> logprobs;  // if they were asked for
  StopMatcher stops;
  Utf8Stream utf8;
  Array<char> bytes;   // of the token at hand
  int32_t max_tokens;  // -1: no limit
  int32_t n_generated = 0;
  int32_t pending = -1;  // a token that is drawn but not computed yet
  StopReason stop_reason = StopReason::kNone;
  int32_t stop_index = -1;
  bool ended = false;
  Status error = {};  // of a step; it stays

  Result<GenerationStep> step();
  Result<GenerationStep> compute_prompt();
  Result<GenerationStep> make_room();
  Result<GenerationStep> decode();
  Result<GenerationStep> end();
};

const char* stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "none";
    case StopReason::kEndOfGeneration:
      return "eos";
    case StopReason::kStopString:
      return "stop";
    case StopReason::kMaxTokens:
      return "length";
    case StopReason::kContextFull:
      return "context";
  }
  return "none";
}

namespace {

Status forbid_end_of_generation(const Tokenizer& tokenizer, Sampler& sampler) {
  for (int32_t id = 0; id < tokenizer.n_vocab(); ++id) {
    if (tokenizer.is_end_of_generation(id)) PIPIT_RETURN_IF_ERROR(sampler.forbid(id));
  }
  return ok_status();
}

}  // namespace

Generation::Generation(std::unique_ptr<State> state) : state_(std::move(state)) {}
Generation::~Generation() = default;

Result<std::unique_ptr<Generation>> Generation::create(Session& session,
                                                       std::span<const int32_t> prompt,
                                                       const GenerateOptions& options) {
  if (options.max_tokens < -1) {
    return Status(StatusCode::kInvalidArgument,
                  str_cat("'max_tokens' is ", options.max_tokens,
                          "; it must be 0 or more, or -1 for no limit."));
  }
  const Tokenizer& tokenizer = session.model().tokenizer();
  PIPIT_ASSIGN_OR_RETURN(Sampler sampler, Sampler::create(options.sampling, tokenizer.n_vocab()));
  if (options.ignore_eos) PIPIT_RETURN_IF_ERROR(forbid_end_of_generation(tokenizer, sampler));
  for (const int32_t token : prompt) PIPIT_RETURN_IF_ERROR(sampler.accept(token));
  std::optional<LogprobReader> logprobs;
  if (options.logprobs != -1) {
    PIPIT_ASSIGN_OR_RETURN(logprobs, LogprobReader::create(options.logprobs, tokenizer.n_vocab()));
  }
  PIPIT_ASSIGN_OR_RETURN(StopMatcher stops, StopMatcher::create(options.stop));
  PIPIT_ASSIGN_OR_RETURN(Prefill prefill, Prefill::create(session, prompt));
  auto state = std::make_unique<State>(State{.session = session,
                                             .prefill = std::move(prefill),
                                             .sampler = std::move(sampler),
                                             .logprobs = std::move(logprobs),
                                             .stops = std::move(stops),
                                             .utf8 = {},
                                             .bytes = {},
                                             .max_tokens = options.max_tokens});
  return std::unique_ptr<Generation>(new Generation(std::move(state)));
}

size_t Generation::n_prompt() const { return state_->prefill.prompt().size(); }
size_t Generation::n_cached() const { return state_->prefill.n_cached(); }

Result<GenerationStep> Generation::step() {
  PIPIT_RETURN_IF_ERROR(state_->error);
  Result<GenerationStep> result = state_->step();
  if (!result.ok()) state_->error = result.status();
  return result;
}

Result<GenerationStep> Generation::State::step() {
  if (ended) {
    return GenerationStep{
        .phase = GenerationPhase::kEnd, .stop_reason = stop_reason, .stop_index = stop_index};
  }
  if (!prefill.done()) return compute_prompt();
  if (stop_reason != StopReason::kNone) return end();
  return pending >= 0 && session.n_past() == session.n_ctx() ? make_room() : decode();
}

Result<GenerationStep> Generation::State::compute_prompt() {
  PIPIT_RETURN_IF_ERROR(prefill.step(session));
  if (prefill.done() && max_tokens == 0) stop_reason = StopReason::kMaxTokens;
  return GenerationStep{.phase = GenerationPhase::kPrefill,
                        .n_done = prefill.n_done(),
                        .n_total = prefill.prompt().size()};
}

Result<GenerationStep> Generation::State::make_room() {
  if (!session.slides()) {
    stop_reason = StopReason::kContextFull;
    return end();
  }
  PIPIT_RETURN_IF_ERROR(session.remove_part(session.n_keep(), session.n_slide()).status());
  return GenerationStep{.phase = GenerationPhase::kSlide};
}

// Computes the last token, draws the next one. A token's text is handed out before the token is
// computed: it is seen earlier, and the last one costs nothing.
Result<GenerationStep> Generation::State::decode() {
  if (pending >= 0) {
    const TopLogits* top = logprobs ? nullptr : sampler.top_logits();
    PIPIT_RETURN_IF_ERROR(session.append({&pending, 1}, LogitRows::kLast, top));
  }
  PIPIT_ASSIGN_OR_RETURN(pending, sampler.sample(session.logits()));
  const Tokenizer& tokenizer = session.model().tokenizer();
  if (tokenizer.is_end_of_generation(pending)) {
    stop_reason = StopReason::kEndOfGeneration;
    return end();
  }
  PIPIT_RETURN_IF_ERROR(sampler.accept(pending));
  ++n_generated;

  bytes.clear();
  PIPIT_RETURN_IF_ERROR(tokenizer.append_bytes(pending, /*special=*/false, bytes));
  PIPIT_ASSIGN_OR_RETURN(const std::string_view text, utf8.push({bytes.data(), bytes.size()}));
  PIPIT_ASSIGN_OR_RETURN(const StopMatcher::Output output, stops.feed(text));
  if (output.stop >= 0) {
    stop_reason = StopReason::kStopString;
    stop_index = output.stop;
  } else if (max_tokens >= 0 && n_generated >= max_tokens) {
    stop_reason = StopReason::kMaxTokens;
  }
  GenerationStep step = {.phase = GenerationPhase::kDecode, .token = pending, .text = output.text};
  if (logprobs) step.logprobs = logprobs->read(session.logits(), pending);
  return step;
}

// Hands out what was held back: half a character, or text that might have become a stop string.
Result<GenerationStep> Generation::State::end() {
  ended = true;
  GenerationStep step = {
      .phase = GenerationPhase::kEnd, .stop_reason = stop_reason, .stop_index = stop_index};
  if (stop_reason == StopReason::kStopString) return step;
  bytes.clear();
  PIPIT_ASSIGN_OR_RETURN(const std::string_view tail, utf8.flush());
  PIPIT_ASSIGN_OR_RETURN(const StopMatcher::Output output, stops.feed(tail));
  PIPIT_RETURN_IF_ERROR(bytes.append({output.text.data(), output.text.size()}));
  if (output.stop >= 0) {
    step.stop_reason = stop_reason = StopReason::kStopString;
    step.stop_index = stop_index = output.stop;
  } else {
    const std::string_view rest = stops.flush();
    PIPIT_RETURN_IF_ERROR(bytes.append({rest.data(), rest.size()}));
  }
  step.text = {bytes.data(), bytes.size()};
  return step;
}

}  // namespace pipit
