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

Status MergeTable::insert(Piece left, Piece right, Merge merge) {
  const uint64_t key = key_of(left, right);
  const std::optional<size_t> i = slot_of(key);
  if (!i) return too_many_collisions();
  if (slots_[*i].merge.rank == Merge::kNone) slots_[*i] = {key, merge};
  return ok_status();
}

}  // namespace pipit
