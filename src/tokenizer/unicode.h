// The classes of characters that the pre-tokenizers' regular expressions tell apart.
#pragma once

#include <cstdint>
#include <span>

namespace pipit {

// Disjoint: no white space is a letter or a number.
enum class CharClass : uint8_t {
  kOther,        // everything else: symbols, controls, unassigned
  kLetter,       // \p{L}
  kNumber,       // \p{N}
  kSpace,        // \s, in the sense of the property White_Space
  kMark,         // \p{M}
  kPunctuation,  // \p{P}
};

// As in Unicode 15.1, whose tables llama.cpp uses. Later versions would split newly assigned
// characters otherwise than the ids that we compare with.
CharClass char_class(uint32_t code_point);

// Generated (unicode_tables.cc): code_point << 3 | class, ascending; a class holds up to the next
// entry.
std::span<const uint32_t> char_class_boundaries();

}  // namespace pipit
