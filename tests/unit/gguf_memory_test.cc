// What a header can make the parser allocate, and what happens when there is no memory.
#include <gtest/gtest.h>

#include "gguf/gguf.h"
#include "gguf/limits.h"
#include "support/gguf_builder.h"
#include "support/gguf_outcome.h"

namespace pipit {
namespace {

using testing::ByteWriter;
using testing::gguf_outcome;
using testing::GgufBuilder;

// Every growth that the parser knows: both pools beyond a block, arrays that double, the sorted
// indices.
std::vector<uint8_t> header_with_every_allocation() {
  GgufBuilder builder;
  for (int i = 0; i < 5; ++i) builder.u32(str_cat("key ", i), 1);
  builder.strings("strings", std::vector<std::string>(140000, "x"));
  builder.array("numbers", std::vector<float>(300000, 1.0f));
  for (int i = 0; i < 5; ++i) builder.tensor(str_cat("tensor ", i), TensorType::kF32, {1}, {1.0f});
  return builder.header();
}

TEST(GgufMemory, EveryAllocationMayFail) {
  const std::vector<uint8_t> header = header_with_every_allocation();
  int n = 0;
  while (true) {
    fail_allocation_after(n);
    const Result<std::unique_ptr<Gguf>> gguf = testing::parse_gguf(header);
    fail_allocation_after(-1);
    if (gguf.ok()) break;
    ASSERT_EQ(gguf.status().code(), StatusCode::kOutOfMemory) << "allocation " << n;
    EXPECT_NE(gguf.status().message().find("memory"), std::string::npos);
    ++n;
  }
  EXPECT_GT(n, 15) << "the header is meant to reach every allocation";
}

TEST(GgufMemory, AllocationFollowsWhatHasArrived) {
  const auto pair = [](GgufType type) { return ByteWriter().prefix(0, 1).string("k").type(type); };
  const auto array = [&](GgufType type) {
    return pair(GgufType::kArray).type(type).u64(limits::kMaxArrayElements);
  };

  GgufBuilder many_pairs;
  for (uint64_t i = 0; i < limits::kMaxMetadataPairs; ++i) many_pairs.boolean(str_cat(i), true);

  ByteWriter many_tensors;
  many_tensors.prefix(limits::kMaxTensors, 0);
  for (uint64_t i = 0; i < limits::kMaxTensors; ++i) {
    many_tensors.tensor(str_cat(i), {1}, TensorType::kI8, i * 32);
  }

  // The worst case of the pool of bytes: each long string leaves most of a block behind.
  std::vector<std::string> long_and_short;
  for (int i = 0; i < 8; ++i) {
    long_and_short.push_back(std::string(limits::kMaxStringBytes, 'l'));
    long_and_short.push_back("s");
  }

  const struct {
    const char* name;
    std::vector<uint8_t> header;
    StatusCode code;
  } kCases[] = {
      {"a string of 1 MiB that does not come",
       pair(GgufType::kString).u64(limits::kMaxStringBytes).bytes, StatusCode::kTruncated},
      {"2^22 numbers that do not come", array(GgufType::kU64).bytes, StatusCode::kTruncated},
      {"2^22 strings that do not come", array(GgufType::kString).bytes, StatusCode::kTruncated},
      {"all pairs that may be, which do not come",
       ByteWriter().prefix(0, limits::kMaxMetadataPairs).bytes, StatusCode::kTruncated},
      {"all tensors that may be, which do not come",
       ByteWriter().prefix(limits::kMaxTensors, 0).bytes, StatusCode::kTruncated},
      {"all pairs that may be", many_pairs.header(), StatusCode::kOk},
      {"all tensors that may be", many_tensors.bytes, StatusCode::kOk},
      {"empty strings", GgufBuilder().strings("k", std::vector<std::string>(1 << 20)).header(),
       StatusCode::kOk},
      {"long and short strings", GgufBuilder().strings("k", long_and_short).header(),
       StatusCode::kOk},
      {"numbers", GgufBuilder().array("k", std::vector<uint64_t>(1 << 20)).header(),
       StatusCode::kOk},
  };
  for (const auto& c : kCases) {
    const uint64_t before = total_allocated();
    const Result<std::unique_ptr<Gguf>> gguf = testing::parse_gguf(c.header);
    EXPECT_EQ(gguf.status().code(), c.code) << c.name;
    EXPECT_LE(total_allocated() - before, 2 * c.header.size() + (16 << 20)) << c.name;
  }
}

// A header that never ends is refused at the limit.
TEST(GgufMemory, HeaderLimit) {
  const std::string longest(limits::kMaxStringBytes, 'x');
  const ByteWriter element = ByteWriter().string(longest);
  GgufParser parser;
  const ByteWriter front = ByteWriter()
                               .prefix(0, 1)
                               .string("k")
                               .type(GgufType::kArray)
                               .type(GgufType::kString)
                               .u64(1000);
  ASSERT_TRUE(parser.feed(front.bytes).ok());
  uint64_t fed = front.bytes.size();
  Status status;
  while (status.ok() && fed < 2 * limits::kMaxHeaderBytes) {
    status = parser.feed(element.bytes).status();
    fed += element.bytes.size();
  }
  EXPECT_EQ(status.code(), StatusCode::kLimitExceeded);
  EXPECT_NE(status.message().find("header is longer than 268435456 bytes"), std::string::npos)
      << status.message();
  EXPECT_LE(fed, limits::kMaxHeaderBytes + element.bytes.size());
}

}  // namespace
}  // namespace pipit
