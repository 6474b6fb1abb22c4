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
  // Positions a page; a multiple of 4, which the kernels rely on.
  static constexpr size_t kPagePositions = 64;

  explicit KvCache(const Config& config);
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
  size_t k_offset(size_t layer) const { return layer * kPagePositions * (n_embd_k_ + n_embd_v_); }
  size_t v_offset(size_t layer) const { return k_offset(layer) + kPagePositions * n_embd_k_; }

  size_t n_layer_;
  size_t n_head_kv_;
  size_t n_embd_k_;
  size_t n_embd_v_;
  uint64_t page_bytes_;
  Array<float*> pages_;  // each [n_layer, {K [n_head_kv, kPagePositions, head_dim], V likewise}]
};

}  // namespace pipit
