// The stream: header, then each tensor's blocks as soon as their elements have arrived.
#include "quant/quantiser.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/quote.h"
#include "base/str_cat.h"
#include "gguf/gguf_writer.h"

namespace pipit {
namespace {

constexpr std::string_view kFileType = "general.file_type";
constexpr std::string_view kVersion = "general.quantization_version";
constexpr uint32_t kCurrentVersion = 2;  // ggml.h, GGML_QNT_VERSION

// Elements that a thread converts at a time: a multiple of every block size.
constexpr size_t kSlice = 2048;

// F16, in which formats with blocks hold their scales too, has nothing larger.
constexpr float kLargestF16 = 65504.0f;

float largest_value(TensorType type) {
  return type == TensorType::kF32 || type == TensorType::kBF16 ? std::numeric_limits<float>::max()
                                                               : kLargestF16;
}

bool all_within(std::span<const float> values, float largest) {
  return std::all_of(values.begin(), values.end(),
                     [=](float value) { return std::fabs(value) <= largest; });
}

}  // namespace

Result<std::unique_ptr<Quantiser>> Quantiser::create(std::string_view target, uint64_t file_size,
                                                     size_t n_threads) {
  PIPIT_ASSIGN_OR_RETURN(const QuantiseTarget* found, find_quantise_target(target));
  PIPIT_ASSIGN_OR_RETURN(std::unique_ptr<ThreadPool> threads, ThreadPool::create(n_threads));
  return std::unique_ptr<Quantiser>(new Quantiser(*found, file_size, std::move(threads)));
}

Status Quantiser::feed(std::span<const uint8_t> bytes, Array<uint8_t>& out) {
  if (gguf_ == nullptr) {
    PIPIT_ASSIGN_OR_RETURN(const size_t n, feed_header(bytes, out));
    bytes = bytes.subspan(n);
  }
  while (!bytes.empty() && next_ < order_.size()) {
    const TensorPlan& tensor = plan_[order_[next_]];
    const uint64_t begin = tensor.in->offset;
    const uint64_t end = begin + tensor.in->n_bytes;
    const uint64_t until = position_ < begin ? begin : end;
    const auto part =
        bytes.first(static_cast<size_t>(std::min<uint64_t>(bytes.size(), until - position_)));
    if (position_ >= begin) PIPIT_RETURN_IF_ERROR(feed_tensor(tensor, part, out));
    position_ += part.size();
    bytes = bytes.subspan(part.size());
    if (position_ == end) ++next_;
  }
  return ok_status();
}

Status Quantiser::finish() {
  if (gguf_ == nullptr) return parser_.finish().status();
  if (next_ == order_.size()) return ok_status();
  return {StatusCode::kTruncated,
          str_cat("The file ends after ", position_, " bytes, within the tensor ",
                  quote(plan_[order_[next_]].in->name),
                  ". It is incomplete: download or copy it again.")};
}

Result<size_t> Quantiser::feed_header(std::span<const uint8_t> bytes, Array<uint8_t>& out) {
  PIPIT_ASSIGN_OR_RETURN(const size_t n, parser_.feed(bytes));
  position_ += n;
  if (!parser_.done()) return n;
  PIPIT_ASSIGN_OR_RETURN(std::unique_ptr<Gguf> gguf, parser_.finish());
  gguf_ = std::move(gguf);
  PIPIT_ASSIGN_OR_RETURN(plan_, plan_quantising(*gguf_, target_.type));
  PIPIT_ASSIGN_OR_RETURN(order_, data_order(gguf_->tensors()));
  PIPIT_RETURN_IF_ERROR(write_header(out));
  return n;
}

// All of the metadata stays, but for what says how the weights are quantised.
Status Quantiser::write_header(Array<uint8_t>& out) const {
  const auto is_replaced = [](std::string_view key) { return key == kFileType || key == kVersion; };
  uint64_t n_pairs = 2;
  for (size_t i = 0; i < gguf_->n_pairs(); ++i) n_pairs += is_replaced(gguf_->key(i)) ? 0 : 1;

  GgufWriter writer(out);
  writer.prefix(plan_.size(), n_pairs);
  for (size_t i = 0; i < gguf_->n_pairs(); ++i) {
    if (!is_replaced(gguf_->key(i))) writer.pair(*gguf_, i);
  }
  writer.u32_pair(kFileType, target_.file_type);
  writer.u32_pair(kVersion, kCurrentVersion);
  for (const TensorPlan& tensor : plan_.span()) {
    writer.tensor(*tensor.in, tensor.type, tensor.offset);
  }
  writer.pad(gguf_->alignment());
  return writer.status();
}

Status Quantiser::feed_tensor(const TensorPlan& tensor, std::span<const uint8_t> bytes,
                              Array<uint8_t>& out) {
  const bool is_last = position_ + bytes.size() == tensor.in->offset + tensor.in->n_bytes;
  const size_t block_bytes =
      tensor_type_info(tensor.type)->block_size * tensor_type_info(tensor.in->type)->block_bytes;
  if (!remainder_.empty()) {
    const size_t n = std::min(bytes.size(), block_bytes - remainder_.size());
    PIPIT_RETURN_IF_ERROR(remainder_.append(bytes.first(n)));
    bytes = bytes.subspan(n);
    if (remainder_.size() == block_bytes) {
      PIPIT_RETURN_IF_ERROR(convert(tensor, remainder_.span(), out));
      remainder_.clear();
    }
  }
  const size_t whole = bytes.size() / block_bytes * block_bytes;
  PIPIT_RETURN_IF_ERROR(convert(tensor, bytes.first(whole), out));
  PIPIT_RETURN_IF_ERROR(remainder_.append(bytes.subspan(whole)));
  if (!is_last) return ok_status();
  const uint64_t padded = *checked_round_up(tensor.n_bytes, gguf_->alignment());
  return out.resize(out.size() + (padded - tensor.n_bytes));
}

Status Quantiser::convert(const TensorPlan& tensor, std::span<const uint8_t> bytes,
                          Array<uint8_t>& out) {
  const Format& from = *find_format(tensor.in->type);
  const Format& to = *find_format(tensor.type);
  const auto n = static_cast<size_t>(bytes.size() / row_bytes(from, 1));
  const size_t begin = out.size();
  PIPIT_RETURN_IF_ERROR(out.resize(begin + row_bytes(to, n)));

  const float largest = largest_value(tensor.type);
  std::atomic<bool> is_valid = true;
  threads_->run((n + kSlice - 1) / kSlice, [&](size_t i) {
    float values[kSlice];
    const size_t first = i * kSlice;
    const size_t n_values = std::min(kSlice, n - first);
    from.decode(bytes.data() + row_bytes(from, first), n_values, values);
    if (!all_within({values, n_values}, largest)) is_valid = false;
    to.encode(values, n_values, out.data() + begin + row_bytes(to, first));
  });
  if (is_valid) return ok_status();
  const char* type = tensor_type_info(tensor.type)->name;
  return {StatusCode::kInvalidFile,
          str_cat("The tensor ", quote(tensor.in->name),
                  " holds a value that is no number, or too large for ", type,
                  ". Check the original model, or quantise it to BF16.")};
}

}  // namespace pipit
