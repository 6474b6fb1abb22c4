// Writes a GGUF file's header (gguf.h has its grammar) from the pairs and tensors of one that was
// read.
#pragma once

#include <string_view>

#include "base/array.h"
#include "gguf/gguf.h"

namespace pipit {

// Appends to a buffer, which must outlive the writer, part by part in the file's order.
class GgufWriter {
 public:
  explicit GgufWriter(Array<uint8_t>& out) : out_(out) {}

  // "GGUF", version 3 and the two counts.
  void prefix(uint64_t n_tensors, uint64_t n_pairs);
  // Pair `i` of `gguf`, as it is.
  void pair(const Gguf& gguf, size_t i);
  void u32_pair(std::string_view key, uint32_t value);
  // A line of the directory: `tensor` with another type and offset, which counts from the data's
  // start.
  void tensor(const TensorInfo& tensor, TensorType type, uint64_t offset);
  // Zeros up to a multiple of `alignment`.
  void pad(uint64_t alignment);

  // Of all that was appended. Errors: kOutOfMemory.
  const Status& status() const { return status_; }

 private:
  template <typename T>
  void number(T value) {
    bytes({reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  void bytes(std::string_view text);
  void string(std::string_view text);
  void type(GgufType type);

  Array<uint8_t>& out_;
  Status status_;
};

}  // namespace pipit
