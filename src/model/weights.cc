// From the tensor directory to packed weights, panel by panel as the bytes come.
#include "model/weights.h"

#include <algorithm>

#include "base/checked.h"
#include "base/quote.h"
#include "base/str_cat.h"

namespace pipit {
namespace {

// "[576, 1536]", rows first as people write matrices.
std::string shape_text(uint64_t n_rows, uint64_t n_cols) {
  return str_cat("[", n_rows, ", ", n_cols, "]");
}

Status check_tensor(const TensorInfo& tensor, const TensorSlot& slot, const Format* format) {
  const uint64_t n_rows = tensor.dims[1] * tensor.dims[2] * tensor.dims[3];
  if (tensor.dims[0] != slot.n_cols || n_rows != slot.n_rows) {
    return {StatusCode::kInvalidFile,
            str_cat("Tensor '", slot.name, "' has the shape ", shape_text(n_rows, tensor.dims[0]),
                    "; by the file's hyper-parameters it must be ",
                    shape_text(slot.n_rows, slot.n_cols), ".")};
  }
  if (format == nullptr) {
    return {StatusCode::kUnsupported,
            str_cat("Tensor '", slot.name, "' is of type ", tensor_type_info(tensor.type)->name,
                    ", which pipit does not compute with. Choose a file that has only: ",
                    supported_format_names(), ".")};
  }
  return ok_status();
}

}  // namespace

Status WeightLoader::begin_file(const Gguf& gguf, uint64_t position, bool is_last) {
  position_ = position;
  pieces_.clear();
  current_ = 0;

  size_t largest_row = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const TensorInfo* tensor = gguf.find_tensor(slots_[i].name);
    if (tensor != nullptr) {
      PIPIT_RETURN_IF_ERROR(fill_slot(i, *tensor));
      largest_row = std::max(largest_row, piece_row_bytes(pieces_.back()));
    } else if (is_last && slots_[i].required && !slots_[i].filled) {
      return {StatusCode::kInvalidFile,
              str_cat("Tensor '", slots_[i].name,
                      "' is missing. The file is incomplete or of another architecture.")};
    }
  }
  if (pieces_.size() != gguf.tensors().size()) {
    for (const TensorInfo& tensor : gguf.tensors()) {
      const auto same_name = [&](const TensorSlot& slot) { return slot.name == tensor.name; };
      if (std::none_of(slots_.begin(), slots_.end(), same_name)) {
        return {StatusCode::kUnsupported,
                str_cat("Tensor ", quote(tensor.name),
                        " is not one that pipit knows in this architecture; "
                        "without it the answers would be wrong.")};
      }
    }
  }
  std::sort(pieces_.begin(), pieces_.end(),
            [](const Piece& a, const Piece& b) { return a.tensor->offset < b.tensor->offset; });
  PIPIT_RETURN_IF_ERROR(allocate_slots());
  return rows_.reserve(uint64_t{largest_row} * kPanelRows);
}

Status WeightLoader::allocate_slots() {
  Status no_room(StatusCode::kOutOfMemory,
                 str_cat("Not enough memory for the model's weights, which take ", packed_bytes_,
                         " bytes; WebAssembly can address ", uint64_t{1} << 32,
                         ". Close other tabs or choose a smaller model."));
  // Before most of them are there: they might take from others what cannot be enough.
  if (!checked_size(packed_bytes_)) return no_room;
  for (const Piece& piece : pieces_) {
    const TensorSlot& slot = slots_[piece.slot];
    for (const MatrixRows& rows : slot.matrices) {
      if (!rows.matrix->bytes.resize(packed_bytes(*rows.matrix)).ok()) return no_room;
    }
    if (slot.vector != nullptr && !slot.vector->resize(slot.n_cols).ok()) return no_room;
  }
  return ok_status();
}

uint64_t WeightLoader::packed_bytes(const PackedMatrix& matrix) const {
  return kernels_->packed_bytes(*matrix.format, matrix.n_rows, matrix.n_cols);
}

Status WeightLoader::fill_slot(size_t i, const TensorInfo& tensor) {
  TensorSlot& slot = slots_[i];
  if (slot.filled) {
    return {StatusCode::kInvalidFile,
            str_cat("Tensor '", slot.name,
                    "' is in two files of this model. They do not belong together.")};
  }
  const Format* format = find_format(tensor.type);
  PIPIT_RETURN_IF_ERROR(check_tensor(tensor, slot, format));
  for (const MatrixRows& rows : slot.matrices) {
    rows.matrix->format = format;
    rows.matrix->n_rows = rows.n_rows;
    rows.matrix->n_cols = slot.n_cols;
    rows.matrix->is_halved =
        slot.is_head && format->kind == WeightKind::kInt8 && kernels_->upper_bounds != nullptr;
    packed_bytes_ += packed_bytes(*rows.matrix);
  }
  if (slot.vector != nullptr) packed_bytes_ += uint64_t{slot.n_cols} * sizeof(float);
  slot.filled = true;
  pieces_.push_back({&tensor, i});
  return ok_status();
}

