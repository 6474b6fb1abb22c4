// StreamChoice: how many panels a product of one token reads side by side, learnt while the first
// tokens are computed.
//
// Decode reads every weight once. On some machines a single stream stalls at the end of each page
// of memory, beyond which no prefetcher looks, and several streams that lie far apart hide it; on
// others they only get into each other's way in the caches. The layers of SmolLM2-135M Q4_1 by
// relaxed-i16, in ms for 1, 4 and 8 streams: 9.4, 4.8, 3.2 on an Intel Xeon of 2023, without
// outlier units; 3.9, 4.2, 5.4 on an AMD EPYC (Zen 4).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "kernels/kernel_set.h"

namespace pipit {

// Not for several threads at once.
class StreamChoice {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // For the next token: the candidates take turns, and then the one whose fastest token was the
  // fastest stays, so that neither a slow moment nor code that is still being compiled decides.
  size_t n_streams() const {
    if (n_tokens_ < kTrials) return kCandidates[n_tokens_ % kCandidates.size()];
    return fastest_[1] < fastest_[0] ? kCandidates[1] : kCandidates[0];
  }

  // The token that n_streams() was asked for took so long.
  void took(Duration time) {
    if (n_tokens_ == kTrials) return;
    Duration& fastest = fastest_[n_tokens_++ % kCandidates.size()];
    if (time < fastest) fastest = time;
  }

 private:
  static constexpr std::array<size_t, 2> kCandidates = {1, kMaxStreams};
  static constexpr size_t kTrials = 16;

  size_t n_tokens_ = 0;  // up to kTrials
  std::array<Duration, 2> fastest_ = {Duration::max(), Duration::max()};
};

}  // namespace pipit
