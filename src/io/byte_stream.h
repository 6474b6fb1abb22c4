// ByteStream: where a native caller's bytes come from. JavaScript has no need of one: it feeds
// chunks to ModelLoader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>

#include "pipit/status.h"

namespace pipit {

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // Bytes in the whole stream.
  virtual uint64_t size() const = 0;

  // Fills the front of `buffer`; returns how many bytes, 0 only at the end. Errors: kIo.
  virtual Result<size_t> read(std::span<uint8_t> buffer) = 0;
};

// Bytes that the caller holds; they must outlive the stream.
std::unique_ptr<ByteStream> memory_stream(std::span<const uint8_t> bytes);

// A file's bytes. Errors: kNotFound, kIo.
Result<std::unique_ptr<ByteStream>> file_stream(const std::string& path);

}  // namespace pipit
