// Checked arithmetic at the edges of 64 bits.
#include "base/checked.h"

#include <gtest/gtest.h>

namespace pipit {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
using Checked = std::optional<uint64_t>;

TEST(Checked, Add) {
  const struct {
    uint64_t a, b;
    Checked expected;
  } kCases[] = {
      {0, 0, 0},
      {kMax - 1, 1, kMax},
      {kMax, 0, kMax},
      {kMax, 1, {}},
      {uint64_t{1} << 63, uint64_t{1} << 63, {}},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(checked_add(c.a, c.b), c.expected) << c.a << " + " << c.b;
    EXPECT_EQ(checked_add(c.b, c.a), c.expected) << c.b << " + " << c.a;
  }
}

TEST(Checked, Multiply) {
  const struct {
    uint64_t a, b;
    Checked expected;
  } kCases[] = {
      {0, kMax, 0},
      {1, kMax, kMax},
      {2, kMax, {}},
      {uint64_t{1} << 32, (uint64_t{1} << 32) - 1, (uint64_t{1} << 32) * ((uint64_t{1} << 32) - 1)},
      {uint64_t{1} << 32, uint64_t{1} << 32, {}},
      {0x5555555555555555u, 3, kMax},
      {0x5555555555555556u, 3, {}},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(checked_mul(c.a, c.b), c.expected) << c.a << " * " << c.b;
    EXPECT_EQ(checked_mul(c.b, c.a), c.expected) << c.b << " * " << c.a;
  }
}

TEST(Checked, RoundUp) {
  const struct {
    uint64_t value, alignment;
    Checked expected;
  } kCases[] = {
      {0, 32, 0},
      {1, 32, 32},
      {32, 32, 32},
      {33, 32, 64},
      {5, 3, 6},
      {kMax, 1, kMax},
      {kMax - 31, 32, kMax - 31},
      {kMax - 30, 32, {}},
      {kMax, 32, {}},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(checked_round_up(c.value, c.alignment), c.expected) << c.value << ", " << c.alignment;
  }
}

TEST(Checked, SizeIsOfThisMachine) {
  EXPECT_EQ(checked_size(std::numeric_limits<size_t>::max()), std::numeric_limits<size_t>::max());
  if constexpr (sizeof(size_t) == 4) {  // Wasm
    EXPECT_EQ(checked_size(uint64_t{1} << 32), std::nullopt);
  }
}

TEST(Checked, UncheckedRoundUp) {
  static_assert(round_up(0, 64) == 0);
  static_assert(round_up(1, 64) == 64);
  static_assert(round_up(128, 64) == 128);
}

}  // namespace
}  // namespace pipit
