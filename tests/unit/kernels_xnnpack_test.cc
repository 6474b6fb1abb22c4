// Matrix products of the sets on XNNPACK's microkernels, against exact arithmetic.
#ifdef PIPIT_XNNPACK
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/xnnpack/xnnpack.h"
#include "support/matmul.h"

namespace pipit {
namespace {

using testing::activations_of;
using testing::columns_of;
using testing::is_integer;
using testing::multiply;
using testing::name_of;
using testing::pack;
using testing::random_blocks;
using testing::RandomValues;
using testing::with_finite_scales;

// A product in exact arithmetic, with what its error depends on.
struct Product {
  const Format& format;
  std::vector<double> weights;  // of a row
  const float* x;               // of a token
  double value = 0;
  double magnitude = 0;  // Σ |w · x|

  size_t n_cols() const { return weights.size(); }
  double largest_weight() const {
    double largest = 0;
    for (const double w : weights) largest = std::fmax(largest, std::fabs(w));
    return largest;
  }
};

// Float rounding of every product and of every sum.
double float_rounding(const Product& p) {
  return p.magnitude * static_cast<double>(p.n_cols() + 2) * 0x1p-24;
}

// Weights are off by half a 127th of the row's largest; activations by at most a 255th of their
// range: half a step for rounding, half for the rounded zero point.
double qd8_bound(const Product& p) {
  if (!is_integer(p.format)) return float_rounding(p);
  const auto [min, max] = std::minmax_element(p.x, p.x + p.n_cols());
  const double step = (std::fmax(0, *max) - std::fmin(0, *min)) / 255;
  const double weight_error = p.largest_weight() / 127 / 2;
  double rounding = 0;
  for (size_t k = 0; k < p.n_cols(); ++k) {
    rounding +=
        std::fabs(double{p.x[k]}) * weight_error + (std::fabs(p.weights[k]) + weight_error) * step;
  }
  return rounding * 1.0001 + float_rounding(p);
}

struct Set {
  const KernelSet* kernels;
  double (*bound)(const Product&);
};
const Set kSets[] = {{&kXnnpack, float_rounding}, {&kXnnpackQd8, qd8_bound}};

// Every product of every set is within its bound; where the exact one is no finite float, only the
// redzones count.
void expect_bounds(const Format& format, const std::vector<uint8_t>& blocks, size_t n_rows,
                   size_t n_cols, const std::vector<float>& x, size_t n_tokens,
                   const std::string& what) {
  for (const Set& set : kSets) {
    const auto y = multiply(*set.kernels, pack(*set.kernels, format, blocks, n_rows, n_cols),
                            activations_of(*set.kernels, x, n_tokens, n_cols));
    std::vector<float> weights(n_cols);
    for (size_t r = 0; r < n_rows; ++r) {
      format.decode(blocks.data() + r * row_bytes(format, n_cols), n_cols, weights.data());
      for (size_t t = 0; t < n_tokens; ++t) {
        Product p = {format, {weights.begin(), weights.end()}, x.data() + t * n_cols};
        for (size_t k = 0; k < n_cols; ++k) {
          const double product = p.weights[k] * double{p.x[k]};
          p.value += product;
          p.magnitude += std::fabs(product);
        }
        if (!(p.magnitude < 1e37)) continue;
        ASSERT_NEAR(double{y[t * n_rows + r]}, p.value, set.bound(p) + 1e-37)
            << set.kernels->name << " " << what << " [" << n_rows << ", " << n_cols << "], token "
            << t << " of " << n_tokens << ", row " << r;
      }
    }
  }
}

class XnnpackTest : public ::testing::TestWithParam<const Format*> {};

INSTANTIATE_TEST_SUITE_P(AllFormats, XnnpackTest,
                         ::testing::ValuesIn(all_formats().begin(), all_formats().end()), name_of);

TEST_P(XnnpackTest, EveryShapeIsWithinItsBound) {
  const Format& format = *GetParam();
  // Beyond 256 columns a panel is unpacked in parts.
  const std::vector<size_t> columns = is_integer(format)
                                          ? columns_of(format, {32, 96, 256, 288, 544})
                                          : std::vector<size_t>{1, 3, 33, 256, 257, 515};
  RandomValues random(1);
  for (const size_t n_rows : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 12u, 15u, 16u, 17u, 25u}) {
    for (const size_t n_cols : columns) {
      const auto blocks = random_blocks(format, n_rows, n_cols, random);
      for (const size_t n_tokens : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 10u, 11u, 13u, 32u}) {
        const auto x = random.floats(n_tokens * n_cols, 10.0f);
        expect_bounds(format, blocks, n_rows, n_cols, x, n_tokens, "random");
      }
    }
  }
}

