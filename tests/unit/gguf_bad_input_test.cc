// Headers that are wrong in one way each: the code, and the words that tell a person what is wrong.
#include <gtest/gtest.h>

#include "gguf/gguf.h"
#include "gguf/limits.h"
#include "support/gguf_builder.h"
#include "support/gguf_outcome.h"

namespace pipit {
namespace {

using testing::ByteWriter;
using testing::gguf_outcome;
using testing::kChunkings;

struct BadHeader {
  const char* name;
  ByteWriter file;
  StatusCode code;
  const char* message;
};

// The same however the bytes arrive.
void expect_refused(const BadHeader& c) {
  SCOPED_TRACE(c.name);
  for (const auto& chunking : kChunkings) {
    const testing::Outcome outcome = gguf_outcome(c.file.bytes, 0, chunking.next);
    EXPECT_EQ(outcome.code, c.code) << chunking.name << ": " << outcome;
    EXPECT_NE(outcome.text.find(c.message), std::string::npos) << chunking.name << ": " << outcome;
  }
}

// A file with one pair, whose key and type are given.
ByteWriter pair(std::string_view key, GgufType type) {
  return ByteWriter().prefix(0, 1).string(key).type(type);
}

ByteWriter array(GgufType type, uint64_t n) {
  return pair("k", GgufType::kArray).type(type).u64(n);
}

// A file with one tensor.
ByteWriter tensor(std::string_view name, const std::vector<uint64_t>& dims, TensorType type,
                  uint64_t offset) {
  return ByteWriter().prefix(1, 0).tensor(name, dims, type, offset);
}

TEST(GgufBadInput, NotGguf) {
  using namespace std::string_view_literals;
  const auto text = [](std::string_view s) { return ByteWriter().text(s); };
  constexpr StatusCode kInvalid = StatusCode::kInvalidFile;
  const BadHeader kCases[] = {
      {"empty", {}, StatusCode::kTruncated, "The file is empty"},
      {"HTML", text("<!DOCTYPE html>\n<html><head>"), kInvalid, "HTML or XML page"},
      {"HTML after blanks", text("\r\n  <html lang=\"en\"><head>"), kInvalid, "HTML or XML page"},
      {"text", text("# SmolLM2\n\nA small model.\n"), kInvalid,
       "text file that begins with \"# SmolLM2\\x0a"},
      {"short text", text("hello"), kInvalid, "text file that begins with \"hello\""},
      {"blanks", text("\n\n\n"), kInvalid, "text file"},
      {"Git LFS pointer", text("version https://an.example/spec/v1\n"), kInvalid,
       "Git LFS pointer"},
      {"ZIP", text("PK\x03\x04\x14\0\0\0\x08\0aaaaaaaaaaaaaaaaaaaa"sv), kInvalid,
       "ZIP archive (PyTorch"},
      {"pickle", text("\x80\x02}q\0(X\x05\0\0\0modelq\1aaaaaaa"sv), kInvalid, "PyTorch"},
      {"gzip", text("\x1f\x8b\x08\0\0\0\0\0aaaaaaaaaaaaaaaaaaaa"sv), kInvalid, "gzip"},
      {"safetensors", ByteWriter().u64(9000).text("{\"__metadata__\":{}"), kInvalid, "safetensors"},
      {"ggml", text("lmgg").u32(32000).u64(4096).u64(0), kInvalid, "GGML"},
      {"ggmf", text("fmgg").u32(1).u64(4096).u64(0), kInvalid, "GGMF"},
      {"ggjt", text("tjgg").u32(3).u64(4096).u64(0), kInvalid, "GGJT"},
      {"zeros", ByteWriter().u64(0).u64(0).u64(0), kInvalid,
       "begins with \"\\x00\\x00\\x00\\x00\" where \"GGUF\""},
      {"lower case", text("gguf\3\0\0\0aaaaaaaaaaaaaaaa"sv), kInvalid, "where \"GGUF\""},
      {"three bytes", text("GGU"), StatusCode::kTruncated, "after 3 bytes, within the first 24"},
  };
  for (const BadHeader& c : kCases) expect_refused(c);
}

TEST(GgufBadInput, Prefix) {
  const auto version = [](uint32_t v) { return ByteWriter().prefix(0, 0, v); };
  const BadHeader kCases[] = {
      {"version 0", version(0), StatusCode::kUnsupported,
       "version 0; pipit reads versions 2 and 3"},
      {"version 1", version(1), StatusCode::kUnsupported,
       "version 1; pipit reads versions 2 and 3"},
      {"version 4", version(4), StatusCode::kUnsupported, "version 4; pipit"},
      {"big-endian", version(0x03000000), StatusCode::kUnsupported,
       "big-endian GGUF file (version 3)"},
      {"pairs", ByteWriter().prefix(0, limits::kMaxMetadataPairs + 1), StatusCode::kLimitExceeded,
       "claims 4097 metadata pairs; pipit accepts at most 4096"},
      {"tensors", ByteWriter().prefix(limits::kMaxTensors + 1, 0), StatusCode::kLimitExceeded,
       "claims 65537 tensors"},
      {"2^64 - 1 tensors", ByteWriter().prefix(~uint64_t{0}, 0), StatusCode::kLimitExceeded,
       "18446744073709551615 tensors"},
  };
  for (const BadHeader& c : kCases) expect_refused(c);
}

TEST(GgufBadInput, Metadata) {
  constexpr uint64_t kHuge = uint64_t{1} << 40;
  constexpr StatusCode kInvalid = StatusCode::kInvalidFile;
  constexpr StatusCode kLimit = StatusCode::kLimitExceeded;
  const BadHeader kCases[] = {
      {"key too long", ByteWriter().prefix(0, 1).u64(65536), kLimit,
       "the key of metadata pair 1 of 1: a string claims 65536 bytes"},
      {"value type", pair("k", static_cast<GgufType>(13)), kInvalid,
       "the value of \"k\" (metadata pair 1 of 1), at byte 33: value type 13 does not exist"},
      {"key escaped", pair("a\n\x1b[2J", static_cast<GgufType>(99)), kInvalid,
       "\"a\\x0a\\x1b[2J\""},
      {"key cut", pair(std::string(65000, 'k'), static_cast<GgufType>(99)), kInvalid, "kkkk\"..."},
      {"string too long", pair("k", GgufType::kString).u64(limits::kMaxStringBytes + 1), kLimit,
       "a string claims 1048577 bytes; pipit accepts at most 1048576"},
      {"string of 2^64 - 1 bytes", pair("k", GgufType::kString).u64(~uint64_t{0}), kLimit,
       "claims 1844"},
      {"bool of 2", pair("k", GgufType::kBool).u8(2), kInvalid, "a bool is 2, not 0 or 1"},
      {"bool in an array", array(GgufType::kBool, 3).u8(1).u8(0).u8(255), kInvalid,
       "a bool is 255"},
      {"array of arrays", array(GgufType::kArray, 1), StatusCode::kUnsupported, "array of arrays"},
      {"array element type", array(static_cast<GgufType>(13), 1), kInvalid, "element type 13"},
      {"array too long", array(GgufType::kU8, limits::kMaxArrayElements + 1), kLimit,
       "claims 4194305 array elements"},
      {"array of 2^40", array(GgufType::kU64, kHuge), kLimit, "claims 1099511627776"},
      {"array of 2^61 whose bytes overflow", array(GgufType::kU64, uint64_t{1} << 61), kLimit,
       "claims"},
      {"string in an array too long", array(GgufType::kString, 2).string("a").u64(kHuge), kLimit,
       "a string claims 1099511627776"},
      {"duplicate key",
       ByteWriter()
           .prefix(0, 3)
           .string("k")
           .type(GgufType::kU8)
           .u8(1)
           .string("j")
           .type(GgufType::kU8)
           .u8(1)
           .string("k")
           .type(GgufType::kU8)
           .u8(1),
       kInvalid, "has \"k\" twice"},
      {"alignment 0", pair("general.alignment", GgufType::kU32).u32(0), kInvalid,
       "0 is not a power of two"},
      {"alignment 48", pair("general.alignment", GgufType::kU32).u32(48), kInvalid,
       "48 is not a power"},
      {"alignment 2^21", pair("general.alignment", GgufType::kU32).u32(1u << 21), kLimit,
       "general.alignment is 2097152; pipit accepts at most 1048576"},
      {"alignment 2^31", pair("general.alignment", GgufType::kU32).u32(1u << 31), kLimit,
       "2147483648"},
      {"alignment as U64", pair("general.alignment", GgufType::kU64).u64(32), kInvalid,
       "not a U32"},
      {"alignment as string", pair("general.alignment", GgufType::kString).string("32"), kInvalid,
       "not a U32"},
      {"alignment as array",
       pair("general.alignment", GgufType::kArray).type(GgufType::kU32).u64(1).u32(32), kInvalid,
       "not a U32"},
      {"truncated value", pair("general.name", GgufType::kString).u64(10).text("abc"),
       StatusCode::kTruncated, "within the value of \"general.name\" (metadata pair 1 of 1)"},
  };
  for (const BadHeader& c : kCases) expect_refused(c);
}

TEST(GgufBadInput, Tensors) {
  constexpr uint64_t kTwo32 = uint64_t{1} << 32;
  constexpr StatusCode kInvalid = StatusCode::kInvalidFile;
  constexpr StatusCode kLimit = StatusCode::kLimitExceeded;
  constexpr TensorType kF32 = TensorType::kF32;
  const auto two = [](const char* first, uint64_t offset, const char* second,
                      uint64_t second_offset) {
    return ByteWriter()
        .prefix(2, 0)
        .tensor(first, {16}, kF32, offset)
        .tensor(second, {16}, kF32, second_offset);
  };
  const BadHeader kCases[] = {
      {"name too long", tensor(std::string(65, 'n'), {1}, kF32, 0), kLimit,
       "the name of tensor 1 of 1: a string claims 65 bytes; pipit accepts at most 64"},
      {"no dimension", tensor("t", {}, kF32, 0), kInvalid, "0 dimensions where 1 to 4"},
      {"five dimensions", tensor("t", {1, 1, 1, 1, 1}, kF32, 0), kInvalid,
       "5 dimensions where 1 to 4"},
      {"a dimension of 0", tensor("t", {4, 0}, kF32, 0), kInvalid, "\"t\" (tensor 1 of 1)"},
      {"unknown type", tensor("blk.0.x", {32}, static_cast<TensorType>(4), 0),
       StatusCode::kUnsupported, "\"blk.0.x\" has type 4, which pipit does not know"},
      {"type of 2^32 - 1", tensor("t", {32}, static_cast<TensorType>(~0u), 0),
       StatusCode::kUnsupported, "type 4294967295"},
      {"row not in blocks", tensor("t", {33}, TensorType::kQ4_0, 0), kInvalid,
       "33 elements, not a multiple of 32 as Q4_0 needs"},
      {"rows of K-quants", tensor("t", {128, 2}, TensorType::kQ4_K, 0), kInvalid,
       "multiple of 256"},
      {"elements overflow", tensor("t", {kTwo32, kTwo32}, kF32, 0), kLimit, "reaches beyond"},
      {"elements overflow to 0", tensor("t", {kTwo32, kTwo32, kTwo32, kTwo32}, kF32, 0), kLimit,
       "\"t\""},
      {"elements overflow to few", tensor("t", {32, (uint64_t{1} << 59) + 1}, TensorType::kQ4_0, 0),
       kLimit, "\"t\""},
      {"bytes overflow", tensor("t", {uint64_t{1} << 62}, kF32, 0), kLimit, "\"t\""},
      {"negative dimension", tensor("t", {~uint64_t{0} - 31}, TensorType::kI8, 0), kLimit, "\"t\""},
      {"beyond the largest file", tensor("t", {limits::kMaxFileBytes}, TensorType::kI8, 0), kLimit,
       "\"t\""},
      {"offset not aligned", tensor("t", {1}, kF32, 31), kInvalid, "offset 31 is not a multiple"},
      {"offset of 2^64 - 32", tensor("t", {16}, kF32, ~uint64_t{31}), kLimit, "\"t\""},
      {"duplicate", two("t", 0, "t", 64), kInvalid, "the tensor \"t\" twice"},
      {"same place", two("a", 0, "b", 0), kInvalid, "\"a\" and \"b\" overlap"},
      {"overlap", two("a", 32, "b", 0), kInvalid, "\"b\" and \"a\" overlap"},
  };
  for (const BadHeader& c : kCases) expect_refused(c);
}

// When the file's size is known, what lies beyond it is refused at once, before its bytes are
// waited for.
TEST(GgufBadInput, BeyondTheFile) {
  const ByteWriter one_tensor =
      tensor("t", {1024}, TensorType::kF32, 0);  // data from byte 64 to 4160
  const struct {
    const char* name;
    ByteWriter header;
    uint64_t file_size;
    StatusCode code;
    const char* message;
  } kCases[] = {
      {"all there", one_tensor, 4160, StatusCode::kOk, ""},
      {"a byte is missing", one_tensor, 4159, StatusCode::kTruncated,
       "has 4159 bytes, but its last tensor \"t\" ends at byte 4160: 1 bytes are missing"},
      {"no data", one_tensor, one_tensor.bytes.size(), StatusCode::kTruncated, "missing"},
      {"string", pair("k", GgufType::kString).u64(1000), 100, StatusCode::kTruncated,
       "has 100 bytes, but the value of \"k\" (metadata pair 1 of 1) reaches to byte 1045"},
      {"array", array(GgufType::kF64, 1000), 8048, StatusCode::kTruncated, "reaches to byte 8049"},
      {"array of strings", array(GgufType::kString, 1000), 8000, StatusCode::kTruncated,
       "byte 8049"},
      {"next pair", ByteWriter().prefix(0, 1), 24, StatusCode::kTruncated, "reaches to byte 32"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    for (const auto& chunking : kChunkings) {
      const testing::Outcome outcome = gguf_outcome(c.header.bytes, c.file_size, chunking.next);
      EXPECT_EQ(outcome.code, c.code) << chunking.name << ": " << outcome;
      EXPECT_NE(outcome.text.find(c.message), std::string::npos)
          << chunking.name << ": " << outcome;
    }
  }
}

TEST(GgufBadInput, AFailedParserStaysFailed) {
  const ByteWriter bad = pair("k", GgufType::kBool).u8(2);
  GgufParser parser;
  const Status first = parser.feed(bad.bytes).status();
  EXPECT_EQ(first.code(), StatusCode::kInvalidFile);
  EXPECT_FALSE(parser.done());
  EXPECT_EQ(parser.feed(testing::GgufBuilder().build()).status().message(), first.message());
  EXPECT_EQ(parser.finish().status().message(), first.message());
}

// A small header with every kind of item in it.
std::vector<uint8_t> small_header() {
  return testing::GgufBuilder()
      .string("general.architecture", "llama")
      .alignment(32)
      .u32("n", 2)
      .boolean("b", true)
      .scalar<int64_t>("i", -3)
      .f32("f", 1e-5f)
      .strings("s", {"a", "", "bc"})
      .array<float>("fs", {1, 2})
      .array<bool>("bs", {true, false})
      .tensor("x", TensorType::kF32, {4}, {1, 2, 3, 4})
      .tensor("y.weight", TensorType::kQ8_0, {32, 1}, std::vector<float>(32, 1.0f))
      .header();
}

TEST(GgufBadInput, TruncatedAtEveryByte) {
  const std::vector<uint8_t> header = small_header();
  ASSERT_EQ(gguf_outcome(header).code, StatusCode::kOk);
  for (size_t n = 0; n < header.size(); ++n) {
    const std::span<const uint8_t> front = std::span(header).first(n);
    const testing::Outcome whole = gguf_outcome(front);
    EXPECT_EQ(whole.code, StatusCode::kTruncated) << n << " bytes: " << whole;
    for (const uint64_t file_size : {uint64_t{0}, uint64_t{n}}) {
      const testing::Outcome expected = gguf_outcome(front, file_size);
      EXPECT_EQ(expected.code, StatusCode::kTruncated) << n << " bytes: " << expected;
      for (const auto& chunking : kChunkings) {
        EXPECT_EQ(gguf_outcome(front, file_size, chunking.next), expected)
            << n << " bytes, " << chunking.name;
      }
    }
  }
}

TEST(GgufBadInput, EveryBitFlipped) {
  std::vector<uint8_t> header = small_header();
  const uint64_t file_size = header.size() + 1024;
  int refused = 0;
  for (size_t bit = 0; bit < header.size() * 8; ++bit) {
    header[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    for (const uint64_t size : {uint64_t{0}, file_size}) {
      const testing::Outcome whole = gguf_outcome(header, size);
      EXPECT_NE(whole.code, StatusCode::kInternal) << "bit " << bit << ": " << whole;
      EXPECT_NE(whole.code, StatusCode::kOutOfMemory) << "bit " << bit << ": " << whole;
      EXPECT_NE(whole.text, "") << "bit " << bit;
      if (whole.code != StatusCode::kOk) ++refused;
      for (const auto& chunking : kChunkings) {
        EXPECT_EQ(gguf_outcome(header, size, chunking.next), whole)
            << "bit " << bit << ", " << chunking.name;
      }
    }
    header[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  EXPECT_GT(refused, 1000) << "most bits matter";
}

}  // namespace
}  // namespace pipit
