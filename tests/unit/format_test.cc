// The quantisation formats against blocks and values from Python's gguf package.
#include "quant/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.h"

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
#define DIGEST(...)
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
#undef DIGEST
};

struct Digest {
  const char* format;
  const char* sha256;  // of the values of kDigestBlocks blocks, hex
};

constexpr Digest kDigests[] = {
#define DECODE(...)
#define ENCODE(...)
#define DIGEST(format, sha256) {#format, sha256},
#include "data/quant_vectors.inc"
#undef DECODE
#undef ENCODE
#undef DIGEST
};
constexpr size_t kDigestBlocks = 4096;

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

// As in make_quant_vectors.py.
std::vector<uint8_t> digest_blocks(size_t block_bytes) {
  std::vector<uint8_t> bytes(kDigestBlocks * block_bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    uint32_t h = static_cast<uint32_t>(i) * 0x9E3779B1u;
    h ^= h >> 15;
    h *= 0x85EBCA77u;
    h ^= h >> 13;
    bytes[i] = static_cast<uint8_t>(h >> 16);
    const size_t block = i / block_bytes;
    if (block % 16 == 0) bytes[i] &= 0x81;
    if (block % 16 == 8) bytes[i] |= 0x7e;
  }
  return bytes;
}

TEST(Format, DecodesAnyBlockLikePython) {
  for (const Digest& digest : kDigests) {
    SCOPED_TRACE(digest.format);
    const Format* format = format_named(digest.format);
    ASSERT_NE(format, nullptr);
    const TensorTypeInfo& info = *tensor_type_info(format->type);
    const std::vector<uint8_t> blocks = digest_blocks(info.block_bytes);
    std::vector<float> values(kDigestBlocks * info.block_size);
    format->decode(blocks.data(), values.size(), values.data());
    for (float& value : values) {
      if (std::isnan(value)) value = std::bit_cast<float>(0x7fc00000u);
    }
    Sha256 sha256;
    sha256.update({reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)});
    const std::array<uint8_t, 32> got = sha256.digest();
    EXPECT_EQ(std::vector<uint8_t>(got.begin(), got.end()), from_hex(digest.sha256));
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

// The integers that a kind of weights may hold.
std::pair<int, int> range_of(WeightKind kind) {
  switch (kind) {
    case WeightKind::kInt4:
    case WeightKind::kInt4Centred:
    case WeightKind::kInt4Wide:
    case WeightKind::kInt4Halves:
      return {0, 15};
    case WeightKind::kInt5:
    case WeightKind::kInt5Centred:
    case WeightKind::kInt5Wide:
      return {0, 31};
    case WeightKind::kInt6Halves:
      return {0, 63};
    default:
      return {-128, 127};
  }
}

TEST(Format, GroupsHoldTheSameWeights) {
  std::mt19937 random(5);
  for (const Format* format : all_formats()) {
    if (format->decode_group == nullptr) continue;
    SCOPED_TRACE(tensor_type_info(format->type)->name);
    constexpr size_t kGroups = 64;
    std::vector<float> values(kGroups * kGroupSize);
    for (float& value : values) value = std::normal_distribution<float>(0.1f, 2.0f)(random);
    std::vector<uint8_t> blocks(row_bytes(*format, values.size()));
    format->encode(values.data(), values.size(), blocks.data());
    std::vector<float> decoded(values.size());
    format->decode(blocks.data(), decoded.size(), decoded.data());
    const auto [lowest, highest] = range_of(format->kind);
    std::vector<float> got;
    for (size_t g = 0; g < kGroups; ++g) {
      IntegerGroup group;
      format->decode_group(blocks.data(), g, group);
      for (size_t i = 0; i < kGroupSize; ++i) {
        const int8_t q = group.q[i];
        EXPECT_TRUE(q >= lowest && q <= highest) << int{q};
        const size_t half = i / kHalfGroup;
        got.push_back(group.scale[half] * static_cast<float>(q) + group.min[half]);
      }
      if (n_scales(format->kind) == 1) {
        EXPECT_EQ(group.scale[0], group.scale[1]);
        EXPECT_EQ(group.min[0], group.min[1]);
      }
      if (!has_min(format->kind)) EXPECT_EQ(group.min[0], 0.0f);
    }
    EXPECT_EQ(got, decoded);
  }
}

// Of every number in half precision that a block holds, whether it is finite.
TEST(Format, InfiniteScalesAreFound) {
  constexpr size_t kBlocks = 3;
  for (const Format* format : all_formats()) {
    const TensorTypeInfo& info = *tensor_type_info(format->type);
    SCOPED_TRACE(info.name);
    std::vector<float> values(kBlocks * info.block_size);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 2.0f;
    std::vector<uint8_t> blocks(kBlocks * info.block_bytes);
    format->encode(values.data(), values.size(), blocks.data());
    EXPECT_EQ(find_infinite_block(*format, blocks), kBlocks);
    EXPECT_EQ(find_infinite_block(*format, {}), 0u);
    if (format->decode_group == nullptr) continue;
    for (const size_t at : format->half_at) {
      for (const uint16_t bits : {0x7c00, 0xfc00, 0x7e00, 0x7bff}) {
        auto changed = blocks;
        std::memcpy(&changed[info.block_bytes + at], &bits, sizeof(bits));
        EXPECT_EQ(find_infinite_block(*format, changed), bits == 0x7bff ? kBlocks : 1) << bits;
        // It is a scale: some weight of the block is not finite either.
        std::vector<float> decoded(values.size());
        format->decode(changed.data(), decoded.size(), decoded.data());
        EXPECT_EQ(std::all_of(decoded.begin(), decoded.end(),
                              [](float value) { return std::isfinite(value); }),
                  bits == 0x7bff)
            << bits;
      }
    }
  }
}

// What any block of bytes holds, infinite and NaN scales included, is decoded without undefined
// behaviour; so is any float encoded.
TEST(Format, AnyBytesAndAnyFloats) {
  std::mt19937 random(6);
  for (const Format* format : all_formats()) {
    constexpr size_t kN = 256 * 64;
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
      {TensorType::kQ5_1, 1.0f / 31 + 0x1p-10f},
      {TensorType::kQ5_0, 1.0f / 16 + 0x1p-10f},
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

// How far from the values the formats with a search for their scales are, for 100,000 normal ones
// with a standard deviation of 1: at most 2 % farther than ggml_quantize_chunk (llama.cpp v0.5.0).
TEST(Format, SearchedScalesAreAsGoodAsGgmls) {
  const struct {
    TensorType type;
    double ggml;  // its root mean square error
  } kCases[] = {
      {TensorType::kQ2_K, 0.29201},   {TensorType::kQ3_K, 0.14891}, {TensorType::kQ4_K, 0.07035},
      {TensorType::kQ5_K, 0.03561},   {TensorType::kQ6_K, 0.01749}, {TensorType::kIQ4_NL, 0.07533},
      {TensorType::kIQ4_XS, 0.07594},
  };
  for (const auto& c : kCases) {
    const Format& format = *find_format(c.type);
    std::mt19937 random(9);
    std::vector<float> values(256 * 400);
    for (float& value : values) {  // a sum of 12 uniform ones: the same everywhere
      value = -6;
      for (int i = 0; i < 12; ++i) value += static_cast<float>(random()) * 0x1p-32f;
    }
    std::vector<uint8_t> blocks(row_bytes(format, values.size()));
    format.encode(values.data(), values.size(), blocks.data());
    std::vector<float> decoded(values.size());
    format.decode(blocks.data(), decoded.size(), decoded.data());
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double difference = double{values[i]} - double{decoded[i]};
      sum += difference * difference;
    }
    const double error = std::sqrt(sum / static_cast<double>(values.size()));
    EXPECT_LE(error, 1.02 * c.ggml) << tensor_type_info(c.type)->name;
  }
}

TEST(Format, Table) {
  EXPECT_EQ(supported_format_names(),
            "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, "
            "BF16");
  for (const Format* format : all_formats()) EXPECT_EQ(find_format(format->type), format);
  EXPECT_EQ(find_format(TensorType::kQ8_K), nullptr);
  EXPECT_EQ(find_format(static_cast<TensorType>(4)), nullptr);
  for (const Format* format : all_formats()) {
    EXPECT_EQ(format->decode_group != nullptr, is_integer(format->kind));
  }
}

}  // namespace
}  // namespace pipit
