// Prefill: which tokens a session can keep, and the chunks of those that it has to compute.
#include "engine/prefill.h"

#include <algorithm>

#include "base/str_cat.h"
#include "kernels/kernel_set.h"

namespace pipit {
namespace {

using Tokens = std::span<const int32_t>;

size_t n_common(Tokens a, Tokens b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// What of a session serves a prompt that loses n_cut tokens behind the kept ones.
struct Reuse {
  size_t n_cached = 0;     // the first tokens of the prompt, without those that it loses
  size_t n_to_remove = 0;  // behind the kept ones, before that
};

// The session may have dropped n_dropped of the tokens that the prompt loses, or all, or none.
Reuse reuse(Tokens session, Tokens prompt, size_t n_keep, size_t n_cut, size_t n_dropped) {
  const Tokens kept = prompt.first(std::min(n_keep, prompt.size()));
  size_t n = n_common(kept, session);
  if (n < n_keep) return {.n_cached = n};
  n += n_common(prompt.subspan(n_keep + n_dropped), session.subspan(n_keep));
  const size_t n_to_remove = n_cut - n_dropped;
  if (n < n_keep + n_to_remove) return {.n_cached = n_keep};
  return {.n_cached = n - n_to_remove, .n_to_remove = n_to_remove};
}

}  // namespace

Result<Prefill> Prefill::create(Session& session, Tokens prompt) {
  if (prompt.empty()) {
    return Status(StatusCode::kInvalidArgument, "The prompt has no tokens; give at least one.");
  }
  session.rewind(session.n_past());  // what an earlier request has left unfinished is of no use
  const size_t n_ctx = session.n_ctx();
  const size_t n_excess = prompt.size() - std::min(n_ctx, prompt.size());
  if (n_excess > 0 && !session.slides()) {
    return Status(
        StatusCode::kContextFull,
        str_cat("The prompt has ", prompt.size(), " tokens, but the context has room for ", n_ctx,
                ". Shorten the prompt or ask for a larger context."));
  }
  const size_t n_keep = session.n_keep();
  // In whole slides, so that the session has dropped the same and its cache still serves.
  const size_t n_slide = std::max<size_t>(1, session.n_slide());
  const size_t n_cut = (n_excess + n_slide - 1) / n_slide * n_slide;

  Prefill prefill;
  const size_t n_head = std::min(n_keep, prompt.size());
  PIPIT_RETURN_IF_ERROR(prefill.prompt_.append(prompt.first(n_head)));
  PIPIT_RETURN_IF_ERROR(prefill.prompt_.append(prompt.subspan(n_head + n_cut)));
  Reuse best;
  for (size_t n_dropped = 0; n_dropped <= n_cut; n_dropped += n_slide) {
    const Reuse other = reuse(session.tokens(), prompt, n_keep, n_cut, n_dropped);
    if (other.n_cached > best.n_cached) best = other;
  }
  // The last token is computed for its logits. Whole tiles are: some kernel sets round the tokens
  // of a tile together, and the same prompt, asked again, must meet the same numbers.
  const size_t n_tiled =
      std::min(best.n_cached, prefill.prompt_.size() - 1) / kTileTokens * kTileTokens;
  prefill.n_cached_ = best.n_to_remove > 0 ? std::max(n_tiled, n_keep) : n_tiled;
  prefill.n_to_remove_ = best.n_to_remove;
  session.rewind(prefill.n_cached_ + prefill.n_to_remove_);
  if (best.n_to_remove > 0 && !session.can_remove(n_keep, best.n_to_remove)) session.rewind(0);
  // Layers with a window may no longer have what these tokens saw.
  if (session.n_past() == 0) prefill.n_cached_ = prefill.n_to_remove_ = 0;
  prefill.n_done_ = prefill.n_cached_;
  return prefill;
}

Status Prefill::step(Session& session) {
  if (n_to_remove_ > 0) {
    PIPIT_ASSIGN_OR_RETURN(const bool removed, session.remove_part(session.n_keep(), n_to_remove_));
    if (removed) n_to_remove_ = 0;
    return ok_status();
  }
  const size_t n = std::min(Session::max_batch(), prompt_.size() - n_done_);
  const bool is_last = n_done_ + n == prompt_.size();
  PIPIT_ASSIGN_OR_RETURN(const bool appended,
                         session.append_part(prompt().subspan(n_done_, n),
                                             is_last ? LogitRows::kLast : LogitRows::kNone));
  if (appended) n_done_ += n;
  return ok_status();
}

}  // namespace pipit
