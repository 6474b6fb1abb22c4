// Attention of one token with the heads of SmolLM2-135M, over the KV caches of its layers.
#include <cmath>
#include <string>

#include "bench.h"

namespace pipit::bench {
namespace {

constexpr size_t kLayers = 30;
constexpr size_t kHeads = 9;
constexpr size_t kKvHeads = 3;
constexpr size_t kHeadDim = 64;

}  // namespace

void attention(const KernelSets& sets) {
  const auto q = numbers(kHeads * kHeadDim);
  for (const KvType type : {KvType::kF32, KvType::kInt8}) {
    const KvLayout layout = {.type = type, .head_dim = kHeadDim, .head_dim_v = kHeadDim};
    const size_t page_bytes = kKvHeads * layout.head_bytes();
    for (const size_t n_positions : {128, 1024, 4096}) {
      const size_t n_pages = (n_positions + kPagePositions - 1) / kPagePositions;
      std::vector<uint8_t> cache(kLayers * n_pages * page_bytes);
      std::vector<const uint8_t*> pages(kLayers * n_pages);
      for (size_t i = 0; i < pages.size(); ++i) {
        uint8_t* page = cache.data() + i * page_bytes;
        pages[i] = page;
        for (size_t h = 0; h < kKvHeads; ++h) {
          for (size_t row = 0; row < kPagePositions; ++row) {
            const float* values = q.data() + (i + row) % kHeads * kHeadDim;
            kv_store(layout, page + h * layout.head_bytes(), row, values, values);
          }
        }
      }
      std::vector<float> out(kHeads * kHeadDim);
      for (const KernelSet* set : sets) {
        const Timing timing = measure([&](size_t i) {
          for (size_t h = 0; h < kKvHeads; ++h) {
            set->attention({.kv = {layout, pages.data() + i % kLayers * n_pages, 0},
                            .head_kv = h,
                            .q = q.data(),
                            .out = out.data(),
                            .n_head = kHeads,
                            .group = kHeads / kKvHeads,
                            .n_tokens = 1,
                            .n_past = n_positions - 1,
                            .scale = 1 / std::sqrt(static_cast<float>(kHeadDim))});
          }
        });
        const std::string shape = std::string("9/3 heads of 64, ") + kv_type_name(type);
        report(set->name, "attention", shape, n_positions, timing,
               static_cast<double>(2 * kHeads * kHeadDim * n_positions),
               static_cast<double>(n_positions * page_bytes / kPagePositions));
      }
    }
  }
}

}  // namespace pipit::bench
