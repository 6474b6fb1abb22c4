// The header's parts, little-endian.
#include "gguf/gguf_writer.h"

#include "gguf/scalar.h"

namespace pipit {
namespace {

constexpr uint32_t kVersion = 3;

}  // namespace

void GgufWriter::prefix(uint64_t n_tensors, uint64_t n_pairs) {
  bytes("GGUF");
  number(kVersion);
  number(n_tensors);
  number(n_pairs);
}

void GgufWriter::pair(const Gguf& gguf, size_t i) {
  const GgufValue& value = gguf.value(i);
  string(gguf.key(i));
  if (value.is_array) {
    type(GgufType::kArray);
    type(value.type);
    number(value.n);
  } else {
    type(value.type);
  }
  for (uint64_t k = 0; k < value.n; ++k) {
    if (value.type == GgufType::kString) {
      string(gguf.string(value, k));
    } else {
      char scalar[kMaxScalarBytes];
      bytes({scalar, store_scalar(value.type, gguf.scalar(value, k), scalar)});
    }
  }
}

void GgufWriter::u32_pair(std::string_view key, uint32_t value) {
  string(key);
  type(GgufType::kU32);
  number(value);
}

void GgufWriter::tensor(const TensorInfo& tensor, TensorType type, uint64_t offset) {
  string(tensor.name);
  number(tensor.n_dims);
  for (uint32_t i = 0; i < tensor.n_dims; ++i) number(tensor.dims[i]);
  number(static_cast<uint32_t>(type));
  number(offset);
}

void GgufWriter::pad(uint64_t alignment) {
  if (status_.ok()) status_ = out_.resize(*checked_round_up(out_.size(), alignment));
}

void GgufWriter::bytes(std::string_view text) {
  if (!status_.ok()) return;
  status_ = out_.append({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

void GgufWriter::string(std::string_view text) {
  number(uint64_t{text.size()});
  bytes(text);
}

void GgufWriter::type(GgufType type) { number(static_cast<uint32_t>(type)); }

}  // namespace pipit
