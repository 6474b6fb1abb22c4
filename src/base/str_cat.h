// str_cat("row ", 3, " of ", name): the text of an error message from its parts.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace pipit {
namespace internal {

inline void append_part(std::string& out, std::string_view part) { out.append(part); }
inline void append_part(std::string& out, const char* part) { out.append(part); }
inline void append_part(std::string& out, char part) { out.push_back(part); }

inline void append_part(std::string& out, bool part) { out.append(part ? "true" : "false"); }

template <std::integral Integer>
void append_part(std::string& out, Integer part) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), part).ptr);
}

inline void append_part(std::string& out, double part) {  // to_chars would link big tables
  char digits[32];
  out.append(digits, static_cast<size_t>(std::snprintf(digits, sizeof(digits), "%.7g", part)));
}

}  // namespace internal

template <typename... Parts>
std::string str_cat(const Parts&... parts) {
  std::string out;
  (internal::append_part(out, parts), ...);
  return out;
}

}  // namespace pipit
