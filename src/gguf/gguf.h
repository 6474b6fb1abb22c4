// A GGUF file's header: metadata and tensor directory, read from chunks of any size and validated
// before it is believed. Format text: ggml/docs/gguf.md. Grammar (little-endian):
//   file     = "GGUF" version:u32 n_tensors:u64 n_pairs:u64 pair* tensor* padding data
//   pair     = key:string type:u32 value          string = n:u64 byte[n]
//   value    = scalar | string | array            array  = type:u32 n:u64 value[n]
//   tensor   = name:string n_dims:u32 dim:u64[n_dims] type:u32 offset:u64   (offset within data)
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/array.h"
#include "gguf/pool.h"
#include "gguf/tensor_type.h"
#include "pipit/status.h"

namespace pipit {

// Metadata value types; the numbers are the file's.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

struct TensorInfo {
  std::string_view name;
  TensorType type;
  uint32_t n_dims;
  uint64_t dims[4];  // dims[0] is the row length (contiguous); unused ones are 1
  uint64_t offset;   // bytes from the start of the file
  uint64_t n_bytes;

  uint64_t n_elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
};

// A number of any type, widened.
union GgufScalar {
  uint64_t u64;  // unsigned integers, bool
  int64_t i64;   // signed integers
  double f64;    // F32, F64
};

// One metadata pair. Scalars are widened; strings and arrays point into the Gguf that owns them.
struct GgufValue {
  GgufType type;  // of the value, or of the elements when `is_array`
  bool is_array;
  uint64_t n;      // elements (1 for a scalar)
  uint64_t first;  // where the payload begins in the owner's pools (of bytes or strings)
  GgufScalar scalar;
};

// The parsed header. Lives as long as the model; views returned by it live as long as it does.
class Gguf {
 public:
  uint32_t version() const { return version_; }
  uint64_t alignment() const { return alignment_; }
  // Bytes from the start of the file to the tensors' data.
  uint64_t data_offset() const { return data_offset_; }
  // In the file's directory order.
  std::span<const TensorInfo> tensors() const { return tensors_.span(); }
  // nullptr when there is none. O(log n), whatever names a file chooses.
  const TensorInfo* find_tensor(std::string_view name) const;

  size_t n_pairs() const { return pairs_.size(); }
  std::string_view key(size_t i) const { return pairs_[i].key; }
  const GgufValue& value(size_t i) const { return pairs_[i].value; }
  // nullptr when there is none. O(log n).
  const GgufValue* find(std::string_view key) const;

  // What a value of this Gguf holds, for i < value.n: a string, or a string array's element i; any
  // bytes, UTF-8 or not.
  std::string_view string(const GgufValue& value, uint64_t i = 0) const;
  // A number or bool, or element `i` of an array of such.
  GgufScalar scalar(const GgufValue& value, uint64_t i) const;
  // Any numeric scalar or array element, rounded to double where it must be.
  double number(const GgufValue& value, uint64_t i = 0) const;
  // Integers and bools only. Beyond INT64_MAX: INT64_MAX, so that a check of the range refuses it.
  int64_t integer(const GgufValue& value, uint64_t i = 0) const;

  // Typed look-ups. Without the key: `fallback`, or kInvalidFile when there is none. Wrong type or
  // out of the target's range: kInvalidFile. Every integer width is accepted for u32, F32 and F64
  // for f32. The message names the key, what it holds and what was expected.
  Result<uint32_t> get_u32(std::string_view key) const;
  Result<uint32_t> get_u32(std::string_view key, uint32_t fallback) const;
  Result<float> get_f32(std::string_view key) const;
  Result<float> get_f32(std::string_view key, float fallback) const;
  Result<bool> get_bool(std::string_view key, bool fallback) const;
  Result<std::string_view> get_string(std::string_view key) const;
  Result<std::string_view> get_string(std::string_view key, std::string_view fallback) const;
  // An array of `element_type`'s kind (strings, integers of any width, floats of any width, bools);
  // nullptr when the key is missing.
  Result<const GgufValue*> get_array(std::string_view key, GgufType element_type) const;

 private:
  friend class GgufParser;

  using BytePool = Pool<char>;
  using StringPool = Pool<std::string_view, size_t{1} << 16>;

  struct Pair {
    std::string_view key;
    GgufValue value;
  };

  // "U32 5", "an array of 3 F32 elements": what a message says that a pair holds.
  std::string describe(const GgufValue& value) const;
  Status wrong_type(std::string_view key, const GgufValue& value, const char* expected) const;

