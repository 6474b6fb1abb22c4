// KvCache: keys and values of every position of one sequence, in pages that are allocated as the
// sequence grows.
#pragma once

#include <cstdint>

#include "base/array.h"
#include "kernels/kernel_set.h"
#include "model/config.h"
#include "pipit/status.h"

namespace pipit {

// How the keys of positions that move are turned: by RoPE's kernel, with cos and sin [n_rot / 2].
struct KeyTurn {
  const KernelSet& kernels;
  RopePairs pairs;
  size_t n_rot;  // 0: they stay
  const float* cos;
  const float* sin;
};

class KvCache {
 public:
  KvCache(const Config& config, KvType type);
  ~KvCache();
  KvCache(KvCache&&) = default;  // an Array that was moved from is empty
  KvCache& operator=(KvCache&&) = delete;

  // Makes room for positions 0 … n - 1. Errors: kOutOfMemory (what was there stays).
  Status reserve(size_t n_positions);

  // Gives up the positions from n on, and the pages that hold no others.
  void truncate(size_t n);

  // Writes one position's keys [n_head_kv, head_dim] and values [n_head_kv, head_dim_v] of a layer.
  void store(size_t layer, size_t position, const float* k, const float* v);

  // Takes the positions first … first + n - 1 of one head out of a layer: those behind them, up to
  // n_positions, move down, and `turn` turns their keys.
  void remove(size_t layer, size_t head_kv, size_t first, size_t n, size_t n_positions,
              const KeyTurn& turn);

  KvView view(size_t layer) const;

  // Bytes allocated so far.
  uint64_t bytes() const;

 private:
  size_t layer_offset(size_t layer) const { return layer * n_head_kv_ * layout_.head_bytes(); }
  uint8_t* head(size_t layer, size_t head_kv, size_t position) {
    return pages_[position / kPagePositions] + layer_offset(layer) + head_kv * layout_.head_bytes();
  }

  size_t n_layer_;
  size_t n_head_kv_;
  KvLayout layout_;
  uint64_t page_bytes_;
  Array<uint8_t*> pages_;  // each [n_layer, n_head_kv, layout_.head_bytes()]
};

}  // namespace pipit
