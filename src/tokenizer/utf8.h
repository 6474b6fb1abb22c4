// UTF-8 as the WHATWG Encoding Standard decodes it: what is not a character becomes U+FFFD, one for
// each maximal subpart.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/array.h"
#include "pipit/status.h"

namespace pipit {

inline constexpr uint32_t kReplacementCharacter = 0xfffd;
inline constexpr std::string_view kReplacementUtf8 = "\xef\xbf\xbd";

enum class Utf8State : uint8_t {
  kComplete,    // a character
  kInvalid,     // bytes that no continuation makes a character
  kIncomplete,  // the text ends within what may yet become a character
};

struct Utf8Char {
  uint32_t code_point;  // U+FFFD unless complete
  uint32_t n_bytes;     // that the character, or the maximal subpart, takes
  Utf8State state;
};

// What stands at the front of `text`. An empty text is incomplete, with 0 bytes.
Utf8Char decode_utf8(std::string_view text);

// `code_point` must be that of a character.
Status append_utf8(uint32_t code_point, Array<char>& out);

bool is_valid_utf8(std::string_view text);

// Appends `text` to `out` with U+FFFD for whatever is not a character, and returns how many bytes
// that took: all of them, but for an incomplete character at the end, which stays with the caller.
Result<size_t> append_valid_utf8(std::string_view text, Array<char>& out);

}  // namespace pipit