TEST_P(XnnpackTest, ExtremeWeightsAreWithinTheirBound) {
  const Format& format = *GetParam();
  constexpr size_t kRows = 17;
  const size_t n_cols = columns_of(format, 64);
  RandomValues random(2);
  for (const size_t n_tokens : {1u, 3u, 8u}) {
    const auto x = random.floats(n_tokens * n_cols);
    for (int round = 0; round < 50; ++round) {
      const auto bytes = random.bytes(kRows * row_bytes(format, n_cols));
      expect_bounds(format, with_finite_scales(format, bytes), kRows, n_cols, x, n_tokens,
                    "random bytes");
    }
    for (const int byte : {0x00, 0x7f, 0x80, 0xf0, 0x0f, 0xff}) {
      const std::vector<uint8_t> blocks(kRows * row_bytes(format, n_cols),
                                        static_cast<uint8_t>(byte));
      expect_bounds(format, with_finite_scales(format, blocks), kRows, n_cols, x, n_tokens,
                    "all bytes " + std::to_string(byte));
    }
  }
}

TEST_P(XnnpackTest, ExtremeActivationsAreWithinTheirBound) {
  const Format& format = *GetParam();
  constexpr size_t kRows = 9;
  const size_t n_cols = columns_of(format, 64);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  RandomValues random(3);
  const auto blocks = random_blocks(format, kRows, n_cols, random);
  const struct {
    const char* name;
    float even, odd;
  } cases[] = {
      {"all equal", 1.0f, 1.0f},
      {"only positive", 100.0f, 99.0f},
      {"only negative", -100.0f, -99.0f},
      {"both extremes", 127.0f, -127.0f},
      {"zero", 0.0f, -0.0f},
      {"subnormal", 1e-40f, -1e-41f},
      {"large", 1e35f, -1e35f},
      {"largest", 3e38f, -3e38f},
      {"infinite", kInfinity, 1.0f},
      {"not a number", std::nanf(""), 1.0f},
      {"one outlier", 1e6f, 1e-6f},
  };
  for (const auto& c : cases) {
    for (const size_t n_tokens : {1u, 3u, 8u}) {
      std::vector<float> x(n_tokens * n_cols);
      for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? c.even : c.odd;
      expect_bounds(format, blocks, kRows, n_cols, x, n_tokens, c.name);
    }
  }
}

// Rows of 8 bits with one scale and whole activations in a range of 255 lose nothing, so the result
// is exact but for the roundings of its two scales and of the finished sum.
TEST(XnnpackQd8, IsExactWhereItsRoundingLosesNothing) {
  const Format& format = *find_format(TensorType::kQ8_0);
  const size_t row_size = static_cast<size_t>(row_bytes(format, kGroupSize));
  RandomValues random(4);
  for (const size_t n_groups : {1u, 2u, 5u}) {
    for (size_t n_rows = 1; n_rows <= 2 * kPanelRows + 1; ++n_rows) {
      for (size_t n_tokens = 1; n_tokens <= 9; ++n_tokens) {
        const size_t n_cols = n_groups * kGroupSize;
        // A scale of 0.25 in every block, then its quants, of which one is the largest.
        std::vector<uint8_t> blocks = random.bytes(n_rows * n_groups * row_size);
        for (size_t b = 0; b < n_rows * n_groups; ++b) {
          uint8_t* block = blocks.data() + b * row_size;
          block[0] = 0x00;
          block[1] = 0x34;
          std::replace(block + 2, block + row_size, uint8_t{0x80}, uint8_t{0x7f});
          block[2] = 0x7f;
        }
        std::vector<float> x(n_tokens * n_cols);
        for (size_t t = 0; t < n_tokens; ++t) {  // from -lowest to 255 - lowest
          float* token = x.data() + t * n_cols;
          const auto lowest = static_cast<float>(t * 51 % 256);
          for (size_t k = 0; k < n_cols; ++k) {
            token[k] = static_cast<float>(random.below(256)) - lowest;
          }
          token[0] = -lowest;
          token[1] = 255.0f - lowest;
        }
        const PackedMatrix w = pack(kXnnpackQd8, format, blocks, n_rows, n_cols);
        const auto y = multiply(kXnnpackQd8, w, activations_of(kXnnpackQd8, x, n_tokens, n_cols));
        std::vector<float> weights(n_cols);
        std::vector<float> unpacked(n_cols);
        for (size_t r = 0; r < n_rows; ++r) {
          format.decode(blocks.data() + r * n_groups * row_size, n_cols, weights.data());
          kXnnpackQd8.unpack_row(w, r, unpacked.data());
          for (size_t k = 0; k < n_cols; ++k) ASSERT_FLOAT_EQ(unpacked[k], weights[k]);
          for (size_t t = 0; t < n_tokens; ++t) {
            double exact = 0;
            for (size_t k = 0; k < n_cols; ++k) {
              exact += double{weights[k]} * double{x[t * n_cols + k]};
            }
            ASSERT_NEAR(double{y[t * n_rows + r]}, exact, std::fabs(exact) * 0x1p-21)
                << n_rows << " rows, " << n_cols << " columns, token " << t << " of " << n_tokens;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace pipit
#endif