  uint32_t version_ = 0;
  uint64_t alignment_ = 32;
  uint64_t data_offset_ = 0;
  BytePool bytes_;                // keys, names, strings; elements of numeric arrays as in the file
  StringPool strings_;            // every string value, arrays' elements in order
  Array<Pair> pairs_;             // in the file's order
  Array<uint32_t> pairs_by_key_;  // indices into pairs_, sorted by key
  Array<TensorInfo> tensors_;     // in the file's order
  Array<uint32_t> tensors_by_name_;  // indices into tensors_, sorted by name
};

// Reads a header incrementally. The outcome, messages included, does not depend on how the bytes
// are cut into chunks. Memory: at most twice the bytes fed plus 16 MiB, whatever they claim. Time:
// O(n log n) in the bytes fed.
class GgufParser {
 public:
  // `file_size`: bytes of the whole file when known (tensors beyond it are then an error at once),
  // else 0. `supported_types`: "F32, F16, …", named where a tensor has a type that does not exist.
  explicit GgufParser(uint64_t file_size = 0, std::string supported_types = {});

  // Takes bytes from the front of `bytes`; returns how many it used. All of them, unless the header
  // ended within: it ends with the tensor directory's last byte, before the padding in front of the
  // data. Errors: kInvalidFile, kUnsupported (version, nested array, tensor type), kTruncated
  // (`file_size` is too small for what the header claims), kLimitExceeded, kOutOfMemory; after an
  // error the parser stays failed.
  Result<size_t> feed(std::span<const uint8_t> bytes);

  bool done() const { return item_ == Item::kDone && status_.ok(); }

  // The header, once done(), and only once. Before: kTruncated, saying how far it came and what it
  // was reading (kInvalidFile if what came does not begin like GGUF).
  Result<std::unique_ptr<Gguf>> finish();

 private:
  // What the parser is collecting bytes of.
  enum class Item {
    kPrefix,
    kKeyLength,
    kKey,
    kValueType,
    kScalar,
    kStringLength,  // of a string value or an array's element
    kString,
    kArrayHead,      // element type, count
    kArrayElements,  // a run of a numeric array's elements
    kTensorNameLength,
    kTensorName,
    kTensorDims,   // n_dims alone
    kTensorShape,  // dims, type, offset
    kDone,
  };

  // Sets what comes next: `n` bytes into scratch_, or into the pool of bytes.
  Status expect(Item item, size_t n);
  Status expect_in_pool(Item item, size_t n);
  // That `n` bytes from the item's start on lie within the file and the limit.
  Status check_room(uint64_t n) const;

  // Handles the item whose bytes have all arrived, and sets the next.
  Status complete_item();
  Status complete_prefix();
  Status complete_key_length();
  Status complete_value_type();
  Status complete_scalar();
  Status complete_string_length();
  Status complete_string();
  Status complete_array_head();
  Status complete_array_elements();
  Status complete_tensor_name_length();
  Status complete_tensor_dims();
  Status complete_tensor_shape();

  Status next_pair();
  Status next_elements();
  Status next_tensor();
  Status end_of_value();
  Status end_of_pairs();
  Status end_of_tensors();

  Status check_magic() const;
  Status check_bools(std::string_view bytes) const;
  Status take_alignment();
  // Makes the offsets absolute; they must not overlap nor pass the file's end.
  Status place_tensors();

  // What item_ belongs to: "the value of "general.name" (metadata pair 3 of 20)".
  std::string where() const;
  Status invalid(const std::string& what) const;
  Status too_long(uint64_t n, uint64_t limit) const;

  // The item just collected in the pool.
  std::string_view pooled_text() const;
  template <typename T>
  T scratch_value(size_t offset = 0) const {
    T value;
    std::memcpy(&value, scratch_ + offset, sizeof(value));
    return value;
  }

  uint64_t file_size_;
  std::string supported_types_;
  Status status_;
  std::unique_ptr<Gguf> gguf_;
  uint64_t n_tensors_ = 0;  // claimed
  uint64_t n_pairs_ = 0;    // claimed

  Item item_ = Item::kPrefix;
  uint64_t item_start_ = 0;  // bytes before the item
  size_t need_;              // bytes of the item …
  size_t have_ = 0;          // … that have arrived
  char* target_ = nullptr;   // where they go in the pool; nullptr: into scratch_
  char scratch_[48];         // the longest fixed part: 4 dims, type, offset

  std::string_view key_;        // of the pair being read
  GgufValue value_ = {};        // its value so far
  uint64_t elements_left_ = 0;  // of its array
  TensorInfo tensor_ = {};      // being read
};

}  // namespace pipit
