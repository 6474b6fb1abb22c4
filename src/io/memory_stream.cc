// A ByteStream over bytes in memory.
#include <algorithm>
#include <cstring>

#include "io/byte_stream.h"

namespace pipit {
namespace {

class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t size() const override { return bytes_.size(); }

  Result<size_t> read(std::span<uint8_t> buffer) override {
    const size_t n = std::min(buffer.size(), bytes_.size() - position_);
    if (n > 0) std::memcpy(buffer.data(), bytes_.data() + position_, n);
    position_ += n;
    return n;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> memory_stream(std::span<const uint8_t> bytes) {
  return std::make_unique<MemoryStream>(bytes);
}

}  // namespace pipit
