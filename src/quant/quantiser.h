// Quantiser: a GGUF file's bytes go in, in chunks of any size, and those of the quantised file come
// out. Never more than a chunk and the header are in memory.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/array.h"
#include "base/thread_pool.h"
#include "gguf/gguf.h"
#include "quant/quantise_plan.h"

namespace pipit {

class Quantiser {
 public:
  // `target` is a name of a QuantiseTarget, `file_size` the input's bytes (0: unknown).
  // Errors: kInvalidArgument, those of ThreadPool::create.
  static Result<std::unique_ptr<Quantiser>> create(std::string_view target, uint64_t file_size,
                                                   size_t n_threads);

  // Takes the input's next bytes; appends to `out` what is now known of the output. Errors: those
  // of GgufParser and plan_quantising, kInvalidFile for a weight that is no number or too large for
  // the type, kOutOfMemory.
  Status feed(std::span<const uint8_t> bytes, Array<uint8_t>& out);

  // After the input's last byte. Errors: kTruncated.
  Status finish();

  // What becomes of the tensors; empty before the header is complete.
  std::span<const TensorPlan> tensors() const { return plan_.span(); }

 private:
  Quantiser(const QuantiseTarget& target, uint64_t file_size, std::unique_ptr<ThreadPool> threads)
      : target_(target), parser_(file_size), threads_(std::move(threads)) {}

  Result<size_t> feed_header(std::span<const uint8_t> bytes, Array<uint8_t>& out);
  Status write_header(Array<uint8_t>& out) const;
  // The bytes of `tensor` that follow those taken before.
  Status feed_tensor(const TensorPlan& tensor, std::span<const uint8_t> bytes, Array<uint8_t>& out);
  // `bytes` hold whole output blocks.
  Status convert(const TensorPlan& tensor, std::span<const uint8_t> bytes, Array<uint8_t>& out);

  const QuantiseTarget& target_;
  GgufParser parser_;
  std::unique_ptr<ThreadPool> threads_;
  std::unique_ptr<Gguf> gguf_;  // once the header is complete
  Array<TensorPlan> plan_;
  Array<uint32_t> order_;     // indices into plan_, as the tensors' data lie in the input
  size_t next_ = 0;           // the place in order_ of the tensor whose bytes come next
  uint64_t position_ = 0;     // bytes of the input taken
  Array<uint8_t> remainder_;  // of a tensor: the bytes at the end that are no whole block
};

}  // namespace pipit
