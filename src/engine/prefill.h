// Prefill: brings a session to a prompt, a part of the work at a time. What the session has of it
// already is kept.
#pragma once

#include <cstdint>
#include <span>

#include "base/array.h"
#include "pipit/engine.h"
#include "pipit/status.h"

namespace pipit {

class Prefill {
 public:
  // Rewinds the session to what it shares with the prompt. A prompt that is longer than the context
  // of a sliding session loses what the session would have dropped. Errors: kInvalidArgument (it
  // has no tokens), kContextFull, kOutOfMemory.
  static Result<Prefill> create(Session& session, std::span<const int32_t> prompt);

  std::span<const int32_t> prompt() const { return prompt_.span(); }
  size_t n_cached() const { return n_cached_; }
  size_t n_done() const { return n_done_; }  // computed or cached
  bool done() const { return n_done_ == prompt_.size(); }

  // Errors: those of Session::append().
  Status step(Session& session);

 private:
  Array<int32_t> prompt_;  // as it will stand in the session
  size_t n_cached_ = 0;
  size_t n_done_ = 0;
  size_t n_to_remove_ = 0;  // tokens of the session behind those that it keeps
};

}  // namespace pipit
