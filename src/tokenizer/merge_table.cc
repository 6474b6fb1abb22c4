// Filling the hash table of merges.
#include "tokenizer/merge_table.h"

#include <bit>

namespace pipit {

Result<MergeTable> MergeTable::create(uint64_t n) {
  MergeTable table;
  PIPIT_RETURN_IF_ERROR(table.slots_.resize(std::bit_ceil(2 * n + 2)));
  for (Slot& slot : table.slots_) slot.merge.rank = Merge::kNone;
  table.shift_ = 64 - std::countr_zero(table.slots_.size());
  return table;
}

void MergeTable::insert(Piece left, Piece right, Merge merge) {
  const uint64_t key = key_of(left, right);
  Slot& slot = slots_[slot_of(key)];
  if (slot.merge.rank == Merge::kNone) slot = {key, merge};
}

}  // namespace pipit
