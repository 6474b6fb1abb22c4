// Weights: a model's tensors in the layout of the chosen kernel set, filled while the file's bytes
// arrive.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/array.h"
#include "gguf/gguf.h"
#include "kernels/kernel_set.h"
#include "pipit/status.h"

namespace pipit {

// Rows of a tensor that are a matrix of their own.
struct MatrixRows {
  uint32_t n_rows;
  PackedMatrix* matrix;
};

// A place for one tensor: matrices in panels, one below the other, as a rule one; or, for norms and
// the like, a vector of floats.
struct TensorSlot {
  std::string name;  // GGUF name: "blk.0.attn_q.weight"
  uint32_t n_rows;   // of all matrices; 1 for a vector
  uint32_t n_cols;
  std::vector<MatrixRows> matrices = {};  // one of the two is set
  Array<float>* vector = nullptr;
  bool required = true;
  bool is_head = false;  // may serve as the output head: halved where the kernel set can use that
  bool filled = false;   // a file has it
};

// Routes the bytes of a model's files to their slots: no tensor is ever held twice, at most
// kPanelRows rows wait for their panel.
class WeightLoader {
 public:
  // The slots' targets must outlive the loader.
  WeightLoader(std::vector<TensorSlot> slots, const KernelSet& kernels)
      : kernels_(&kernels), slots_(std::move(slots)) {}

  // Begins with a file, once the one before is complete: checks its directory against the slots
  // (unknown, twice, wrong shape, unsupported type, and missing when it `is_last`: kInvalidFile or
  // kUnsupported, naming the tensor) and allocates the slots of its tensors (kOutOfMemory). `gguf`
  // must outlive the loader. `position`: offset in the file of the first byte that will be fed,
  // where the header ended.
  Status begin_file(const Gguf& gguf, uint64_t position, bool is_last);

  // Takes the file's next bytes. Those between and behind tensors are skipped. kInvalidFile when a
  // block's scale is not finite.
  Status feed(std::span<const uint8_t> bytes);

  // After a file's last byte. Errors: kTruncated when a tensor is not complete.
  Status end_file() const;

  // Bytes that the slots take in memory.
  uint64_t packed_bytes() const { return packed_bytes_; }

 private:
  struct Piece {  // a tensor of the file and its slot, in file order
    const TensorInfo* tensor;
    size_t slot;
  };

  // Checks the tensor and notes that the slot will hold it.
  Status fill_slot(size_t i, const TensorInfo& tensor);
  // Makes room for all tensors of the file at hand.
  Status allocate_slots();
  uint64_t packed_bytes(const PackedMatrix& matrix) const;
  size_t piece_row_bytes(const Piece& piece) const;
  Status take_tensor_bytes(std::span<const uint8_t> bytes);
  Status check_rows(const Piece& piece) const;
  Status store_rows(const Piece& piece);

  const KernelSet* kernels_;
  std::vector<TensorSlot> slots_;
  std::vector<Piece> pieces_;  // of the file at hand
  size_t current_ = 0;         // the piece that waits for bytes
  uint64_t packed_bytes_ = 0;
  uint64_t position_ = 0;   // offset in the file of the next byte
  size_t matrix_ = 0;       // of the current piece: the one that the next rows are of
  uint32_t first_row_ = 0;  // of that one: rows before it are packed
  Array<uint8_t> rows_;     // bytes of up to kPanelRows rows of the current piece
};

}  // namespace pipit
