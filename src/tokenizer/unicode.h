// Characters: the classes that the tokenizers tell apart, lower case, and letters without accents.
// All as in Unicode 15.1, whose tables llama.cpp uses. Later versions would treat newly assigned
// characters otherwise than the ids that we compare with.
#pragma once

#include <cstdint>
#include <span>

namespace pipit {

// Disjoint: no white space is a letter, a number or a control.
enum class CharClass : uint8_t {
  kOther,        // everything else: symbols, unassigned
  kLetter,       // \p{L}
  kNumber,       // \p{N}
  kSpace,        // \s, in the sense of the property White_Space
  kMark,         // \p{M}
  kPunctuation,  // \p{P}
  kControl,      // \p{C} but for unassigned ones
};

CharClass char_class(uint32_t code_point);

// One code point, also where a character's lower case has several.
uint32_t to_lower(uint32_t code_point);

// The first code point of the canonical decomposition: of a letter with accents the letter, of a
// Hangul syllable the consonant that it begins with.
uint32_t first_of_nfd(uint32_t code_point);

// --- The generated tables (unicode_tables.cc) ---------------------------------------------------

// code_point << 3 | class, ascending; a class holds up to the next entry.
std::span<const uint32_t> char_class_boundaries();

// Code points that are mapped by one pattern.
struct MappedRun {
  enum Pattern : uint8_t {
    kToOne,       // all to the same: ÀÁÂ to A
    kToRow,       // a row to a row: ABC to abc
    kEveryOther,  // every other one to what is as far away: ĀĂĄ to āăą
    kInTurn,      // capital and small letters in turn: ĀāĂă to AaAa
  };

  uint32_t from;  // the first << 11 | how many, less one
  uint32_t to;    // that of the first << 2 | Pattern
};

// Ascending and disjoint.
std::span<const MappedRun> lower_case_runs();
std::span<const MappedRun> decomposition_runs();  // neither of Hangul syllables nor of these:

// The first code points of CJK compatibility ideographs: U+F900 to U+FAD9, U+2F800 to U+2FA1D.
std::span<const uint32_t> ideograph_decompositions();

}  // namespace pipit
