// What a file that is not GGUF probably is, so that the message can say what to do.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pipit {

// Bytes from a file's front that describe_foreign_file can make use of.
inline constexpr size_t kForeignFileBytes = 24;

// A sentence about a file that begins with `front` (at most kForeignFileBytes), which is not
// "GGUF".
std::string describe_foreign_file(std::span<const uint8_t> front);

}  // namespace pipit
