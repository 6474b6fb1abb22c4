// Well-formed GGUF headers: everything that is written comes back, however the bytes arrive.
#include "gguf/gguf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gguf/limits.h"
#include "support/gguf_builder.h"
#include "support/gguf_outcome.h"

namespace pipit {
namespace {

using testing::gguf_outcome;
using testing::GgufBuilder;
using testing::kChunkings;
using testing::parse_gguf;

template <typename T>
using Limits = std::numeric_limits<T>;

// Every scalar type and every kind of array.
GgufBuilder every_type() {
  GgufBuilder builder;
  builder.scalar<uint8_t>("u8", 255).scalar<int8_t>("i8", -128);
  builder.scalar<uint16_t>("u16", 65535).scalar<int16_t>("i16", -32768);
  builder.u32("u32", Limits<uint32_t>::max()).i32("i32", Limits<int32_t>::min());
  builder.scalar("u64", Limits<uint64_t>::max()).scalar("i64", Limits<int64_t>::min());
  builder.f32("f32", 0.1f).scalar("f64", 0.1);
  builder.boolean("true", true).boolean("false", false);
  builder.string("string", "a \xff string").string("empty string", "");
  builder.array<uint8_t>("u8s", {0, 1, 255}).array<int8_t>("i8s", {-128, 127});
  builder.array<uint16_t>("u16s", {65535}).array<int16_t>("i16s", {-1, 1});
  builder.array<uint32_t>("u32s", {7, 8, 9}).array<int32_t>("i32s", {-7, 8, -9});
  builder.array<uint64_t>("u64s", {1}).array<int64_t>("i64s", {-1, 2});
  builder.array<float>("f32s", {0.5f, -0.25f}).array<double>("f64s", {1e300});
  builder.array<bool>("bools", {true, false, true}).array<float>("no floats", {});
  builder.strings("strings", {"<s>", "", "a b", std::string(1000, 'x')}).strings("no strings", {});
  return builder;
}

std::unique_ptr<Gguf> parse(const std::vector<uint8_t>& bytes) {
  Result<std::unique_ptr<Gguf>> gguf = parse_gguf(bytes, bytes.size());
  EXPECT_TRUE(gguf.ok()) << gguf.status().message();
  return gguf.ok() ? std::move(gguf).value() : std::make_unique<Gguf>();
}

TEST(Gguf, Scalars) {
  const std::unique_ptr<Gguf> gguf = parse(every_type().build());
  const struct {
    const char* key;
    double number;
  } kCases[] = {
      {"u8", 255},
      {"i8", -128},
      {"u16", 65535},
      {"i16", -32768},
      {"u32", 4294967295},
      {"i32", -2147483648.0},
      {"u64", 18446744073709551615.0},
      {"i64", -0x1p63},
      {"f32", double{0.1f}},
      {"f64", 0.1},
      {"true", 1},
      {"false", 0},
  };
  for (const auto& c : kCases) {
    const GgufValue* value = gguf->find(c.key);
    ASSERT_NE(value, nullptr) << c.key;
    EXPECT_FALSE(value->is_array) << c.key;
    EXPECT_EQ(value->n, 1u) << c.key;
    EXPECT_EQ(gguf->number(*value), c.number) << c.key;
    const bool integer = value->type != GgufType::kF32 && value->type != GgufType::kF64;
    if (integer && c.number < 0x1p63) {
      EXPECT_EQ(gguf->integer(*value), static_cast<int64_t>(c.number)) << c.key;
    }
  }
  EXPECT_EQ(gguf->integer(*gguf->find("u64")), Limits<int64_t>::max()) << "saturated";
  EXPECT_EQ(gguf->string(*gguf->find("string")), "a \xff string");
  EXPECT_EQ(gguf->string(*gguf->find("empty string")), "");
  EXPECT_EQ(gguf->find("nothing"), nullptr);
  EXPECT_EQ(gguf->find(""), nullptr);
}

TEST(Gguf, Arrays) {
  const std::unique_ptr<Gguf> gguf = parse(every_type().build());
  const struct {
    const char* key;
    GgufType type;
    std::vector<double> numbers;
  } kCases[] = {
      {"u8s", GgufType::kU8, {0, 1, 255}},    {"i8s", GgufType::kI8, {-128, 127}},
      {"u16s", GgufType::kU16, {65535}},      {"i16s", GgufType::kI16, {-1, 1}},
      {"u32s", GgufType::kU32, {7, 8, 9}},    {"i32s", GgufType::kI32, {-7, 8, -9}},
      {"u64s", GgufType::kU64, {1}},          {"i64s", GgufType::kI64, {-1, 2}},
      {"f32s", GgufType::kF32, {0.5, -0.25}}, {"f64s", GgufType::kF64, {1e300}},
      {"bools", GgufType::kBool, {1, 0, 1}},  {"no floats", GgufType::kF32, {}},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.key);
    const GgufValue* value = gguf->find(c.key);
    ASSERT_NE(value, nullptr);
    EXPECT_TRUE(value->is_array);
    EXPECT_EQ(value->type, c.type);
    std::vector<double> numbers;
    for (uint64_t i = 0; i < value->n; ++i) {
      numbers.push_back(gguf->number(*value, i));
      if (c.type != GgufType::kF32 && c.type != GgufType::kF64) {
        EXPECT_EQ(static_cast<double>(gguf->integer(*value, i)), numbers.back());
      }
    }
    EXPECT_EQ(numbers, c.numbers);
  }
  const GgufValue* strings = gguf->find("strings");
  ASSERT_EQ(strings->n, 4u);
  EXPECT_EQ(gguf->string(*strings, 0), "<s>");
  EXPECT_EQ(gguf->string(*strings, 1), "");
  EXPECT_EQ(gguf->string(*strings, 2), "a b");
  EXPECT_EQ(gguf->string(*strings, 3), std::string(1000, 'x'));
  EXPECT_EQ(gguf->find("no strings")->n, 0u);
}

// Arrays and strings that fill the pools' blocks of 1 MiB, so that many of them lie on a boundary.
TEST(Gguf, LargeValues) {
  std::vector<double> doubles(300001);
  for (size_t i = 0; i < doubles.size(); ++i) doubles[i] = static_cast<double>(i) * 0.5;
  std::vector<std::string> strings;
  for (size_t i = 0; i < 150000; ++i) strings.push_back(str_cat("token ", i * 7919));
  const std::string longest(limits::kMaxStringBytes, 'y');
  const std::vector<uint8_t> bytes = GgufBuilder()
                                         .scalar<uint8_t>("an odd address", 1)
                                         .array("doubles", doubles)
                                         .strings("strings", strings)
                                         .string("longest", longest)
                                         .string("longest again", longest)
                                         .array<uint8_t>("bytes", {1, 2, 3})
                                         .array("doubles again", doubles)
                                         .build();
  const std::unique_ptr<Gguf> gguf = parse(bytes);
  for (const char* key : {"doubles", "doubles again"}) {
    const GgufValue* value = gguf->find(key);
    ASSERT_EQ(value->n, doubles.size());
    for (size_t i = 0; i < doubles.size(); ++i) ASSERT_EQ(gguf->number(*value, i), doubles[i]) << i;
  }
  for (size_t i = 0; i < strings.size(); ++i) {
    ASSERT_EQ(gguf->string(*gguf->find("strings"), i), strings[i]);
  }
  EXPECT_EQ(gguf->string(*gguf->find("longest")), longest);
  EXPECT_EQ(gguf->string(*gguf->find("longest again")), longest);
  EXPECT_EQ(gguf->number(*gguf->find("bytes"), 2), 3);
}

TEST(Gguf, Tensors) {
  const std::vector<float> values(256, 1.5f);
  const std::vector<uint8_t> bytes =
      GgufBuilder(2)
          .alignment(64)
          .tensor("token_embd.weight", TensorType::kQ8_0, {64, 4}, values)
          .tensor("output_norm.weight", TensorType::kF32, {1}, {2.0f})
          .tensor(std::string(64, 'n'), TensorType::kQ4_1, {32, 2, 2, 2}, values)
          .raw_tensor("k", TensorType::kQ6_K, {256}, std::vector<uint8_t>(210))
          .build();
  const std::unique_ptr<Gguf> gguf = parse(bytes);
  EXPECT_EQ(gguf->version(), 2u);
  EXPECT_EQ(gguf->alignment(), 64u);
  EXPECT_EQ(gguf->data_offset() % 64, 0u);
  const uint64_t data = gguf->data_offset();
  const struct {
    const char* name;
    uint64_t dims[4];
    uint32_t n_dims;
    uint64_t offset;
    uint64_t n_bytes;
  } kCases[] = {
      {"token_embd.weight", {64, 4, 1, 1}, 2, data, 8 * 34},
      {"output_norm.weight", {1, 1, 1, 1}, 1, data + 320, 4},
      {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
       {32, 2, 2, 2},
       4,
       data + 384,
       8 * 20},
      {"k", {256, 1, 1, 1}, 1, data + 576, 210},
  };
  ASSERT_EQ(gguf->tensors().size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    SCOPED_TRACE(kCases[i].name);
    const TensorInfo& tensor = gguf->tensors()[i];
    EXPECT_EQ(tensor.name, kCases[i].name);
    EXPECT_EQ(gguf->find_tensor(kCases[i].name), &tensor);
    EXPECT_TRUE(std::equal(tensor.dims, tensor.dims + 4, kCases[i].dims));
    EXPECT_EQ(tensor.n_dims, kCases[i].n_dims);
    EXPECT_EQ(tensor.offset, kCases[i].offset);
    EXPECT_EQ(tensor.n_bytes, kCases[i].n_bytes);
  }
  EXPECT_EQ(gguf->tensors()[0].n_elements(), 256u);
  EXPECT_EQ(gguf->find_tensor("output.weight"), nullptr);
  float norm;
  std::memcpy(&norm, bytes.data() + gguf->tensors()[1].offset, sizeof(norm));
  EXPECT_EQ(norm, 2.0f);
}

TEST(Gguf, NothingButAPrefix) {
  const std::unique_ptr<Gguf> gguf = parse(GgufBuilder().build());
  EXPECT_EQ(gguf->version(), 3u);
  EXPECT_EQ(gguf->alignment(), 32u);
  EXPECT_EQ(gguf->data_offset(), 32u);
  EXPECT_TRUE(gguf->tensors().empty());
  EXPECT_EQ(gguf->n_pairs(), 0u);
}

TEST(Gguf, ChunksMakeNoDifference) {
  const std::vector<uint8_t> bytes =
      every_type().alignment(16).tensor("t", TensorType::kF32, {3}, {1, 2, 3}).build();
  const testing::Outcome whole = gguf_outcome(bytes, bytes.size());
  EXPECT_EQ(whole.code, StatusCode::kOk) << whole;
  for (const auto& chunking : kChunkings) {
    EXPECT_EQ(gguf_outcome(bytes, bytes.size(), chunking.next), whole) << chunking.name;
    EXPECT_EQ(gguf_outcome(bytes, 0, chunking.next), whole) << chunking.name << ", size unknown";
  }
}

TEST(Gguf, FeedStopsWhereTheHeaderEnds) {
  const GgufBuilder builder = every_type().tensor("t", TensorType::kF32, {3}, {1, 2, 3});
  const std::vector<uint8_t> bytes = builder.build();
  GgufParser parser;
  const Result<size_t> used = parser.feed(bytes);
  ASSERT_TRUE(used.ok());
  EXPECT_EQ(*used, builder.header().size());
  EXPECT_TRUE(parser.done());
  EXPECT_EQ(*parser.feed(bytes), 0u) << "a header that is done takes no more";
  EXPECT_TRUE(parser.finish().ok());
  EXPECT_EQ(parser.finish().status().code(), StatusCode::kInvalidArgument) << "taken already";
}

TEST(Gguf, TypedLookUps) {
  const std::unique_ptr<Gguf> gguf = parse(every_type().build());
  const auto u32 = [&](const char* key) { return gguf->get_u32(key); };
  EXPECT_EQ(*u32("u8"), 255u);
  EXPECT_EQ(*u32("u32"), Limits<uint32_t>::max());
  EXPECT_EQ(*gguf->get_u32("u16", 1), 65535u);
  EXPECT_EQ(*gguf->get_u32("missing", 1), 1u);
  EXPECT_EQ(*gguf->get_f32("f32"), 0.1f);
  EXPECT_EQ(*gguf->get_f32("f64", 1.0f), 0.1f);
  EXPECT_EQ(*gguf->get_f32("missing", 1.0f), 1.0f);
  EXPECT_TRUE(*gguf->get_bool("true", false));
  EXPECT_TRUE(*gguf->get_bool("missing", true));
  EXPECT_EQ(*gguf->get_string("string"), "a \xff string");
  EXPECT_EQ(*gguf->get_string("missing", "llama"), "llama");
  EXPECT_EQ((*gguf->get_array("strings", GgufType::kString))->n, 4u);
  EXPECT_EQ((*gguf->get_array("u8s", GgufType::kI32))->n, 3u) << "every width of integers";
  EXPECT_EQ((*gguf->get_array("f64s", GgufType::kF32))->n, 1u) << "every width of floats";
  EXPECT_EQ(*gguf->get_array("missing", GgufType::kF32), nullptr);
}

TEST(Gguf, TypedLookUpsSayWhatIsWrong) {
  const std::unique_ptr<Gguf> gguf = parse(every_type().build());
  const struct {
    const char* name;
    Status status;
    const char* message;
  } kCases[] = {
      {"missing u32", gguf->get_u32("llama.block_count").status(), "no \"llama.block_count\""},
      {"missing f32", gguf->get_f32("rope").status(), "no \"rope\""},
      {"missing string", gguf->get_string("general.architecture").status(), "no \"general.arch"},
      {"negative u32", gguf->get_u32("i8").status(), "\"i8\" holds I8 -128, but an integer"},
      {"u32 too large", gguf->get_u32("u64").status(), "holds U64 18446744073709551615"},
      {"u32 with fallback", gguf->get_u32("string", 5).status(), "holds the string \"a \\xff st"},
      {"u32 from bool", gguf->get_u32("true").status(), "holds the bool true"},
      {"u32 from array", gguf->get_u32("u8s").status(), "holds an array of 3 U8 elements"},
      {"u32 from float", gguf->get_u32("f64").status(), "holds F64 0.1"},
      {"f32 from integer", gguf->get_f32("u8").status(), "but a single-precision float was"},
      {"f32 with fallback", gguf->get_f32("f32s", 1).status(), "array of 2 F32"},
      {"bool from integer", gguf->get_bool("u8", true).status(), "but a bool was expected"},
      {"string from array", gguf->get_string("strings").status(), "array of 4 STRING"},
      {"string with fallback", gguf->get_string("u8", "x").status(), "but a string was expected"},
      {"array from scalar", gguf->get_array("u8", GgufType::kU8).status(), "an array of integers"},
      {"strings from floats", gguf->get_array("f32s", GgufType::kString).status(), "array of str"},
      {"floats from integers", gguf->get_array("u8s", GgufType::kF32).status(), "array of floats"},
      {"bools from bytes", gguf->get_array("u8s", GgufType::kBool).status(), "array of bools"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(c.status.code(), StatusCode::kInvalidFile) << c.name;
    EXPECT_NE(c.status.message().find(c.message), std::string::npos)
        << c.name << ": " << c.status.message();
  }
}

TEST(Gguf, F32OutOfRange) {
  const std::unique_ptr<Gguf> gguf = parse(
      GgufBuilder().scalar("huge", 1e300).scalar("infinite", Limits<double>::infinity()).build());
  EXPECT_EQ(gguf->get_f32("huge").status().code(), StatusCode::kInvalidFile);
  EXPECT_TRUE(std::isinf(*gguf->get_f32("infinite")));
}

}  // namespace
}  // namespace pipit
