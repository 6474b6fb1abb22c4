// Parses a GGUF header in chunks and says in one comparable value what came of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/str_cat.h"
#include "gguf/gguf.h"

namespace pipit::testing {

// How many bytes of the `left` ones to feed next.
using Chunking = size_t (*)(size_t left, std::mt19937& random);

struct NamedChunking {
  const char* name;
  Chunking next;
};

inline constexpr NamedChunking kChunkings[] = {
    {"whole", [](size_t left, std::mt19937&) { return left; }},
    {"one byte at a time", [](size_t, std::mt19937&) { return size_t{1}; }},
    {"random chunks, some empty",
     [](size_t, std::mt19937& random) { return size_t{random() % 24}; }},
};

// Feeds `bytes`; the parser's own state says the rest.
inline Result<std::unique_ptr<Gguf>> parse_gguf(std::span<const uint8_t> bytes,
                                                uint64_t file_size = 0,
                                                Chunking next = kChunkings[0].next) {
  GgufParser parser(file_size);
  std::mt19937 random(11);
  size_t at = 0;
  while (at < bytes.size() && !parser.done()) {
    const size_t n = std::min(next(bytes.size() - at, random), bytes.size() - at);
    PIPIT_ASSIGN_OR_RETURN(const size_t used, parser.feed(bytes.subspan(at, n)));
    at += used;
    if (used < n && !parser.done()) return Status(StatusCode::kInternal, "bytes were left over");
  }
  return parser.finish();
}

// Everything that a Gguf holds.
inline std::string describe_gguf(const Gguf& gguf) {
  std::string out = str_cat("v", gguf.version(), " alignment ", gguf.alignment(), " data ",
                            gguf.data_offset(), "\n");
  for (size_t i = 0; i < gguf.n_pairs(); ++i) {
    const GgufValue& value = gguf.value(i);
    out += str_cat(gguf.key(i), gguf.find(gguf.key(i)) == &value ? " = " : " is not found ",
                   static_cast<uint32_t>(value.type), value.is_array ? "[]" : "", ":");
    for (uint64_t k = 0; k < value.n; ++k) {
      out += ' ';
      out += value.type == GgufType::kString ? std::string(gguf.string(value, k))
                                             : str_cat(gguf.number(value, k));
    }
    out += '\n';
  }
  for (const TensorInfo& tensor : gguf.tensors()) {
    out += str_cat(tensor.name, gguf.find_tensor(tensor.name) == &tensor ? "" : " is not found",
                   " type ", static_cast<uint32_t>(tensor.type), " dims");
    for (uint32_t d = 0; d < 4; ++d) out += str_cat(' ', tensor.dims[d]);
    out += str_cat(" of ", tensor.n_dims, " at ", tensor.offset, " + ", tensor.n_bytes, "\n");
  }
  return out;
}

struct Outcome {
  StatusCode code;
  std::string text;  // the message, or everything in the header

  bool operator==(const Outcome&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << status_code_name(outcome.code) << ": " << outcome.text;
}

inline Outcome gguf_outcome(std::span<const uint8_t> bytes, uint64_t file_size = 0,
                            Chunking next = kChunkings[0].next) {
  const Result<std::unique_ptr<Gguf>> gguf = parse_gguf(bytes, file_size, next);
  if (!gguf.ok()) return {gguf.status().code(), gguf.status().message()};
  return {StatusCode::kOk, describe_gguf(**gguf)};
}

}  // namespace pipit::testing
