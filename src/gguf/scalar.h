// GGUF's value types: their names and sizes, and reading and writing one number of each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gguf/gguf.h"

namespace pipit {

enum class GgufKind { kUnsigned, kSigned, kFloat, kBool, kString, kArray };

struct GgufTypeInfo {
  GgufType type;
  const char* name;  // for messages
  GgufKind kind;
  uint32_t bytes;  // of a number; 0 for strings and arrays
};

// The type's line of the table, or nullptr for a number that is no type.
const GgufTypeInfo* gguf_type_info(GgufType type);

// The number whose bytes begin at `bytes`, which may be at any address; `type` is a number's.
GgufScalar load_scalar(GgufType type, const char* bytes);

inline constexpr size_t kMaxScalarBytes = 8;

// The same the other way; returns how many bytes, at most kMaxScalarBytes.
size_t store_scalar(GgufType type, GgufScalar scalar, char* bytes);

}  // namespace pipit
