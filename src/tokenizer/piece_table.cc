// The hash table from texts to pieces.
#include "tokenizer/piece_table.h"

#include <bit>

namespace pipit {
namespace {

uint32_t hash_of(PieceText text) {  // FNV-1a
  uint32_t hash = 0x811c9dc5u;
  for (uint32_t i = 0; i < text.size(); ++i) {
    hash = (hash ^ static_cast<uint8_t>(text[i])) * 0x01000193u;
  }
  return (hash ^ hash >> 15) * 0x9e3779b1u;  // FNV's low bits alone depend on too little
}

}  // namespace

bool PieceText::operator==(const PieceText& other) const {
  if (size() != other.size()) return false;
  for (uint32_t i = 0; i < size(); ++i) {
    if ((*this)[i] != other[i]) return false;
  }
  return true;
}

Status PieceTable::reserve(uint64_t n) {
  PIPIT_RETURN_IF_ERROR(texts_.reserve(n));
  return grow(n);
}

size_t PieceTable::slot_of(uint32_t hash, PieceText text) const {
  const size_t mask = slots_.size() - 1;
  size_t i = hash & mask;
  while (slots_[i].piece_plus_1 != 0) {
    const Slot& slot = slots_[i];
    if (slot.hash == hash && texts_[slot.piece_plus_1 - 1] == text) break;
    i = (i + 1) & mask;
  }
  return i;
}

// Room in the hash table for `n` pieces.
Status PieceTable::grow(uint64_t n) {
  Array<Slot> old;
  old.swap(slots_);
  PIPIT_RETURN_IF_ERROR(slots_.resize(std::bit_ceil(2 * n + 2)));
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.piece_plus_1 == 0) continue;
    size_t i = slot.hash & mask;
    while (slots_[i].piece_plus_1 != 0) i = (i + 1) & mask;
    slots_[i] = slot;
  }
  return ok_status();
}

Status PieceTable::append(PieceText text, bool findable) {
  const uint64_t n = uint64_t{texts_.size()} + 1;
  if (2 * n > slots_.size()) PIPIT_RETURN_IF_ERROR(grow(2 * n));
  PIPIT_RETURN_IF_ERROR(texts_.push_back(text));
  if (!findable) return ok_status();
  const uint32_t hash = hash_of(text);
  slots_[slot_of(hash, text)] = {hash, static_cast<uint32_t>(n)};
  return ok_status();
}

std::optional<Piece> PieceTable::find(PieceText text) const {
  const uint32_t piece_plus_1 = slots_[slot_of(hash_of(text), text)].piece_plus_1;
  return piece_plus_1 == 0 ? std::nullopt : std::optional<Piece>(piece_plus_1 - 1);
}

Result<Piece> PieceTable::intern(PieceText text) {
  if (const auto piece = find(text)) return *piece;
  const auto piece = static_cast<Piece>(texts_.size());
  PIPIT_RETURN_IF_ERROR(append(text, /*findable=*/true));
  return piece;
}

}  // namespace pipit
