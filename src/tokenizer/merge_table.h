// MergeTable: which two pieces merge, in which order of preference, and into which piece.
#pragma once

#include <cstdint>
#include <optional>

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

  // Does nothing if the pair has a merge already. `rank` is below kNone. Errors: kLimitExceeded
  // (kMaxProbes).
  Status insert(Piece left, Piece right, Merge merge);

  // Of rank kNone if there is none.
  Merge find(Piece left, Piece right) const {
    const std::optional<size_t> slot = slot_of(key_of(left, right));
    return slot ? slots_[*slot].merge : Merge{Merge::kNone, 0};
  }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;  // rank kNone: the slot is empty
  };

  static uint64_t key_of(Piece left, Piece right) { return uint64_t{left} << 32 | right; }
  // The slot of that key, or the empty one where it belongs; none within kMaxProbes: nullopt.
  std::optional<size_t> slot_of(uint64_t key) const {
    const auto first = static_cast<size_t>(key * 0x9e3779b97f4a7c15u >> shift_);
    for (size_t probe = 0; probe < kMaxProbes; ++probe) {
      const size_t i = (first + probe) & (slots_.size() - 1);
      if (slots_[i].merge.rank == Merge::kNone || slots_[i].key == key) return i;
    }
    return std::nullopt;
  }

  Array<Slot> slots_;  // open addressing; a power of two, at most half full
  int shift_ = 0;      // of a 64-bit hash, to log2(slots_.size()) bits
};

}  // namespace pipit
