// The quantisation formats against blocks and values from Python's gguf package.
#include "quant/format.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace pipit {
namespace {

struct Vector {
  const char* format;
  const char* name;
  const char* blocks;  // hex
  const char* values;  // hex of little-endian float32
};

constexpr Vector kDecodeVectors[] = {
#define DECODE(format, name, blocks, values) {#format, name, blocks, values},
#define ENCODE(...)
#include "data/quant_vectors.inc"
#undef DECODE
#undef ENCODE
};

constexpr Vector kEncodeVectors[] = {
#define DECODE(...)
#define ENCODE(format, name, blocks, values) {#format, name, blocks, values},
#include "data/quant_vectors.inc"
#undef DECODE
#undef ENCODE
};

std::vector<uint8_t> from_hex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<float> floats_from_hex(std::string_view hex) {
  const std::vector<uint8_t> bytes = from_hex(hex);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

const Format* format_named(std::string_view name) {
  for (const Format* format : all_formats()) {
    if (tensor_type_info(format->type)->name == name) return format;
  }
  return nullptr;
}

// The same bits, or both NaN.
void expect_same(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << i;
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(expected[i]))
          << i << ": " << got[i] << " where " << expected[i] << " was expected";
    }
  }
}

TEST(Format, DecodesLikePython) {
  for (const Vector& v : kDecodeVectors) {
    SCOPED_TRACE(testing::Message() << v.format << " " << v.name);
    const Format* format = format_named(v.format);
    ASSERT_NE(format, nullptr);
    const std::vector<float> expected = floats_from_hex(v.values);
    std::vector<uint8_t> blocks = from_hex(v.blocks);
    ASSERT_EQ(blocks.size(), row_bytes(*format, expected.size()));
    std::vector<float> got(expected.size());
    format->decode(blocks.data(), got.size(), got.data());
    expect_same(got, expected);

    blocks.insert(blocks.begin(), 0xee);  // at an odd address
    format->decode(blocks.data() + 1, got.size(), got.data());
    expect_same(got, expected);
  }
}

TEST(Format, EncodesLikePython) {
  for (const Vector& v : kEncodeVectors) {
    SCOPED_TRACE(testing::Message() << v.format << " " << v.name);
    const Format* format = format_named(v.format);
    ASSERT_NE(format, nullptr);
    const std::vector<float> values = floats_from_hex(v.values);
    std::vector<uint8_t> got(1 + row_bytes(*format, values.size()));  // at an odd address
    format->encode(values.data(), values.size(), got.data() + 1);
    got.erase(got.begin());
    EXPECT_EQ(got, from_hex(v.blocks));
  }
}

TEST(Format, GroupsHoldTheSameWeights) {
  std::mt19937 random(5);
  for (const Format* format : all_formats()) {
    if (format->decode_group == nullptr) continue;
    SCOPED_TRACE(tensor_type_info(format->type)->name);
    constexpr size_t kGroups = 50;
    std::vector<float> values(kGroups * kGroupSize);
    for (float& value : values) value = std::normal_distribution<float>(0.1f, 2.0f)(random);
    std::vector<uint8_t> blocks(row_bytes(*format, values.size()));
    format->encode(values.data(), values.size(), blocks.data());
    std::vector<float> decoded(values.size());
    format->decode(blocks.data(), decoded.size(), decoded.data());
    const int lowest = format->kind == WeightKind::kInt4 ? 0 : -128;
    const int highest = format->kind == WeightKind::kInt4 ? 15 : 127;
    std::vector<float> got;
    for (size_t g = 0; g < kGroups; ++g) {
      IntegerGroup group;
      format->decode_group(blocks.data(), g, group);
      for (const int8_t q : group.q) {
        EXPECT_TRUE(q >= lowest && q <= highest) << int{q};
        got.push_back(group.scale * static_cast<float>(q) + group.min);
      }
    }
    EXPECT_EQ(got, decoded);
  }
}

// What any block of bytes holds, infinite and NaN scales included, is decoded without undefined
// behaviour; so is any float encoded.
TEST(Format, AnyBytesAndAnyFloats) {
  std::mt19937 random(6);
  for (const Format* format : all_formats()) {
    constexpr size_t kN = 32 * 500;
    std::vector<uint8_t> blocks(row_bytes(*format, kN));
    for (uint8_t& byte : blocks) byte = static_cast<uint8_t>(random());
    std::vector<float> values(kN);
    format->decode(blocks.data(), kN, values.data());
    for (float& value : values) value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    format->encode(values.data(), kN, blocks.data());
    std::vector<float> decoded(kN);
    format->decode(blocks.data(), kN, decoded.data());
    if (format->kind == WeightKind::kF32) expect_same(decoded, values);
  }
}

// A rounded weight is at most half a step away (a whole one for Q4_0's largest of the other sign).
TEST(Format, RoundTripError) {
  const struct {
    TensorType type;
    float bound;  // of weights in -1 … 1
  } kCases[] = {
      {TensorType::kF32, 0.0f},
      {TensorType::kF16, 0x1p-12f},
      {TensorType::kBF16, 0x1p-9f},
      {TensorType::kQ8_0, 0.5f / 127 + 0x1p-11f},
      {TensorType::kQ4_1, 1.0f / 15 + 0x1p-10f},
      {TensorType::kQ4_0, 1.0f / 8 + 0x1p-10f},
  };
  std::mt19937 random(8);
  for (const auto& c : kCases) {
    SCOPED_TRACE(tensor_type_info(c.type)->name);
    const Format& format = *find_format(c.type);
    std::vector<float> values(32 * 100);
    for (float& value : values) value = std::uniform_real_distribution<float>(-1.0f, 1.0f)(random);
    std::vector<uint8_t> blocks(row_bytes(format, values.size()));
    format.encode(values.data(), values.size(), blocks.data());
    std::vector<float> decoded(values.size());
    format.decode(blocks.data(), decoded.size(), decoded.data());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_LE(std::fabs(decoded[i] - values[i]), c.bound) << i;
    }
  }
}

TEST(Format, Table) {
  EXPECT_EQ(supported_format_names(), "F32, F16, Q4_0, Q4_1, Q8_0, BF16");
  for (const Format* format : all_formats()) EXPECT_EQ(find_format(format->type), format);
  EXPECT_EQ(find_format(TensorType::kQ4_K), nullptr);
  EXPECT_EQ(find_format(static_cast<TensorType>(4)), nullptr);
  for (const Format* format : all_formats()) {
    const bool integer = format->kind == WeightKind::kInt4 || format->kind == WeightKind::kInt8;
    EXPECT_EQ(format->decode_group != nullptr, integer);
  }
}

}  // namespace
}  // namespace pipit
