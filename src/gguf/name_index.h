// A sorted index over names from outside: duplicates in O(n log n), look-ups in O(log n), whatever
// names a hostile file chooses (a hash table with a known hash function can be made to take O(n) a
// look-up).
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/array.h"

namespace pipit {

// 0 … n - 1 in the order of `name(i)`.
template <typename Name>
Result<Array<uint32_t>> sort_by_name(size_t n, Name name) {
  PIPIT_ASSIGN_OR_RETURN(Array<uint32_t> sorted, Array<uint32_t>::make(n));
  for (size_t i = 0; i < n; ++i) sorted[i] = static_cast<uint32_t>(i);
  std::sort(sorted.begin(), sorted.end(),
            [&](uint32_t a, uint32_t b) { return name(a) < name(b); });
  return sorted;
}

// A name that two entries of `sorted` share.
template <typename Name>
std::optional<std::string_view> find_duplicate(const Array<uint32_t>& sorted, Name name) {
  const uint32_t* twice = std::adjacent_find(
      sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) { return name(a) == name(b); });
  if (twice == sorted.end()) return std::nullopt;
  return name(*twice);
}

// The i with name(i) == wanted.
template <typename Name>
std::optional<uint32_t> find_by_name(const Array<uint32_t>& sorted, std::string_view wanted,
                                     Name name) {
  const uint32_t* found =
      std::lower_bound(sorted.begin(), sorted.end(), wanted,
                       [&](uint32_t i, std::string_view text) { return name(i) < text; });
  if (found == sorted.end() || name(*found) != wanted) return std::nullopt;
  return *found;
}

}  // namespace pipit
