// The header parser: a state machine that collects one item at a time and believes none of its
// numbers. The metadata pairs are here, the tensor directory is in gguf_tensors.cc.
#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/quote.h"
#include "base/str_cat.h"
#include "gguf/foreign_file.h"
#include "gguf/gguf.h"
#include "gguf/limits.h"
#include "gguf/name_index.h"
#include "gguf/scalar.h"

namespace pipit {
namespace {

constexpr size_t kPrefixBytes = 24;     // magic, version, two counts
constexpr size_t kArrayHeadBytes = 12;  // element type, count

static_assert(kPrefixBytes == kForeignFileBytes);

Status check_version(uint32_t version) {
  if (version == 2 || version == 3) return ok_status();
  if ((version & 0xffff) == 0 && version != 0) {
    return {StatusCode::kUnsupported,
            str_cat("This is a big-endian GGUF file (version ", __builtin_bswap32(version),
                    "); pipit reads little-endian ones. Convert it with gguf_convert_endian.py.")};
  }
  return {StatusCode::kUnsupported,
          str_cat("This GGUF file has version ", version,
                  "; pipit reads versions 2 and 3. Get the model as a current GGUF file.")};
}

Status check_count(uint64_t n, uint64_t limit, const char* what) {
  if (n <= limit) return ok_status();
  return {StatusCode::kLimitExceeded,
          str_cat("The file claims ", n, " ", what, "; pipit accepts at most ", limit,
                  ". The file is damaged or not a model.")};
}

}  // namespace

GgufParser::GgufParser(uint64_t file_size, std::string supported_types)
    : file_size_(file_size),
      supported_types_(std::move(supported_types)),
      gguf_(std::make_unique<Gguf>()),
      need_(kPrefixBytes) {}

Result<size_t> GgufParser::feed(std::span<const uint8_t> bytes) {
  size_t used = 0;
  while (status_.ok() && item_ != Item::kDone) {
    const size_t n = std::min(need_ - have_, bytes.size() - used);
    if (n > 0) {
      char* target = target_ != nullptr ? target_ : scratch_;
      std::memcpy(target + have_, bytes.data() + used, n);
      have_ += n;
      used += n;
    }
    if (have_ < need_) return used;
    status_ = complete_item();
  }
  if (!status_.ok()) return status_;
  return used;
}

Result<std::unique_ptr<Gguf>> GgufParser::finish() {
  PIPIT_RETURN_IF_ERROR(status_);
  if (gguf_ == nullptr) {
    return Status(StatusCode::kInvalidArgument, "The parsed header has been taken already.");
  }
  if (item_ == Item::kDone) return std::move(gguf_);
  const uint64_t n = item_start_ + have_;
  if (n == 0) {
    return Status(StatusCode::kTruncated, "The file is empty. Download the model again.");
  }
  if (item_ == Item::kPrefix) PIPIT_RETURN_IF_ERROR(check_magic());
  return Status(StatusCode::kTruncated,
                str_cat("The file ends after ", n, " bytes, within ", where(),
                        ". It is incomplete: download or copy it again."));
}

Status GgufParser::complete_item() {
  switch (item_) {
    case Item::kPrefix:
      return complete_prefix();
    case Item::kKeyLength:
      return complete_key_length();
    case Item::kKey:
      key_ = pooled_text();
      return expect(Item::kValueType, sizeof(uint32_t));
    case Item::kValueType:
      return complete_value_type();
    case Item::kScalar:
      return complete_scalar();
    case Item::kStringLength:
      return complete_string_length();
    case Item::kString:
      return complete_string();
    case Item::kArrayHead:
      return complete_array_head();
    case Item::kArrayElements:
      return complete_array_elements();
    case Item::kTensorNameLength:
      return complete_tensor_name_length();
    case Item::kTensorName:
      tensor_.name = pooled_text();
      return expect(Item::kTensorDims, sizeof(uint32_t));
    case Item::kTensorDims:
      return complete_tensor_dims();
    case Item::kTensorShape:
      return complete_tensor_shape();
    case Item::kDone:
      break;
  }
  return ok_status();
}

// --- items --------------------------------------------------------------------------------------

Status GgufParser::expect(Item item, size_t n) {
  item_start_ += have_;
  item_ = item;
  need_ = n;
  have_ = 0;
  target_ = nullptr;
  return check_room(n);
}

Status GgufParser::expect_in_pool(Item item, size_t n) {
  static_assert(Gguf::BytePool::kBlock >= limits::kMaxStringBytes, "a string lies in one block");
  static_assert(Gguf::BytePool::kBlock >= limits::kMaxKeyBytes, "a key lies in one block");
  PIPIT_RETURN_IF_ERROR(expect(item, n));
  PIPIT_ASSIGN_OR_RETURN(target_, gguf_->bytes_.extend(n));
  return ok_status();
}

std::string_view GgufParser::pooled_text() const { return {target_, need_}; }

Status GgufParser::check_room(uint64_t n) const {
  const uint64_t end = item_start_ + n;
  if (file_size_ != 0 && end > file_size_) {
    return {StatusCode::kTruncated,
            str_cat("The file has ", file_size_, " bytes, but ", where(), " reaches to byte ", end,
                    ". It is incomplete or damaged: download or copy it again.")};
  }
  if (end > limits::kMaxHeaderBytes) {
    return {StatusCode::kLimitExceeded,
            str_cat("The file's header is longer than ", limits::kMaxHeaderBytes, " bytes at ",
                    where(), ". The file is damaged or not a model.")};
  }
  return ok_status();
}

std::string GgufParser::where() const {
  const std::string pair = str_cat("metadata pair ", gguf_->pairs_.size() + 1, " of ", n_pairs_);
  const std::string tensor = str_cat("tensor ", gguf_->tensors_.size() + 1, " of ", n_tensors_);
  switch (item_) {
    case Item::kPrefix:
      return "the first 24 bytes";
    case Item::kKeyLength:
    case Item::kKey:
      return str_cat("the key of ", pair);
    case Item::kValueType:
    case Item::kScalar:
    case Item::kStringLength:
    case Item::kString:
    case Item::kArrayHead:
    case Item::kArrayElements:
      return str_cat("the value of ", quote(key_), " (", pair, ")");
    case Item::kTensorNameLength:
    case Item::kTensorName:
      return str_cat("the name of ", tensor);
    case Item::kTensorDims:
    case Item::kTensorShape:
    case Item::kDone:
      break;
  }
  return str_cat("the directory entry of ", quote(tensor_.name), " (", tensor, ")");
}

Status GgufParser::invalid(const std::string& what) const {
  return {StatusCode::kInvalidFile, str_cat("In ", where(), ", at byte ", item_start_, ": ", what,
                                            ". The file is damaged; download the model again.")};
}

// --- prefix and metadata ------------------------------------------------------------------------

Status GgufParser::check_magic() const {
  constexpr std::string_view kMagic = "GGUF";
  const std::string_view front(scratch_, have_);
  const size_t n = std::min(front.size(), kMagic.size());
  if (front.substr(0, n) == kMagic.substr(0, n)) return ok_status();
  return {StatusCode::kInvalidFile,
          describe_foreign_file({reinterpret_cast<const uint8_t*>(scratch_), have_})};
}

Status GgufParser::complete_prefix() {
  PIPIT_RETURN_IF_ERROR(check_magic());
  gguf_->version_ = scratch_value<uint32_t>(4);
  PIPIT_RETURN_IF_ERROR(check_version(gguf_->version_));
  n_tensors_ = scratch_value<uint64_t>(8);
  n_pairs_ = scratch_value<uint64_t>(16);
  PIPIT_RETURN_IF_ERROR(check_count(n_tensors_, limits::kMaxTensors, "tensors"));
  PIPIT_RETURN_IF_ERROR(check_count(n_pairs_, limits::kMaxMetadataPairs, "metadata pairs"));
  return next_pair();
}

Status GgufParser::next_pair() {
  if (gguf_->pairs_.size() == n_pairs_) return end_of_pairs();
  value_ = {};
  return expect(Item::kKeyLength, sizeof(uint64_t));
}

Status GgufParser::complete_key_length() {
  const auto n = scratch_value<uint64_t>();
  if (n > limits::kMaxKeyBytes) return too_long(n, limits::kMaxKeyBytes);
  return expect_in_pool(Item::kKey, static_cast<size_t>(n));
}

Status GgufParser::complete_value_type() {
  const auto number = scratch_value<uint32_t>();
  const GgufTypeInfo* info = gguf_type_info(static_cast<GgufType>(number));
  if (info == nullptr) return invalid(str_cat("value type ", number, " does not exist"));
  value_.type = info->type;
  value_.n = 1;
  switch (info->kind) {
    case GgufKind::kArray:
      return expect(Item::kArrayHead, kArrayHeadBytes);
    case GgufKind::kString:
      value_.first = gguf_->strings_.size();
      return expect(Item::kStringLength, sizeof(uint64_t));
    default:
      return expect(Item::kScalar, info->bytes);
  }
}

Status GgufParser::complete_scalar() {
  value_.scalar = load_scalar(value_.type, scratch_);
  if (value_.type == GgufType::kBool) PIPIT_RETURN_IF_ERROR(check_bools({scratch_, 1}));
  return end_of_value();
}

Status GgufParser::complete_string_length() {
  const auto n = scratch_value<uint64_t>();
  if (n > limits::kMaxStringBytes) return too_long(n, limits::kMaxStringBytes);
  return expect_in_pool(Item::kString, static_cast<size_t>(n));
}

Status GgufParser::complete_string() {
  PIPIT_ASSIGN_OR_RETURN(std::string_view* const slot, gguf_->strings_.extend(1));
  *slot = pooled_text();
  return value_.is_array ? next_elements() : end_of_value();
}

Status GgufParser::complete_array_head() {
  const auto number = scratch_value<uint32_t>();
  const GgufTypeInfo* info = gguf_type_info(static_cast<GgufType>(number));
  if (info == nullptr) return invalid(str_cat("array element type ", number, " does not exist"));
  if (info->kind == GgufKind::kArray) {
    return {StatusCode::kUnsupported,
            str_cat("The value of ", quote(key_),
                    " is an array of arrays, which pipit does not read.")};
  }
  value_.type = info->type;
  value_.is_array = true;
  value_.n = scratch_value<uint64_t>(sizeof(number));
  if (value_.n > limits::kMaxArrayElements) {
    return {StatusCode::kLimitExceeded,
            str_cat("The value of ", quote(key_), " claims ", value_.n,
                    " array elements; pipit accepts at most ", limits::kMaxArrayElements,
                    ". The file is damaged or not a model.")};
  }
  // The elements' least size, so that a claim beyond the file's end is refused before they are
  // read.
  const bool strings = info->kind == GgufKind::kString;
  PIPIT_RETURN_IF_ERROR(check_room(have_ + value_.n * (strings ? sizeof(uint64_t) : info->bytes)));
  if (!strings) gguf_->bytes_.align(info->bytes);
  value_.first = strings ? gguf_->strings_.size() : gguf_->bytes_.size();
  elements_left_ = value_.n;
  return next_elements();
}

Status GgufParser::next_elements() {
  if (elements_left_ == 0) return end_of_value();
  const GgufTypeInfo& info = *gguf_type_info(value_.type);
  if (info.kind == GgufKind::kString) {
    --elements_left_;
    return expect(Item::kStringLength, sizeof(uint64_t));
  }
  // As many as fit the pool's current block: memory is taken as elements arrive.
  const auto n = std::min<uint64_t>(elements_left_, gguf_->bytes_.room() / info.bytes);
  elements_left_ -= n;
  return expect_in_pool(Item::kArrayElements, static_cast<size_t>(n * info.bytes));
}

Status GgufParser::complete_array_elements() {
  if (value_.type == GgufType::kBool) PIPIT_RETURN_IF_ERROR(check_bools(pooled_text()));
  return next_elements();
}

Status GgufParser::check_bools(std::string_view bytes) const {
  for (const char byte : bytes) {
    if (byte != 0 && byte != 1) {
      return invalid(str_cat("a bool is ", static_cast<unsigned char>(byte), ", not 0 or 1"));
    }
  }
  return ok_status();
}

Status GgufParser::too_long(uint64_t n, uint64_t limit) const {
  return {StatusCode::kLimitExceeded,
          str_cat("In ", where(), ": a string claims ", n, " bytes; pipit accepts at most ", limit,
                  ". The file is damaged or not a model.")};
}

Status GgufParser::end_of_value() {
  if (key_ == "general.alignment") PIPIT_RETURN_IF_ERROR(take_alignment());
  PIPIT_RETURN_IF_ERROR(gguf_->pairs_.push_back({key_, value_}));
  return next_pair();
}

Status GgufParser::take_alignment() {
  if (value_.is_array || value_.type != GgufType::kU32) return invalid("it is not a U32");
  const uint64_t alignment = value_.scalar.u64;
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
    return invalid(str_cat(alignment, " is not a power of two"));
  }
  if (alignment > limits::kMaxAlignment) {
    return {StatusCode::kLimitExceeded,
            str_cat("general.alignment is ", alignment, "; pipit accepts at most ",
                    limits::kMaxAlignment, ". The file is damaged or not a model.")};
  }
  gguf_->alignment_ = alignment;
  return ok_status();
}

Status GgufParser::end_of_pairs() {
  const auto key = [this](size_t i) { return gguf_->pairs_[i].key; };
  PIPIT_ASSIGN_OR_RETURN(gguf_->pairs_by_key_, sort_by_name(gguf_->pairs_.size(), key));
  if (const auto twice = find_duplicate(gguf_->pairs_by_key_, key)) {
    return {StatusCode::kInvalidFile, str_cat("The metadata has ", quote(*twice),
                                              " twice. The file is damaged or badly made.")};
  }
  return next_tensor();
}

}  // namespace pipit
