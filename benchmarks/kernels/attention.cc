// Attention of one token with the heads of SmolLM2-135M, over the KV caches of its layers.
#include <cmath>

#include "bench.h"

namespace pipit::bench {
namespace {

constexpr size_t kLayers = 30;
constexpr size_t kHeads = 9;
constexpr size_t kKvHeads = 3;
constexpr size_t kHeadDim = 64;
constexpr size_t kPagePositions = 64;
constexpr size_t kHalf = kKvHeads * kPagePositions * kHeadDim;  // floats of a page's keys

}  // namespace

void attention(const KernelSets& sets) {
  const auto q = numbers(kHeads * kHeadDim);
  for (const size_t n_positions : {128, 1024, 4096}) {
    const size_t n_pages = n_positions / kPagePositions;
    const std::vector<float> cache = numbers(kLayers * n_pages * 2 * kHalf);
    std::vector<const float*> pages(kLayers * n_pages);
    for (size_t i = 0; i < pages.size(); ++i) pages[i] = cache.data() + i * 2 * kHalf;
    std::vector<float> out(kHeads * kHeadDim);
    std::vector<float> scores(n_positions);
    for (const KernelSet* set : sets) {
      const Timing timing = measure([&](size_t i) {
        set->attention({.q = q.data(),
                        .kv = {pages.data() + i % kLayers * n_pages, kPagePositions, 0, kHalf},
                        .out = out.data(),
                        .scores = scores.data(),
                        .n_head = kHeads,
                        .n_head_kv = kKvHeads,
                        .head_dim = kHeadDim,
                        .head_dim_v = kHeadDim,
                        .n_positions = n_positions,
                        .scale = 1 / std::sqrt(static_cast<float>(kHeadDim))});
      });
      report(set->name, "attention", "9/3 heads of 64", n_positions, timing,
             static_cast<double>(2 * kHeads * kHeadDim * n_positions),
             static_cast<double>(n_pages * 2 * kHalf * sizeof(float)));
    }
  }
}

}  // namespace pipit::bench
