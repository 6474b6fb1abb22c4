// Scoring: the log-probabilities of candidates after a prompt that is computed once.
#include <algorithm>

#include "base/str_cat.h"
#include "engine/prefill.h"
#include "sampling/logprobs.h"

namespace pipit {
namespace {

// Logits of this many tokens are computed at a time: [n, n_vocab] floats.
constexpr size_t kBatch = 16;

}  // namespace

struct Scoring::State {
  Session& session;
  Prefill prefill;
  std::vector<std::vector<int32_t>> candidates;
  std::vector<double> logprobs;  // [candidates]
  size_t candidate = 0;          // the one at hand
  size_t n_done = 0;             // of its tokens, those that are in the session

  size_t n_vocab() const { return session.model().info().n_vocab; }
  void score_first_tokens();
  Status score_more();
};

Scoring::Scoring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scoring::~Scoring() = default;

Result<std::unique_ptr<Scoring>> Scoring::create(Session& session, std::span<const int32_t> prompt,
                                                 std::vector<std::vector<int32_t>> candidates) {
  const int64_t n_vocab = session.model().info().n_vocab;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const std::vector<int32_t>& tokens = candidates[i];
    if (tokens.empty()) {
      return Status(StatusCode::kInvalidArgument,
                    str_cat("Candidate ", i, " has no tokens; give at least one."));
    }
    for (const int32_t token : tokens) {
      if (token >= 0 && token < n_vocab) continue;
      return Status(StatusCode::kInvalidArgument,
                    str_cat("Token id ", token, " of candidate ", i,
                            " is not in the vocabulary, 0 to ", n_vocab - 1, "."));
    }
    // Nobody asks what follows the last token, so it need not be computed.
    if (prompt.size() + tokens.size() - 1 > session.n_ctx()) {
      return Status(StatusCode::kContextFull,
                    str_cat("The prompt has ", prompt.size(), " tokens and candidate ", i, " has ",
                            tokens.size(), ", but the context has room for ", session.n_ctx(),
                            ". Shorten them or ask for a larger context."));
    }
  }
  PIPIT_ASSIGN_OR_RETURN(Prefill prefill, Prefill::create(session, prompt));
  auto state = std::make_unique<State>(State{.session = session,
                                             .prefill = std::move(prefill),
                                             .candidates = std::move(candidates),
                                             .logprobs = {}});
  return std::unique_ptr<Scoring>(new Scoring(std::move(state)));
}

Result<bool> Scoring::step() {
  State& s = *state_;
  if (!s.prefill.done()) {
    PIPIT_RETURN_IF_ERROR(s.prefill.step(s.session));
    if (s.prefill.done() && s.logprobs.empty()) s.score_first_tokens();
  } else if (s.candidate < s.candidates.size()) {
    PIPIT_RETURN_IF_ERROR(s.score_more());
  }
  return s.prefill.done() && s.candidate == s.candidates.size();
}

std::span<const double> Scoring::logprobs() const { return state_->logprobs; }

// All candidates' first tokens follow the prompt.
void Scoring::State::score_first_tokens() {
  const std::span<const float> logits = session.logits();
  const double log_sum = log_sum_exp(logits);
  for (const std::vector<int32_t>& tokens : candidates) {
    logprobs.push_back(log_probability(logits, log_sum, tokens.front()));
  }
}

Status Scoring::State::score_more() {
  const std::span<const int32_t> tokens = candidates[candidate];
  const size_t n = std::min(kBatch, tokens.size() - 1 - n_done);
  if (n > 0) {
    PIPIT_ASSIGN_OR_RETURN(const bool appended,
                           session.append_part(tokens.subspan(n_done, n), LogitRows::kAll));
    if (!appended) return ok_status();
    for (size_t row = 0; row < n; ++row) {
      const std::span<const float> logits = session.logits().subspan(row * n_vocab(), n_vocab());
      logprobs[candidate] += log_probability(logits, log_sum_exp(logits), tokens[n_done + row + 1]);
    }
    n_done += n;
  }
  if (n_done + 1 == tokens.size()) {
    const size_t n_prompt = prefill.prompt().size();
    session.rewind(n_prompt);
    n_done = 0;
    ++candidate;
    if (session.n_past() == n_prompt) return ok_status();
    // Behind so long a candidate, layers with a window no longer have the prompt's end.
    PIPIT_ASSIGN_OR_RETURN(prefill, Prefill::create(session, prefill.prompt()));
  }
  return ok_status();
}

}  // namespace pipit
