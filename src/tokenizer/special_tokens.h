// SpecialTokens: finds the texts of special tokens in a text, in a time that does not depend on how
// many there are.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/array.h"
#include "pipit/status.h"
#include "tokenizer/vocabulary.h"

namespace pipit {

// Real ones have at most a few dozen. A search compares that much at every byte of a text.
inline constexpr size_t kMaxSpecialTokenBytes = 512;

class SpecialTokens {
 public:
  struct Match {
    size_t begin;  // bytes; the text's size where nothing was found
    size_t n_bytes;
    Token id;
  };

  // The user-defined tokens, and with `hidden` also the control and unknown ones. Errors:
  // kLimitExceeded (kMaxSpecialTokenBytes), kOutOfMemory.
  static Result<SpecialTokens> create(const Vocabulary& vocabulary, bool hidden);

  // The first match in `text` at or after `from`; of those that begin there, the longest.
  Match find(std::string_view text, size_t from) const;

 private:
  struct Entry {
    std::string_view text;
    Token id;
  };

  Match longest_at(std::string_view text, size_t begin) const;

  Array<Entry> entries_;                    // sorted by text, which are all different and not empty
  std::array<uint32_t, 257> first_byte_{};  // entries_ whose text begins with byte b:
                                            // [first_byte_[b], first_byte_[b + 1])
};

}  // namespace pipit
