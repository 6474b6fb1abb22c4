// KvCache: keys and values of one sequence, in pages that are allocated as it grows. Layers that
// see a window alone keep that and a little more.
#pragma once

#include <cstdint>
#include <vector>

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
  // What a layer with a window keeps in front of it, unless the caller says otherwise: so many
  // tokens can always be taken back, and removing tokens, which moves the pages of the others and
  // then their rest, of less than a page, leaves the window whole.
  static constexpr size_t kSparePositions = kPagePositions;

  KvCache(const Config& config, KvType type, size_t n_spare = kSparePositions);
  ~KvCache();
  KvCache(KvCache&&) = default;  // an Array that was moved from is empty
  KvCache& operator=(KvCache&&) = delete;

  // Makes room for n more positions behind the first n_past, and gives up what no token from there
  // on sees, but for the spare positions. Errors: kOutOfMemory (what they see stays).
  Status reserve(size_t n_past, size_t n);

  // Whether all is there that a token at position n sees of those before it.
  bool has(size_t n) const;

  // Gives up the positions from n on, and the pages that hold no others. has(n), or n is 0.
  void truncate(size_t n);

  // Writes one position's keys [n_head_kv, head_dim] and values [n_head_kv, head_dim_v] of a layer.
  void store(size_t layer, size_t position, const float* k, const float* v);

  // Whether what the next token sees would still be there without the positions first …
  // first + n - 1 of n_positions.
  bool can_remove(size_t first, size_t n, size_t n_positions) const;

  // Takes these positions out: after begin_remove(), those behind them, up to n_positions, move
  // down with remove() in every layer and head, and `turn` turns their keys. Until all have, only
  // what stands in front of `first` is in order.
  void begin_remove(size_t first, size_t n);
  void remove(size_t layer, size_t head_kv, size_t first, size_t n, size_t n_positions,
              const KeyTurn& turn);

  KvView view(size_t layer) const;

  // Bytes allocated so far.
  uint64_t bytes() const;

 private:
  // The layers with the same window; they have pages of their own.
  struct Group {
    size_t n_window;  // 0: all positions are seen
    size_t n_layer = 0;
    uint64_t page_bytes = 0;
    // Each [n_layer, n_head_kv, layout_.head_bytes()], or null where nothing is kept.
    Array<uint8_t*> pages = {};
    size_t first = 0;    // the first position that is kept
    size_t n_moved = 0;  // positions that the pages have moved down in the removal under way

    // `first` when n positions from `removed` on have been taken out.
    size_t first_after_removal(size_t removed, size_t n) const;
  };
  struct Place {
    size_t group;
    size_t offset;  // in its pages
  };

  Status extend(Group& group, size_t n_positions) const;
  uint8_t* head(size_t layer, size_t head_kv, size_t position) {
    const auto& [group, offset] = places_[layer];
    return groups_[group].pages[position / kPagePositions] + offset +
           head_kv * layout_.head_bytes();
  }

  size_t n_head_kv_;
  size_t n_spare_;
  KvLayout layout_;
  std::vector<Group> groups_;
  std::vector<Place> places_;  // [n_layer]
};

}  // namespace pipit
