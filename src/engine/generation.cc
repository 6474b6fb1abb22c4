// Generation: prompt in, text out, one step at a time.
#include <algorithm>

#include "base/str_cat.h"
#include "engine/model_parts.h"
#include "sampling/sampler.h"
#include "sampling/stop_matcher.h"
#include "tokenizer/utf8_stream.h"

namespace pipit {

struct Generation::State {
  Session& session;
  Array<int32_t> prompt;  // tokens
  size_t n_prefilled = 0;
  Sampler sampler;
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
  Result<GenerationStep> prefill();
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

Status check_prompt(const Session& session, std::span<const int32_t> prompt) {
  if (prompt.empty()) {
    return {StatusCode::kInvalidArgument, "The prompt has no tokens; give at least one."};
  }
  if (prompt.size() > session.n_ctx() - session.n_past()) {
    return {StatusCode::kContextFull,
            str_cat("The prompt has ", prompt.size(), " tokens, but the context has room for ",
                    session.n_ctx() - session.n_past(), " of ", session.n_ctx(),
                    ". Shorten the prompt or ask for a larger context.")};
  }
  return ok_status();
}

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
  PIPIT_RETURN_IF_ERROR(check_prompt(session, prompt));
  if (options.max_tokens < -1) {
    return Status(StatusCode::kInvalidArgument,
                  str_cat("'max_tokens' is ", options.max_tokens,
                          "; it must be 0 or more, or -1 for no limit."));
  }
  const Tokenizer& tokenizer = session.model().tokenizer();
  PIPIT_ASSIGN_OR_RETURN(Sampler sampler, Sampler::create(options.sampling, tokenizer.n_vocab()));
  if (options.ignore_eos) PIPIT_RETURN_IF_ERROR(forbid_end_of_generation(tokenizer, sampler));
  for (const int32_t token : prompt) PIPIT_RETURN_IF_ERROR(sampler.accept(token));
  PIPIT_ASSIGN_OR_RETURN(StopMatcher stops, StopMatcher::create(options.stop));
  auto state = std::make_unique<State>(State{.session = session,
                                             .prompt = {},
                                             .sampler = std::move(sampler),
                                             .stops = std::move(stops),
                                             .utf8 = {},
                                             .bytes = {},
                                             .max_tokens = options.max_tokens});
  PIPIT_RETURN_IF_ERROR(state->prompt.append(prompt));
  return std::unique_ptr<Generation>(new Generation(std::move(state)));
}

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
  if (n_prefilled < prompt.size()) return prefill();
  return stop_reason == StopReason::kNone ? decode() : end();
}

Result<GenerationStep> Generation::State::prefill() {
  const size_t n = std::min(Session::max_batch(), prompt.size() - n_prefilled);
  const bool is_last = n_prefilled + n == prompt.size();
  PIPIT_RETURN_IF_ERROR(session.append(prompt.span().subspan(n_prefilled, n),
                                       is_last ? LogitRows::kLast : LogitRows::kNone));
  n_prefilled += n;
  if (max_tokens == 0) stop_reason = StopReason::kMaxTokens;
  return GenerationStep{
      .phase = GenerationPhase::kPrefill, .n_done = n_prefilled, .n_total = prompt.size()};
}

// Computes the last token, draws the next one. A token's text is handed out before the token is
// computed: it is seen earlier, and the last one costs nothing.
Result<GenerationStep> Generation::State::decode() {
  if (pending >= 0) {
    if (session.n_past() == session.n_ctx()) {
      stop_reason = StopReason::kContextFull;
      return end();
    }
    PIPIT_RETURN_IF_ERROR(session.append({&pending, 1}, LogitRows::kLast));
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
  return GenerationStep{.phase = GenerationPhase::kDecode, .token = pending, .text = output.text};
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
