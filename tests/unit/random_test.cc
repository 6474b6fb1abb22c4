// The generator against published values, and its seeding and uniform numbers against golden ones.
#include "sampling/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace pipit {
namespace {

TEST(Random, Splitmix64GivesThePublishedNumbers) {
  // Of the public-domain reference code, for the seed 1234567.
  constexpr uint64_t kExpected[] = {6457827717110365317u, 3203168211198807973u,
                                    9817491932198370423u, 4593380528125082431u,
                                    16408922859458223821u};
  uint64_t state = 1234567;
  for (const uint64_t expected : kExpected) EXPECT_EQ(splitmix64(state), expected);
}

TEST(Random, NextGivesThePublishedNumbers) {
  // Of the public-domain reference code, for the state {1, 2, 3, 4}.
  constexpr uint64_t kExpected[] = {11520u,
                                    0u,
                                    1509978240u,
                                    1215971899390074240u,
                                    1216172134540287360u,
                                    607988272756665600u,
                                    16172922978634559625u,
                                    8476171486693032832u,
                                    10595114339597558777u,
                                    2904607092377533576u};
  Random random(std::array<uint64_t, 4>{1, 2, 3, 4});
  for (const uint64_t expected : kExpected) EXPECT_EQ(random.next(), expected);
}

TEST(Random, EverySeedHasItsNumbers) {
  struct Case {
    uint64_t seed;
    std::array<uint64_t, 4> expected;
  };
  const Case cases[] = {
      {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c}},
      {1, {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7}},
      {42, {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1}},
      {UINT64_MAX,
       {0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f}},
  };
  for (const Case& c : cases) {
    Random random(c.seed);
    for (const uint64_t expected : c.expected) EXPECT_EQ(random.next(), expected) << c.seed;
  }
}

TEST(Random, UniformUsesTheUpper53Bits) {
  Random random(0);
  EXPECT_EQ(random.uniform(), static_cast<double>(0x99ec5f36cb75f2b4 >> 11) / 0x1p53);
  EXPECT_EQ(random.uniform(), static_cast<double>(0xbf6e1f784956452a >> 11) / 0x1p53);
}

TEST(Random, UniformFillsTheUnitInterval) {
  // 64 bins, 64,000 numbers. Chi-square with 63 degrees of freedom is below 103.4 for 999 seeds of
  // 1,000.
  for (const uint64_t seed : {1, 2, 3, 4}) {
    Random random(seed);
    std::array<int, 64> bins = {};
    for (int i = 0; i < 64000; ++i) {
      const double u = random.uniform();
      ASSERT_GE(u, 0);
      ASSERT_LT(u, 1);
      ++bins[static_cast<size_t>(u * 64)];
    }
    double chi_square = 0;
    for (const int n : bins) chi_square += (n - 1000.0) * (n - 1000.0) / 1000.0;
    EXPECT_LT(chi_square, 103.4) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pipit
