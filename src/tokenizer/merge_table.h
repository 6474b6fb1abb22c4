// MergeTable: which two pieces merge, in which order of preference, and into which piece.
#pragma once

#include <cstdint>

#include "base/array.h"
#include "pipit/status.h"
#include "tokenizer/piece_table.h"

namespace pipit {

struct Merge {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t rank;  // the lowest goes first; kNone: the two pieces do not merge
  Piece result;
};

class MergeTable {
 public:
  // A table for up to `n` merges.
  static Result<MergeTable> create(uint64_t n);

  // Does nothing if the pair has a merge already. `rank` is below kNone.
  void insert(Piece left, Piece right, Merge merge);

  Merge find(Piece left, Piece right) const { return slots_[slot_of(key_of(left, right))].merge; }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;  // rank kNone: the slot is empty
  };

  static uint64_t key_of(Piece left, Piece right) { return uint64_t{left} << 32 | right; }
  // The slot of that key, or the empty one where it belongs.
  size_t slot_of(uint64_t key) const {
    auto i = static_cast<size_t>(key * 0x9e3779b97f4a7c15u >> shift_);
    while (slots_[i].merge.rank != Merge::kNone && slots_[i].key != key) {
      i = (i + 1) & (slots_.size() - 1);
    }
    return i;
  }

  Array<Slot> slots_;  // open addressing; a power of two, at most half full
  int shift_ = 0;      // of a 64-bit hash, to log2(slots_.size()) bits
};

}  // namespace pipit