size_t WeightLoader::piece_row_bytes(const Piece& piece) const {
  return static_cast<size_t>(
      row_bytes(*find_format(piece.tensor->type), slots_[piece.slot].n_cols));
}

Status WeightLoader::feed(std::span<const uint8_t> bytes) {
  while (!bytes.empty() && current_ < pieces_.size()) {
    const uint64_t begin = pieces_[current_].tensor->offset;
    if (position_ < begin) {  // padding
      const auto n = static_cast<size_t>(std::min<uint64_t>(begin - position_, bytes.size()));
      position_ += n;
      bytes = bytes.subspan(n);
      continue;
    }
    const uint64_t end = begin + pieces_[current_].tensor->n_bytes;
    const auto n = static_cast<size_t>(std::min<uint64_t>(end - position_, bytes.size()));
    PIPIT_RETURN_IF_ERROR(take_tensor_bytes(bytes.first(n)));
    position_ += n;
    bytes = bytes.subspan(n);
    if (position_ == end) {
      ++current_;
      matrix_ = 0;
      first_row_ = 0;
    }
  }
  position_ += bytes.size();
  return ok_status();
}

// Bytes of the current piece, not beyond its end.
Status WeightLoader::take_tensor_bytes(std::span<const uint8_t> bytes) {
  const Piece& piece = pieces_[current_];
  const TensorSlot& slot = slots_[piece.slot];
  while (!bytes.empty()) {
    const uint32_t n_all = slot.vector != nullptr ? 1 : slot.matrices[matrix_].n_rows;
    const size_t n_rows = std::min<size_t>(kPanelRows, n_all - first_row_);
    const size_t missing = n_rows * piece_row_bytes(piece) - rows_.size();
    const size_t n = std::min(missing, bytes.size());
    PIPIT_RETURN_IF_ERROR(rows_.append(bytes.first(n)));
    bytes = bytes.subspan(n);
    if (n == missing) PIPIT_RETURN_IF_ERROR(store_rows(piece));
  }
  return ok_status();
}

// Refuses what the kernels would take for finite numbers.
Status WeightLoader::check_rows(const Piece& piece) const {
  const Format& format = *find_format(piece.tensor->type);
  const size_t at =
      find_infinite_block(format, rows_.span()) * tensor_type_info(format.type)->block_bytes;
  if (at == rows_.size()) return ok_status();
  const TensorSlot& slot = slots_[piece.slot];
  uint64_t row = first_row_ + at / piece_row_bytes(piece);
  for (size_t i = 0; i < matrix_; ++i) row += slot.matrices[i].n_rows;
  return {StatusCode::kInvalidFile,
          str_cat("Tensor '", slot.name, "' has a scale in row ", row,
                  " that is infinite or not a number. The file is damaged: download it again, or, "
                  "if that does not help, choose one that was quantised from sound weights.")};
}

// Packs the rows that wait.
Status WeightLoader::store_rows(const Piece& piece) {
  const TensorSlot& slot = slots_[piece.slot];
  const Format& format = *find_format(piece.tensor->type);
  PIPIT_RETURN_IF_ERROR(check_rows(piece));
  if (slot.vector != nullptr) {
    format.decode(rows_.data(), slot.n_cols, slot.vector->data());
  } else {
    const MatrixRows& rows = slot.matrices[matrix_];
    const auto n_rows = static_cast<uint32_t>(rows_.size() / piece_row_bytes(piece));
    kernels_->pack_rows(rows_.data(), first_row_, n_rows, *rows.matrix);
    first_row_ += n_rows;
    if (first_row_ == rows.n_rows) {
      ++matrix_;
      first_row_ = 0;
    }
  }
  rows_.clear();
  return ok_status();
}

Status WeightLoader::end_file() const {
  if (current_ == pieces_.size()) return ok_status();
  const TensorInfo& tensor = *pieces_[current_].tensor;
  return {StatusCode::kTruncated, str_cat("The file ends at byte ", position_, ", before tensor '",
                                          tensor.name, "' (bytes ", tensor.offset, " to ",
                                          tensor.offset + tensor.n_bytes, "). Download it again.")};
}

}  // namespace pipit
