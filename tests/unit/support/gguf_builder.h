// Writes GGUF files for tests: ByteWriter byte by byte (also wrong ones), GgufBuilder whole
// well-formed files.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gguf/gguf.h"
#include "gguf/tensor_type.h"
#include "quant/format.h"

namespace pipit::testing {

// Appends little-endian values to `bytes`.
struct ByteWriter {
  std::vector<uint8_t> bytes;

  ByteWriter& raw(const void* data, size_t n) {
    const auto* first = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), first, first + n);
    return *this;
  }
  ByteWriter& text(std::string_view s) { return raw(s.data(), s.size()); }
  template <typename T>
  ByteWriter& number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    return raw(&value, sizeof(value));
  }
  ByteWriter& u8(uint8_t value) { return number(value); }
  ByteWriter& u32(uint32_t value) { return number(value); }
  ByteWriter& u64(uint64_t value) { return number(value); }
  ByteWriter& type(GgufType value) { return u32(static_cast<uint32_t>(value)); }
  // A GGUF string: length, then bytes.
  ByteWriter& string(std::string_view s) { return u64(s.size()).text(s); }
  // "GGUF", the version and the two counts.
  ByteWriter& prefix(uint64_t n_tensors, uint64_t n_pairs, uint32_t version = 3) {
    return text("GGUF").u32(version).u64(n_tensors).u64(n_pairs);
  }
  // A tensor's line in the directory; `offset` counts from the start of the data.
  ByteWriter& tensor(std::string_view name, const std::vector<uint64_t>& dims, TensorType type,
                     uint64_t offset) {
    string(name).u32(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) u64(dim);
    return u32(static_cast<uint32_t>(type)).u64(offset);
  }
  ByteWriter& pad_to(uint64_t alignment) {
    while (bytes.size() % alignment != 0) u8(0);
    return *this;
  }
};

// The GgufType of a C++ type.
template <typename T>
constexpr GgufType gguf_type_of() {
  if constexpr (std::is_same_v<T, bool>) return GgufType::kBool;
  if constexpr (std::is_same_v<T, uint8_t>) return GgufType::kU8;
  if constexpr (std::is_same_v<T, int8_t>) return GgufType::kI8;
  if constexpr (std::is_same_v<T, uint16_t>) return GgufType::kU16;
  if constexpr (std::is_same_v<T, int16_t>) return GgufType::kI16;
  if constexpr (std::is_same_v<T, uint32_t>) return GgufType::kU32;
  if constexpr (std::is_same_v<T, int32_t>) return GgufType::kI32;
  if constexpr (std::is_same_v<T, float>) return GgufType::kF32;
  if constexpr (std::is_same_v<T, uint64_t>) return GgufType::kU64;
  if constexpr (std::is_same_v<T, int64_t>) return GgufType::kI64;
  if constexpr (std::is_same_v<T, double>) return GgufType::kF64;
}

// A well-formed file:
//   GgufBuilder().string("general.architecture", "llama").u32("llama.block_count", 2)
//       .tensor("output_norm.weight", TensorType::kF32, {64}, values).build()
class GgufBuilder {
 public:
  explicit GgufBuilder(uint32_t version = 3) : version_(version) {}

  template <typename T>
  GgufBuilder& scalar(std::string_view key, T value) {
    pair(key).type(gguf_type_of<T>()).number(value);
    return *this;
  }
  GgufBuilder& u32(std::string_view key, uint32_t value) { return scalar(key, value); }
  GgufBuilder& i32(std::string_view key, int32_t value) { return scalar(key, value); }
  GgufBuilder& f32(std::string_view key, float value) { return scalar(key, value); }
  GgufBuilder& boolean(std::string_view key, bool value) { return scalar(key, value); }
  GgufBuilder& string(std::string_view key, std::string_view value) {
    pair(key).type(GgufType::kString).string(value);
    return *this;
  }
  template <typename T>
  GgufBuilder& array(std::string_view key, const std::vector<T>& values) {
    pair(key).type(GgufType::kArray).type(gguf_type_of<T>()).u64(values.size());
    for (const T value : values) pairs_.number(value);
    return *this;
  }
  GgufBuilder& strings(std::string_view key, const std::vector<std::string>& values) {
    pair(key).type(GgufType::kArray).type(GgufType::kString).u64(values.size());
    for (const std::string& value : values) pairs_.string(value);
    return *this;
  }
  // Writes general.alignment and obeys it.
  GgufBuilder& alignment(uint32_t bytes) {
    alignment_ = bytes;
    return u32("general.alignment", bytes);
  }

  // A tensor from its raw bytes (dims[0] is the row length).
  GgufBuilder& raw_tensor(std::string_view name, TensorType type, const std::vector<uint64_t>& dims,
                          std::vector<uint8_t> bytes) {
    tensors_.push_back({std::string(name), type, dims, std::move(bytes)});
    return *this;
  }
  // A tensor from floats, encoded with pipit's own format for `type`.
  GgufBuilder& tensor(std::string_view name, TensorType type, const std::vector<uint64_t>& dims,
                      const std::vector<float>& values) {
    const TensorTypeInfo& info = *tensor_type_info(type);
    std::vector<uint8_t> bytes(values.size() / info.block_size * info.block_bytes);
    find_format(type)->encode(values.data(), values.size(), bytes.data());
    return raw_tensor(name, type, dims, std::move(bytes));
  }

  // Everything up to the last byte of the tensor directory, without the padding before the data.
  std::vector<uint8_t> header() const {
    ByteWriter out;
    out.prefix(tensors_.size(), n_pairs_, version_).raw(pairs_.bytes.data(), pairs_.bytes.size());
    uint64_t offset = 0;
    for (const Tensor& tensor : tensors_) {
      out.tensor(tensor.name, tensor.dims, tensor.type, offset);
      offset += (tensor.bytes.size() + alignment_ - 1) / alignment_ * alignment_;
    }
    return out.bytes;
  }

  // The whole file.
  std::vector<uint8_t> build() const {
    ByteWriter out{header()};
    for (const Tensor& tensor : tensors_) {
      out.pad_to(alignment_).raw(tensor.bytes.data(), tensor.bytes.size());
    }
    return out.bytes;
  }

 private:
  struct Tensor {
    std::string name;
    TensorType type;
    std::vector<uint64_t> dims;
    std::vector<uint8_t> bytes;
  };

  ByteWriter& pair(std::string_view key) {
    ++n_pairs_;
    return pairs_.string(key);
  }

  uint32_t version_;
  uint32_t alignment_ = 32;
  uint64_t n_pairs_ = 0;
  ByteWriter pairs_;
  std::vector<Tensor> tensors_;
};

}  // namespace pipit::testing
