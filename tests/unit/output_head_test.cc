// The output head in two steps: bounds from half of the bits, and logits that equal the full
// product's.
#include "model/output_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/reference/reference.h"
#include "support/matmul.h"

namespace pipit {
namespace {

using testing::activations_of;
using testing::can_be_halved;
using testing::kRedzone;
using testing::multiply;
using testing::pack;
using testing::random_blocks;
using testing::RandomValues;
using testing::take;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

const Format& q8_0() { return *find_format(TensorType::kQ8_0); }

std::vector<const KernelSet*> halving_sets() {
  std::vector<const KernelSet*> sets;
  for (const KernelSet* set : all_kernel_sets()) {
    if (can_be_halved(*set, q8_0())) sets.push_back(set);
  }
  return sets;
}

std::vector<float> energy_of(const std::vector<float>& x) {
  std::vector<float> energy(x.size() / kGroupSize);
  for (size_t i = 0; i < x.size(); ++i) energy[i / kGroupSize] += x[i] * x[i];
  return energy;
}

// What upper_bounds() promises, in double precision and from exact activations.
double bound_of(const uint8_t* row, const std::vector<float>& x) {
  double expected = 0;
  double variance = 0;
  for (size_t g = 0; g < x.size() / kGroupSize; ++g) {
    IntegerGroup group;
    q8_0().decode_group(row, g, group);
    for (size_t i = 0; i < kGroupSize; ++i) {
      const double value = double{x[g * kGroupSize + i]};
      const int high = (group.q[i] + 128) / 16 * 16 - 128;
      expected += double{group.scale[0]} * (high + 7.5) * value;
      variance += double{group.scale[0]} * double{group.scale[0]} * value * value * 255 / 12;
    }
  }
  return expected + double{kBoundDeviations} * std::sqrt(variance);
}

TEST(OutputHeadTest, BoundsAreWhatTheyPromise) {
  RandomValues random(1);
  for (const KernelSet* set : halving_sets()) {
    for (const size_t n_rows : {1u, 7u, 8u, 9u, 16u, 17u, 64u, 65u, 200u}) {
      for (const size_t n_cols : {32u, 64u, 160u}) {
        const auto blocks = random_blocks(q8_0(), n_rows, n_cols, random);
        const auto x = random.floats(n_cols, 10.0f);
        const auto energy = energy_of(x);
        const PackedMatrix w = pack(*set, q8_0(), blocks, n_rows, n_cols, true);
        Activations a = activations_of(*set, x, 1, n_cols);
        for (const size_t n_streams : {size_t{1}, kMaxStreams}) {
          a.n_streams = n_streams;
          std::vector<float> y(n_rows + 8, kRedzone);
          std::vector<float> largest(w.n_panels() + 1, kRedzone);
          const size_t half = w.n_panels() / 2;
          set->upper_bounds(w, a, energy.data(), 0, half, y.data(), largest.data());
          set->upper_bounds(w, a, energy.data(), half, w.n_panels() - half, y.data(),
                            largest.data());
          const size_t stride = row_bytes(q8_0(), n_cols);
          for (size_t r = 0; r < n_rows; ++r) {
            const double bound = bound_of(blocks.data() + r * stride, x);
            // Activations of 8 bits: each is off by at most half of 10 / 127.
            ASSERT_NEAR(double{y[r]}, bound, 10.0 / 127 / 2 * static_cast<double>(n_cols) * 0.5)
                << set->name << " row " << r << " of " << n_rows;
            ASSERT_LE(y[r], largest[r / kPanelRows]);
          }
          for (size_t i = n_rows; i < y.size(); ++i) ASSERT_EQ(y[i], kRedzone) << set->name;
          ASSERT_EQ(largest.back(), kRedzone) << set->name;
        }
      }
    }
  }
}

// One matrix and one token: what compute_top_logits() makes of it, beside the full product.
struct Head {
  Head(const KernelSet& set, const std::vector<uint8_t>& blocks, size_t n_rows,
       const std::vector<float>& x, size_t n_threads = 1)
      : kernels(set),
        w(pack(set, q8_0(), blocks, n_rows, x.size(), true)),
        a(activations_of(set, x, 1, x.size())),
        pool(take(ThreadPool::create(n_threads))),
        full(multiply(set, w, a)) {
    EXPECT_TRUE(scratch.resize(w).ok());
  }

  HeadResult compute(const TopLogits& top) {
    logits.assign(w.n_rows, kRedzone);
    return compute_top_logits(w, kernels, *pool, a, top, scratch, logits.data());
  }

