// Half precision and bfloat16 against an oracle that builds their values from the definition, in
// double precision.
#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pipit {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A 16-bit format: how many bits of mantissa, and what exponent its subnormals have.
struct Format16 {
  const char* name;
  int mantissa_bits;
  int bias;
  uint16_t infinity;
  float (*to_f32)(uint16_t);
  uint16_t (*from_f32)(float);
};

constexpr Format16 kFormats[] = {
    {"f16", 10, 15, 0x7c00, f16_to_f32, f32_to_f16},
    {"bf16", 7, 127, 0x7f80, bf16_to_f32, f32_to_bf16},
};

bool is_nan16(const Format16& format, uint32_t bits) { return (bits & 0x7fff) > format.infinity; }

// The value of a finite number; the infinity's bits give the power of two that would come next.
double oracle(const Format16& format, uint32_t bits) {
  const int exponent = static_cast<int>((bits & 0x7fff) >> format.mantissa_bits);
  const int mantissa = static_cast<int>(bits & ((1u << format.mantissa_bits) - 1));
  const int implicit = exponent == 0 ? 0 : 1 << format.mantissa_bits;
  const int power = (exponent == 0 ? 1 : exponent) - format.bias - format.mantissa_bits;
  const double magnitude = std::ldexp(implicit + mantissa, power);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Float16, EveryWordToFloat) {
  for (const Format16& format : kFormats) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const float value = format.to_f32(static_cast<uint16_t>(bits));
      if (is_nan16(format, bits)) {
        ASSERT_TRUE(std::isnan(value)) << format.name << " " << bits;
      } else if ((bits & 0x7fff) == format.infinity) {
        ASSERT_EQ(value, (bits & 0x8000) != 0 ? -kInfinity : kInfinity) << format.name;
      } else {
        ASSERT_EQ(value, oracle(format, bits)) << format.name << " " << bits;
        ASSERT_EQ(std::signbit(value), bits >= 0x8000) << format.name << " " << bits;
      }
    }
  }
}

TEST(Float16, EveryWordSurvivesTheRoundTrip) {
  for (const Format16& format : kFormats) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
      const uint16_t back = format.from_f32(format.to_f32(static_cast<uint16_t>(bits)));
      if (is_nan16(format, bits)) {
        ASSERT_TRUE(is_nan16(format, back)) << format.name << " " << bits;
        ASSERT_EQ(back & 0x8000u, bits & 0x8000u) << format.name << " " << bits;
      } else {
        ASSERT_EQ(back, bits) << format.name;
      }
    }
  }
}

// Between two neighbours: the tie goes to the even one, a float less or more to the nearer one.
TEST(Float16, RoundsToNearestEven) {
  for (const Format16& format : kFormats) {
    for (const uint32_t sign : {0u, 0x8000u}) {
      for (uint32_t bits = 0; bits < format.infinity; ++bits) {
        const uint32_t low = bits | sign;
        const double tie = (oracle(format, low) + oracle(format, low + 1)) / 2;
        const auto tie_f32 = static_cast<float>(tie);
        ASSERT_EQ(tie_f32, tie) << "a tie has one bit more than the format";
        const float limit = sign != 0 ? -kInfinity : kInfinity;
        ASSERT_EQ(format.from_f32(tie_f32), low + (low & 1)) << format.name << " " << low;
        ASSERT_EQ(format.from_f32(std::nextafter(tie_f32, 0.0f)), low) << format.name << " " << low;
        ASSERT_EQ(format.from_f32(std::nextafter(tie_f32, limit)), low + 1)
            << format.name << " " << low;
      }
    }
  }
}

TEST(Float16, SpecialFloats) {
  constexpr float kMax = std::numeric_limits<float>::max();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  const struct {
    const char* name;
    float value;
    uint16_t f16;
    uint16_t bf16;
  } kCases[] = {
      {"zero", 0.0f, 0x0000, 0x0000},
      {"minus zero", -0.0f, 0x8000, 0x8000},
      {"one", 1.0f, 0x3c00, 0x3f80},
      {"minus two", -2.0f, 0xc000, 0xc000},
      {"infinity", kInfinity, 0x7c00, 0x7f80},
      {"minus infinity", -kInfinity, 0xfc00, 0xff80},
      {"largest float", kMax, 0x7c00, 0x7f80},
      {"least float", kLeast, 0x0000, 0x0000},
      {"minus least float", -kLeast, 0x8000, 0x8000},
      {"largest half", 65504.0f, 0x7bff, 0x4780},
      {"least half", 0x1p-24f, 0x0001, 0x3380},
      {"quiet NaN", std::bit_cast<float>(0x7fc00000u), 0x7e00, 0x7fc0},
      {"signalling NaN with a low payload", std::bit_cast<float>(0xff800001u), 0xfe00, 0xffc0},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(f32_to_f16(c.value), c.f16) << c.name;
    EXPECT_EQ(f32_to_bf16(c.value), c.bf16) << c.name;
  }
}

}  // namespace
}  // namespace pipit
