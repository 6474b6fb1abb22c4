// KvCache: keys and values of every position of one sequence, in pages that are allocated as the
// sequence grows.
#pragma once

#include <cstdint>

#include "base/array.h"
#include "kernels/kernel_set.h"
#include "model/config.h"
#include "pipit/status.h"

namespace pipit {

class KvCache {
 public:
  KvCache(const Config& config, KvType type);
  ~KvCache();
  KvCache(KvCache&&) = default;  // an Array that was moved from is empty
  KvCache& operator=(KvCache&&) = delete;

  // Makes room for positions 0 … n - 1. Errors: kOutOfMemory (what was there stays).
  Status reserve(size_t n_positions);

  // Writes one position's keys [n_head_kv, head_dim] and values [n_head_kv, head_dim_v] of a layer.
  void store(size_t layer, size_t position, const float* k, const float* v);

  KvView view(size_t layer) const;

  // Bytes allocated so far.
  uint64_t bytes() const;

 private:
  size_t layer_offset(size_t layer) const { return layer * n_head_kv_ * layout_.head_bytes(); }

  size_t n_layer_;
  size_t n_head_kv_;
  KvLayout layout_;
  uint64_t page_bytes_;
  Array<uint8_t*> pages_;  // each [n_layer, n_head_kv, layout_.head_bytes()]
};

}  // namespace pipit
