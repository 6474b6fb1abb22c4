// Published vulnerabilities of other GGUF loaders that concern the header, replayed: each file is
// refused for the reason that the loader missed.
#include <gtest/gtest.h>

#include "gguf/gguf.h"
#include "support/gguf_builder.h"
#include "support/gguf_outcome.h"

namespace pipit {
namespace {

using testing::ByteWriter;
using testing::gguf_outcome;
using testing::kChunkings;

ByteWriter pair(GgufType type) { return ByteWriter().prefix(0, 1).string("k").type(type); }

ByteWriter array(GgufType type, uint64_t n) { return pair(GgufType::kArray).type(type).u64(n); }

ByteWriter tensor(const std::vector<uint64_t>& dims, TensorType type, uint64_t offset) {
  return ByteWriter().prefix(1, 0).tensor("t", dims, type, offset);
}

TEST(GgufAdvisories, AreRefused) {
  constexpr uint64_t kTwo32 = uint64_t{1} << 32;
  constexpr uint64_t kMax = ~uint64_t{0};
  constexpr StatusCode kLimit = StatusCode::kLimitExceeded;
  constexpr StatusCode kTruncated = StatusCode::kTruncated;
  constexpr StatusCode kInvalid = StatusCode::kInvalidFile;
  const struct {
    const char* advisory;
    const char* missed;
    ByteWriter file;
    uint64_t file_size;  // 0: not known to the parser
    StatusCode code;
  } kCases[] = {
      {"CVE-2024-21802", "more dimensions than the array of dimensions has room for",
       tensor(std::vector<uint64_t>(64, 1), TensorType::kF32, 0), 0, kInvalid},
      {"CVE-2024-21825", "count of an array of strings times the string's size overflows",
       array(GgufType::kString, (kMax >> 4) + 2).string("a"), 0, kLimit},
      {"CVE-2024-21836", "count of tensors times the entry's size overflows",
       ByteWriter().prefix(0x0222222222222223u, 0), 0, kLimit},
      {"CVE-2024-23496", "a string of 2^64 - 1 bytes plus its terminator takes 0 bytes",
       pair(GgufType::kString).u64(kMax).text("abcdefgh"), 0, kLimit},
      {"CVE-2024-23496", "the same as a key", ByteWriter().prefix(0, 1).u64(kMax).text("abcdefgh"),
       0, kLimit},
      {"CVE-2024-23605", "count of pairs times the pair's size overflows",
       ByteWriter().prefix(0, 0x0555555555555556u), 0, kLimit},
      {"CVE-2024-25664", "unchecked count of pairs", ByteWriter().prefix(0, kMax), 0, kLimit},
      {"CVE-2024-25665", "unchecked length of a string", pair(GgufType::kString).u64(kMax - 1), 0,
       kLimit},
      {"CVE-2024-25666", "unchecked count of tensors", ByteWriter().prefix(kMax, 0), 0, kLimit},
      {"CVE-2024-25667", "unchecked count of a numeric array",
       array(GgufType::kU64, uint64_t{1} << 61).u64(0), 0, kLimit},
      {"CVE-2024-25668", "unchecked count of an array of strings",
       array(GgufType::kString, uint64_t{1} << 60).string("a"), 0, kLimit},
      {"CVE-2024-32878", "the file ends among the pairs, and what was not read yet is freed",
       ByteWriter().prefix(0, 3).string("k").type(GgufType::kString).u64(100).text("abc"), 0,
       kTruncated},
      {"CVE-2024-32878", "the same in an array of strings", array(GgufType::kString, 5).string("a"),
       0, kTruncated},
      {"CVE-2024-41130", "the file ends before a tensor's name, which is compared all the same",
       ByteWriter().prefix(2, 0).tensor("t", {1}, TensorType::kF32, 0), 0, kTruncated},
      {"CVE-2025-53630", "the sum of the tensors' sizes overflows",
       ByteWriter()
           .prefix(2, 0)
           .tensor("a", {uint64_t{1} << 62}, TensorType::kI8, 0)
           .tensor("b", {uint64_t{3} << 62}, TensorType::kI8, uint64_t{1} << 62),
       0, kLimit},
      {"CVE-2026-27940", "the sum stays below the check and overflows with the overhead added",
       tensor({kMax - 4095}, TensorType::kI8, 0), 0, kLimit},
      {"CVE-2026-33298", "an exabyte tensor whose bytes wrap to 4 MB",
       tensor({1024, 1024, kTwo32 >> 2, (kTwo32 >> 4) + 1}, TensorType::kF32, 0), 0, kLimit},
      {"CVE-2026-7482", "a tensor reaches beyond the file and what lies there is read",
       tensor({1024}, TensorType::kF32, 0), 100, kTruncated},
      {"CVE-2026-7482", "the same with an offset beyond the file",
       tensor({1}, TensorType::kF32, uint64_t{1} << 30), 4096, kTruncated},
      {"llama.cpp #24997", "padding to an alignment of 2^31 overflows 32 bits",
       ByteWriter().prefix(0, 1).string("general.alignment").type(GgufType::kU32).u32(1u << 31), 0,
       kLimit},
      {"llama.cpp #26318", "an alignment of 0 divides by zero",
       ByteWriter().prefix(0, 1).string("general.alignment").type(GgufType::kU32).u32(0), 0,
       kInvalid},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(::testing::Message() << c.advisory << ": " << c.missed);
    for (const auto& chunking : kChunkings) {
      const testing::Outcome outcome = gguf_outcome(c.file.bytes, c.file_size, chunking.next);
      EXPECT_EQ(outcome.code, c.code) << chunking.name << ": " << outcome;
    }
  }
}

}  // namespace
}  // namespace pipit
