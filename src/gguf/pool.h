// Pool<T>: storage that only grows, in blocks that never move, so that views into it stay valid and
// memory follows what has really arrived.
#pragma once

#include "base/array.h"

namespace pipit {

template <typename T, size_t kBlockBytes = (size_t{1} << 20)>
class Pool {
 public:
  // Elements in a block.
  static constexpr size_t kBlock = kBlockBytes / sizeof(T);

  Pool() = default;
  ~Pool() {
    for (T* block : blocks_) release(block);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Position of the next element.
  uint64_t size() const { return size_; }

  // Elements that follow size() without a block boundary between them.
  size_t room() const { return kBlock - static_cast<size_t>(size_ % kBlock); }

  // `n` (≤ kBlock) new elements, uninitialised, that lie next to each other; a block too full for
  // them is left behind.
  Result<T*> extend(size_t n) {
    if (n > room()) size_ += room();
    if (n > 0 && size_ == uint64_t{blocks_.size()} * kBlock) {
      PIPIT_RETURN_IF_ERROR(add_block());
    }
    if (n == 0) return static_cast<T*>(nullptr);
    T* first = &blocks_[static_cast<size_t>(size_ / kBlock)][size_ % kBlock];
    size_ += n;
    return first;
  }

  // Skips to a position that is a multiple of `n`, a power of two.
  void align(uint64_t n) { size_ = (size_ + n - 1) & ~(n - 1); }

  const T* at(uint64_t position) const {
    return &blocks_[static_cast<size_t>(position / kBlock)][position % kBlock];
  }

 private:
  Status add_block() {
    T* block = static_cast<T*>(allocate(kBlock * sizeof(T)));
    if (block == nullptr) {
      return {StatusCode::kOutOfMemory,
              "Not enough memory for what the model file holds beside its weights. Close other "
              "tabs or choose a smaller model."};
    }
    const Status status = blocks_.push_back(block);
    if (!status.ok()) release(block);
    return status;
  }

  Array<T*> blocks_;
  uint64_t size_ = 0;
};

}  // namespace pipit
