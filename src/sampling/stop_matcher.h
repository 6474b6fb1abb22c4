// StopMatcher: finds stop strings in streamed text, and holds back what may yet become one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/array.h"
#include "pipit/status.h"

namespace pipit {

inline constexpr size_t kMaxStopStrings = 64;
inline constexpr size_t kMaxStopStringBytes = 1024;

// The match that is complete first wins, so that generation ends at once and no result depends on
// how the text is cut into pieces; of several that are complete at the same byte, the longest wins,
// then the first in the list.
class StopMatcher {
 public:
  struct Output {
    std::string_view text;  // can no longer be part of a stop string; valid until the next call
    int32_t stop = -1;      // index of the stop string that follows `text`; -1: none yet
  };

  // Errors: kInvalidArgument (an empty string, or one that begins inside a UTF-8 character),
  // kLimitExceeded, kOutOfMemory.
  static Result<StopMatcher> create(std::span<const std::string> stops);

  // Takes the next `piece` of the text (whole UTF-8 characters). Gives all of the text so far that
  // was not given out yet, but for its longest suffix that begins a stop string. Once a stop string
  // is complete, gives the text before it and forgets the rest: a new text may begin. Time: O(stop
  // strings × bytes). Errors: kOutOfMemory.
  Result<Output> feed(std::string_view piece);

  // Ends the text: gives out what is held back. A new text may begin.
  std::string_view flush();

 private:
  struct Stop {
    size_t offset;   // in bytes_ and fallback_
    size_t length;   // bytes, > 0
    size_t matched;  // the longest proper prefix of the stop string that the text ends with
  };

  void add_fallbacks(const Stop& stop);
  size_t advance(const Stop& stop, size_t matched, char next) const;
  void drop_given();
  std::string_view give(size_t n);
  void restart();

  Array<Stop> stops_;
  Array<char> bytes_;         // the stop strings, one after the other
  Array<uint16_t> fallback_;  // of each prefix (ending at this byte): its longest proper suffix
                              // that is a prefix too
  Array<char> text_;          // [given_] given out by the last call, then what is held back
  size_t given_ = 0;
};

}  // namespace pipit
