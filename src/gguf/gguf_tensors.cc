// The header parser's second half: the tensor directory, whose shapes and offsets are checked
// against each other, the limits and the file's size.
#include <algorithm>

#include "base/checked.h"
#include "base/quote.h"
#include "base/str_cat.h"
#include "gguf/gguf.h"
#include "gguf/limits.h"
#include "gguf/name_index.h"

namespace pipit {
namespace {

// Bytes of `elements` (a multiple of the block size).
std::optional<uint64_t> tensor_bytes(const TensorTypeInfo& info, uint64_t elements) {
  const auto bytes = checked_mul(elements / info.block_size, info.block_bytes);
  return bytes && *bytes <= limits::kMaxFileBytes ? bytes : std::nullopt;
}

Status too_large(std::string_view name) {
  return {StatusCode::kLimitExceeded,
          str_cat("The tensor ", quote(name), " reaches beyond ", limits::kMaxFileBytes,
                  " bytes, more than pipit accepts. The file is damaged or not a model.")};
}

}  // namespace

Status GgufParser::next_tensor() {
  if (gguf_->tensors_.size() == n_tensors_) return end_of_tensors();
  tensor_ = {};
  return expect(Item::kTensorNameLength, sizeof(uint64_t));
}

Status GgufParser::complete_tensor_name_length() {
  const auto n = scratch_value<uint64_t>();
  if (n > limits::kMaxTensorNameBytes) return too_long(n, limits::kMaxTensorNameBytes);
  return expect_in_pool(Item::kTensorName, static_cast<size_t>(n));
}

Status GgufParser::complete_tensor_dims() {
  tensor_.n_dims = scratch_value<uint32_t>();
  if (tensor_.n_dims < 1 || tensor_.n_dims > limits::kMaxDimensions) {
    return invalid(str_cat(tensor_.n_dims, " dimensions where 1 to ", limits::kMaxDimensions,
                           " were expected"));
  }
  return expect(Item::kTensorShape,
                tensor_.n_dims * sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint64_t));
}

Status GgufParser::complete_tensor_shape() {
  std::optional<uint64_t> elements = 1;
  for (size_t i = 0; i < limits::kMaxDimensions; ++i) {
    tensor_.dims[i] = i < tensor_.n_dims ? scratch_value<uint64_t>(i * sizeof(uint64_t)) : 1;
    if (tensor_.dims[i] == 0) return invalid(str_cat("dimension ", i, " is 0"));
    if (elements) elements = checked_mul(*elements, tensor_.dims[i]);
  }
  const size_t type_at = tensor_.n_dims * sizeof(uint64_t);
  tensor_.type = static_cast<TensorType>(scratch_value<uint32_t>(type_at));
  tensor_.offset = scratch_value<uint64_t>(type_at + sizeof(uint32_t));

  const TensorTypeInfo* info = tensor_type_info(tensor_.type);
  if (info == nullptr) {
    return {StatusCode::kUnsupported,
            str_cat("The tensor ", quote(tensor_.name), " has type ",
                    static_cast<uint32_t>(tensor_.type),
                    ", which pipit does not know. Choose a file that has only: ",
                    supported_types_.empty() ? "types that GGUF has" : supported_types_, ".")};
  }
  if (tensor_.dims[0] % info->block_size != 0) {
    return invalid(str_cat("its rows have ", tensor_.dims[0], " elements, not a multiple of ",
                           info->block_size, " as ", info->name, " needs"));
  }
  const auto bytes = elements ? tensor_bytes(*info, *elements) : std::nullopt;
  if (!bytes || tensor_.offset > limits::kMaxFileBytes) return too_large(tensor_.name);
  if (tensor_.offset % gguf_->alignment_ != 0) {
    return invalid(str_cat("its offset ", tensor_.offset, " is not a multiple of the alignment ",
                           gguf_->alignment_));
  }
  tensor_.n_bytes = *bytes;
  PIPIT_RETURN_IF_ERROR(gguf_->tensors_.push_back(tensor_));
  return next_tensor();
}

Status GgufParser::end_of_tensors() {
  const auto name = [this](size_t i) { return gguf_->tensors_[i].name; };
  PIPIT_ASSIGN_OR_RETURN(gguf_->tensors_by_name_, sort_by_name(gguf_->tensors_.size(), name));
  if (const auto twice = find_duplicate(gguf_->tensors_by_name_, name)) {
    return {StatusCode::kInvalidFile, str_cat("The file has the tensor ", quote(*twice),
                                              " twice. It is damaged or badly made.")};
  }
  PIPIT_RETURN_IF_ERROR(place_tensors());
  return expect(Item::kDone, 0);
}

Status GgufParser::place_tensors() {
  // None of these sums can overflow: the header, offsets and sizes are below 2^41.
  const uint64_t header_end = item_start_ + have_;
  gguf_->data_offset_ = *checked_round_up(header_end, gguf_->alignment_);

  Array<TensorInfo>& tensors = gguf_->tensors_;
  PIPIT_ASSIGN_OR_RETURN(Array<uint32_t> by_offset, Array<uint32_t>::make(tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].offset += gguf_->data_offset_;
    const uint64_t end = tensors[i].offset + tensors[i].n_bytes;
    if (end > limits::kMaxFileBytes) return too_large(tensors[i].name);
    by_offset[i] = static_cast<uint32_t>(i);
  }
  std::sort(by_offset.begin(), by_offset.end(), [&](uint32_t a, uint32_t b) {
    return tensors[a].offset != tensors[b].offset ? tensors[a].offset < tensors[b].offset : a < b;
  });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const TensorInfo& before = tensors[by_offset[i - 1]];
    const TensorInfo& after = tensors[by_offset[i]];
    if (before.offset + before.n_bytes > after.offset) {
      return {StatusCode::kInvalidFile,
              str_cat("The tensors ", quote(before.name), " and ", quote(after.name),
                      " overlap at byte ", after.offset, ". The file is damaged or badly made.")};
    }
  }
  if (by_offset.empty() || file_size_ == 0) return ok_status();
  const TensorInfo& last = tensors[by_offset.back()];  // nothing overlaps, so it ends last
  const uint64_t end = last.offset + last.n_bytes;
  if (end <= file_size_) return ok_status();
  return {StatusCode::kTruncated,
          str_cat("The file has ", file_size_, " bytes, but its last tensor ", quote(last.name),
                  " ends at byte ", end, ": ", end - file_size_,
                  " bytes are missing. Download or copy it again.")};
}

}  // namespace pipit