  const KernelSet& kernels;
  PackedMatrix w;
  Activations a;
  std::unique_ptr<ThreadPool> pool;
  HeadScratch scratch;
  std::vector<float> full;
  std::vector<float> logits;
};

TEST(OutputHeadTest, TheLargestLogitsAndThoseWantedAlwaysEqualTheFullProduct) {
  constexpr size_t kRows = 4001;
  constexpr size_t kCols = 256;
  RandomValues random(2);
  const auto blocks = random_blocks(q8_0(), kRows, kCols, random);
  const std::vector<int32_t> no_tokens;
  const std::vector<int32_t> tokens = {0, 1, 77, 2000, 4000};
  for (const KernelSet* set : halving_sets()) {
    for (int round = 0; round < 20; ++round) {
      Head head(*set, blocks, kRows, random.floats(kCols, 3.0f));
      for (const size_t k : {1u, 2u, 5u}) {
        for (const auto& always : {no_tokens, tokens}) {
          ASSERT_EQ(head.compute({.k = k, .always = always}), HeadResult::kTwoSteps) << set->name;
          std::vector<float> others = head.full;
          for (const int32_t token : always) others[static_cast<size_t>(token)] = -kInfinity;
          std::nth_element(others.begin(), others.begin() + static_cast<ptrdiff_t>(k - 1),
                           others.end(), std::greater<>());
          size_t n_finished = 0;
          for (size_t r = 0; r < kRows; ++r) {
            const bool is_wanted =
                head.full[r] >= others[k - 1] ||
                std::binary_search(always.begin(), always.end(), static_cast<int32_t>(r));
            if (head.logits[r] != -kInfinity) ++n_finished;
            if (is_wanted || head.logits[r] != -kInfinity) {
              ASSERT_EQ(head.logits[r], head.full[r]) << set->name << " row " << r << " k " << k;
            }
          }
          EXPECT_LT(n_finished, kRows / 2) << set->name;
        }
      }
    }
  }
}

TEST(OutputHeadTest, MoreThanAThirdOfThePanelsAreComputedInFull) {
  RandomValues random(3);
  const auto blocks = random_blocks(q8_0(), 240, 64, random);
  std::vector<int32_t> many(240);
  for (size_t i = 0; i < many.size(); ++i) many[i] = static_cast<int32_t>(i);
  for (const KernelSet* set : halving_sets()) {
    Head head(*set, blocks, 240, random.floats(64));
    EXPECT_EQ(head.compute({.k = 11, .always = {}}), HeadResult::kTooMany) << set->name;
    EXPECT_EQ(head.compute({.k = 240, .always = {}}), HeadResult::kTooMany) << set->name;
    EXPECT_EQ(head.compute({.k = 1, .always = many}), HeadResult::kTooMany) << set->name;
  }
}

// Low halves that all point along x are no noise.
TEST(OutputHeadTest, ALogitAboveItsBoundIsNoticed) {
  constexpr size_t kRows = 800;
  constexpr size_t kCols = 576;
  std::vector<float> x(kCols);
  for (size_t i = 0; i < kCols; ++i) x[i] = i % 2 == 0 ? 1.0f : -1.0f;
  std::vector<uint8_t> blocks;
  for (size_t row = 0; row < kRows; ++row) {
    for (size_t g = 0; g < kCols / kGroupSize; ++g) {
      blocks.push_back(0x00);  // the scale: 1, or 1/2
      blocks.push_back(row == 5 ? 0x3c : 0x38);
      for (size_t i = 0; i < kGroupSize; ++i) {
        const int q = i % 2 == 0 ? 15 : 0;
        blocks.push_back(static_cast<uint8_t>(row == 5 ? q : 0));
      }
    }
  }
  for (const KernelSet* set : halving_sets()) {
    Head head(*set, blocks, kRows, x);
    EXPECT_EQ(head.compute({.k = 1, .always = {}}), HeadResult::kAboveBound) << set->name;
  }
}

TEST(OutputHeadTest, ActivationsThatAreNoNumbersAreComputedInFull) {
  RandomValues random(4);
  const auto blocks = random_blocks(q8_0(), 800, 64, random);
  auto x = random.floats(64);
  x[40] = std::nanf("");
  for (const KernelSet* set : halving_sets()) {
    Head head(*set, blocks, 800, x);
    EXPECT_EQ(head.compute({.k = 3, .always = {}}), HeadResult::kTooMany) << set->name;
  }
}

}  // namespace
}  // namespace pipit
