// Utf8Stream: the bytes of token after token in, whole characters out. A token may end within a
// character.
#pragma once

#include <string_view>

#include "base/array.h"
#include "pipit/status.h"

namespace pipit {

class Utf8Stream {
 public:
  // The characters that `bytes` completes. A sequence that no continuation makes valid comes out as
  // U+FFFD at once; the begin of a character is held back. The text is valid until the next call.
  Result<std::string_view> push(std::string_view bytes);

  // The end: what was held back comes out as one U+FFFD. The stream may then be used anew.
  Result<std::string_view> flush();

 private:
  Array<char> pending_;  // a character's first bytes (at most 3) between calls
  Array<char> text_;     // what the last call gave out
};

}  // namespace pipit
