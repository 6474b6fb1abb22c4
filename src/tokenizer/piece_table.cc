// The hash table from texts to pieces.
#include "tokenizer/piece_table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/str_cat.h"

namespace pipit {
namespace {

constexpr uint32_t kNoBytes = 0x811c9dc5u;

uint32_t with_byte(uint32_t hash, char byte) {  // FNV-1a
  return (hash ^ static_cast<uint8_t>(byte)) * 0x01000193u;
}

// FNV's low bits alone depend on too little.
uint32_t finished(uint32_t hash) { return (hash ^ hash >> 15) * 0x9e3779b1u; }

uint32_t hash_of(PieceText text) {
  uint32_t hash = kNoBytes;
  for (uint32_t i = 0; i < text.size(); ++i) hash = with_byte(hash, text[i]);
  return finished(hash);
}

}  // namespace

Status too_many_collisions() {
  return {StatusCode::kLimitExceeded,
          str_cat("More than ", kMaxProbes,
                  " texts of \"tokenizer.ggml.tokens\" and \"tokenizer.ggml.merges\" have nearly "
                  "the same hash, which no real vocabulary does. Do not trust this file.")};
}

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

std::optional<size_t> PieceTable::slot_of(uint32_t hash, PieceText text) const {
  const size_t mask = slots_.size() - 1;
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    const size_t i = (hash + probe) & mask;
    const Slot& slot = slots_[i];
    if (slot.piece_plus_1 == 0) return i;
    if (slot.hash == hash && texts_[slot.piece_plus_1 - 1] == text) return i;
  }
  return std::nullopt;
}

// Room in the hash table for `n` pieces.
Status PieceTable::grow(uint64_t n) {
  PIPIT_ASSIGN_OR_RETURN(Array<Slot> grown, Array<Slot>::make(std::bit_ceil(2 * n + 2)));
  const size_t mask = grown.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.piece_plus_1 == 0) continue;
    size_t probe = 0;
    while (probe < kMaxProbes && grown[(slot.hash + probe) & mask].piece_plus_1 != 0) ++probe;
    if (probe == kMaxProbes) return too_many_collisions();
    grown[(slot.hash + probe) & mask] = slot;
  }
  slots_.swap(grown);
  return ok_status();
}

Status PieceTable::append(PieceText text, bool findable) {
  const uint64_t n = uint64_t{texts_.size()} + 1;
  if (2 * n > slots_.size()) PIPIT_RETURN_IF_ERROR(grow(2 * n));
  const uint32_t hash = hash_of(text);
  const std::optional<size_t> slot = slot_of(hash, text);
  if (findable && !slot) return too_many_collisions();
  PIPIT_RETURN_IF_ERROR(texts_.push_back(text));
  if (!findable) return ok_status();
  slots_[*slot] = {hash, static_cast<uint32_t>(n)};
  if (text.size() > kMaxPrefixBytes) return ok_status();
  lengths_.set(text.size());
  longest_ = std::max<size_t>(longest_, text.size());
  return ok_status();
}

std::optional<Piece> PieceTable::find(uint32_t hash, PieceText text) const {
  const std::optional<size_t> slot = slot_of(hash, text);
  if (!slot || slots_[*slot].piece_plus_1 == 0) return std::nullopt;
  return slots_[*slot].piece_plus_1 - 1;
}

std::optional<Piece> PieceTable::find(PieceText text) const { return find(hash_of(text), text); }

std::optional<PieceTable::Prefix> PieceTable::longest_prefix(std::string_view text) const {
  std::array<uint32_t, kMaxPrefixBytes> hashes;
  const size_t n_max = std::min(text.size(), longest_);
  uint32_t hash = kNoBytes;
  for (size_t i = 0; i < n_max; ++i) hashes[i] = hash = with_byte(hash, text[i]);
  for (size_t n = n_max; n > 0; --n) {
    if (!lengths_[n]) continue;
    const auto piece = find(finished(hashes[n - 1]), text.substr(0, n));
    if (piece) return Prefix{*piece, n};
  }
  return std::nullopt;
}

Result<Piece> PieceTable::intern(PieceText text) {
  if (const auto piece = find(text)) return *piece;
  const auto piece = static_cast<Piece>(texts_.size());
  PIPIT_RETURN_IF_ERROR(append(text, /*findable=*/true));
  return piece;
}

}  // namespace pipit
