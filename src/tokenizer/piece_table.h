// PieceTable: numbers for texts, and back. The vocabulary's own numbers come first.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/array.h"
#include "pipit/status.h"

namespace pipit {

using Piece = uint32_t;

// The tables' hash functions are known, so a hostile file can choose texts that all fall together,
// and each look-up would go through all of them. No entry therefore stands this far or further from
// where it belongs; a file that needs it is refused. Of SmolLM2's entries none stands 32 away, and
// by chance none of 2^22 would stand 100 away.
inline constexpr size_t kMaxProbes = 256;

Status too_many_collisions();  // kLimitExceeded

// A text that lies in memory whole, or with one byte in its middle that does not belong to it: the
// result of a merge, read from the merge ("lo w" is "low").
class PieceText {
 public:
  PieceText(std::string_view whole)  // NOLINT: implicit
      : data_(whole.data()), n_left_(static_cast<uint32_t>(whole.size())), n_right_(0) {}
  PieceText(std::string_view text, size_t gap)  // 0 < gap < text.size()
      : data_(text.data()),
        n_left_(static_cast<uint32_t>(gap)),
        n_right_(static_cast<uint32_t>(text.size() - gap - 1)) {}

  uint32_t size() const { return n_left_ + n_right_; }
  char operator[](uint32_t i) const { return data_[i < n_left_ ? i : i + 1]; }
  bool operator==(const PieceText& other) const;

 private:
  const char* data_;
  uint32_t n_left_;
  uint32_t n_right_;
};

// The texts stay where they are for as long as the table lives.
class PieceTable {
 public:
  // Room for `n` pieces; to be called before anything else.
  Status reserve(uint64_t n);

  // Errors of these: kLimitExceeded (kMaxProbes), kOutOfMemory. The table stays as it was.

  // The next number. Of several pieces with one text, find() gives the last. With `findable` false
  // it is never given.
  Status append(PieceText text, bool findable);

  std::optional<Piece> find(PieceText text) const;

  // A search looks at every length that a piece has. Hugging Face's WordPiece gives up words of
  // more than 100 characters, so no piece of use is longer than this.
  static constexpr size_t kMaxPrefixBytes = 512;

  struct Prefix {
    Piece piece;
    size_t n_bytes;
  };

  // The longest piece of at most kMaxPrefixBytes that `text` begins with.
  std::optional<Prefix> longest_prefix(std::string_view text) const;

  // The same, with a new number where there is none.
  Result<Piece> intern(PieceText text);

  PieceText text(Piece piece) const { return texts_[piece]; }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t piece_plus_1;  // 0: empty
  };

  // The slot of that text, or the empty one where it belongs; none within kMaxProbes: nullopt.
  std::optional<size_t> slot_of(uint32_t hash, PieceText text) const;
  std::optional<Piece> find(uint32_t hash, PieceText text) const;
  Status grow(uint64_t n);

  Array<PieceText> texts_;
  Array<Slot> slots_;  // open addressing; a power of two, at most half full
  // Lengths of pieces that find() gives, up to kMaxPrefixBytes, and the greatest of them.
  std::bitset<kMaxPrefixBytes + 1> lengths_;
  size_t longest_ = 0;
};

}  // namespace pipit
