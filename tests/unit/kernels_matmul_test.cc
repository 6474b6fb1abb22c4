// Matrix products of every kernel set: the reference against exact arithmetic, all others against
// the reference to the bit.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/float16.h"
#include "kernels/agreement.h"
#include "kernels/reference/reference.h"
#include "support/matmul.h"
#include "support/random_values.h"

namespace pipit {
namespace {

using testing::activations_of;
using testing::can_be_halved;
using testing::columns_of;
using testing::is_integer;
using testing::multiply;
using testing::name_of;
using testing::pack;
using testing::random_blocks;
using testing::RandomValues;
using testing::take;
using testing::with_finite_scales;

// The others have tests of their own (kernels_xnnpack_test.cc).
bool computes_like_reference(const KernelSet& set) { return set.read_activations != nullptr; }

// Every other set must give the reference's bits for the activations that it has quantised; where
// it may fuse, the reference's value within rounding. Its integers are exact in both cases: an
// error of 1 in them would be far beyond the bound.
void expect_reference_values(const Format& format, const std::vector<uint8_t>& blocks,
                             size_t n_rows, size_t n_cols, const std::vector<float>& x,
                             size_t n_tokens, const std::string& what) {
  const PackedMatrix reference_w = pack(kReference, format, blocks, n_rows, n_cols);
  for (const KernelSet* set : all_kernel_sets()) {
    if (set == &kReference || !computes_like_reference(*set)) continue;
    Activations own = activations_of(*set, x, n_tokens, n_cols);
    const Activations activations = take(reference_activations(*set, own, format.kind));
    const auto expected = multiply(kReference, reference_w, activations);
    for (const bool is_halved : {false, true}) {
      if (is_halved && !can_be_halved(*set, format)) continue;
      const PackedMatrix w = pack(*set, format, blocks, n_rows, n_cols, is_halved);
      for (const size_t n_streams : {size_t{1}, kMaxStreams}) {
        own.n_streams = n_streams;
        const auto actual = multiply(*set, w, own);
        for (size_t i = 0; i < expected.size(); ++i) {
          const float bound = is_integer(format)
                                  ? rounding_bound(reference_w, i % n_rows, activations, i / n_rows)
                                  : 0;
          ASSERT_TRUE(agrees(*set, actual[i], expected[i], bound))
              << set->name << (is_halved ? " halved " : " ") << what << " [" << n_rows << ", "
              << n_cols << "] × " << n_tokens << " tokens, " << n_streams << " streams, at " << i
              << ": " << actual[i] << " instead of " << expected[i];
        }
      }
    }
  }
}

class MatmulTest : public ::testing::TestWithParam<const Format*> {};

INSTANTIATE_TEST_SUITE_P(AllFormats, MatmulTest,
                         ::testing::ValuesIn(all_formats().begin(), all_formats().end()), name_of);

// The bound: half a step of activation rounding on every product, plus float rounding of the sum.
TEST_P(MatmulTest, ReferenceIsWithinItsBoundOfExactArithmetic) {
  const Format& format = *GetParam();
  RandomValues random(1);
  constexpr size_t kRows = 9, kTokens = 3;
  const size_t n_cols = columns_of(format, 96);
  const auto blocks = random_blocks(format, kRows, n_cols, random);
  const auto x = random.floats(kTokens * n_cols, 3.0f);
  const auto y = multiply(kReference, pack(kReference, format, blocks, kRows, n_cols),
                          activations_of(kReference, x, kTokens, n_cols));
  for (size_t r = 0; r < kRows; ++r) {
    std::vector<float> weights(n_cols);
    format.decode(blocks.data() + r * row_bytes(format, n_cols), n_cols, weights.data());
    for (size_t t = 0; t < kTokens; ++t) {
      double exact = 0;
      double magnitude = 0;
      double rounding = 0;
      for (size_t k = 0; k < n_cols; ++k) {
        const double product = double{weights[k]} * double{x[t * n_cols + k]};
        exact += product;
        magnitude += std::fabs(product);
        rounding += std::fabs(double{weights[k]}) * 3.0 / 32767 / 2;
      }
      const double bound =
          (is_integer(format) ? rounding : 0) + magnitude * static_cast<double>(n_cols) * 0x1p-24;
      EXPECT_NEAR(double{y[t * kRows + r]}, exact, bound) << "row " << r << " token " << t;
    }
  }
}

TEST_P(MatmulTest, EverySetEqualsTheReferenceForAllShapes) {
  const Format& format = *GetParam();
  const std::vector<size_t> columns = is_integer(format)
                                          ? columns_of(format, {32, 64, 160})
                                          : std::vector<size_t>{1, 2, 3, 31, 32, 33, 70};
  RandomValues random(2);
  for (size_t n_rows = 1; n_rows <= 2 * kPanelRows + 1; ++n_rows) {
    for (const size_t n_cols : columns) {
      for (size_t n_tokens = 1; n_tokens <= 7; ++n_tokens) {
        const auto blocks = random_blocks(format, n_rows, n_cols, random);
        const auto x = random.floats(n_tokens * n_cols, 10.0f);
        expect_reference_values(format, blocks, n_rows, n_cols, x, n_tokens, "random");
      }
    }
  }
  // Enough panels for sets that take several at a time, and some left over.
  for (const size_t n_rows : {40u, 63u, 64u, 65u, 72u, 129u, 300u}) {
    const auto blocks = random_blocks(format, n_rows, columns.back(), random);
    const auto x = random.floats(columns.back(), 10.0f);
    expect_reference_values(format, blocks, n_rows, columns.back(), x, 1, "many panels");
  }
}

// More columns than are unpacked at a time.
TEST_P(MatmulTest, EverySetEqualsTheReferenceForLongRows) {
  const Format& format = *GetParam();
  constexpr size_t kRows = 9, kCols = 17 * 256;
  RandomValues random(6);
  const auto blocks = random_blocks(format, kRows, kCols, random);
  for (const size_t n_tokens : {1u, 3u, 6u}) {
    const auto x = random.floats(n_tokens * kCols, 10.0f);
    expect_reference_values(format, blocks, kRows, kCols, x, n_tokens, "long rows");
  }
}

// Any bytes a file may hold: scales that are zero, negative or subnormal, all quants at their
// extremes.
TEST_P(MatmulTest, EverySetEqualsTheReferenceForExtremeWeights) {
  const Format& format = *GetParam();
  constexpr size_t kRows = 17, kTokens = 3;
  const size_t n_cols = columns_of(format, 64);
  RandomValues random(3);
  const auto x = random.floats(kTokens * n_cols);
  for (int round = 0; round < 50; ++round) {
    const auto bytes = random.bytes(kRows * row_bytes(format, n_cols));
    expect_reference_values(format, with_finite_scales(format, bytes), kRows, n_cols, x, kTokens,
                            "random bytes");
  }
  for (const int byte : {0x00, 0x7f, 0x80, 0xf0, 0x0f, 0xff}) {
    const std::vector<uint8_t> blocks(kRows * row_bytes(format, n_cols),
                                      static_cast<uint8_t>(byte));
    expect_reference_values(format, with_finite_scales(format, blocks), kRows, n_cols, x, kTokens,
                            "all bytes " + std::to_string(byte));
  }
  if (!is_integer(format)) return;
  const TensorTypeInfo& info = *tensor_type_info(format.type);
  const std::vector<float> largest_x(kTokens * n_cols, 1.0f);  // all of them 127: the largest sums
  for (const uint16_t scale : {0x0000, 0x8000, 0x0001, 0x83ff, 0x3c00, 0x7bff, 0xfbff}) {
    for (const int quants : {0x00, 0x7f, 0x80, 0xff}) {
      std::vector<uint8_t> blocks(kRows * row_bytes(format, n_cols), static_cast<uint8_t>(quants));
      for (size_t block = 0; block < blocks.size(); block += info.block_bytes) {
        // Scales stand at the beginning of a block or at its end.
        std::memcpy(&blocks[block], &scale, sizeof(scale));
        std::memcpy(&blocks[block + info.block_bytes - sizeof(scale)], &scale, sizeof(scale));
      }
      for (const auto& values : {x, largest_x}) {
        expect_reference_values(format, with_finite_scales(format, blocks), kRows, n_cols, values,
                                kTokens, "scale " + std::to_string(scale));
      }
    }
  }
}

TEST_P(MatmulTest, EverySetEqualsTheReferenceForExtremeActivations) {
  const Format& format = *GetParam();
  constexpr size_t kRows = 9;
  const size_t n_cols = columns_of(format, 64);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  RandomValues random(4);
  const auto blocks = random_blocks(format, kRows, n_cols, random);
  const struct {
    const char* name;
    float even, odd;
  } cases[] = {
      {"all equal", 1.0f, 1.0f},
      {"both extremes", 127.0f, -127.0f},
      {"ties", 1.0f, 0.5f},
      {"zero", 0.0f, -0.0f},
      {"too small", 1e-31f, -1e-38f},
      {"just large enough", 1.1e-30f, 1e-31f},
      {"largest", 3e38f, -3e38f},
      {"infinite", kInfinity, 1.0f},
      {"not a number", std::nanf(""), 1.0f},
      {"one outlier", 1e6f, 1e-6f},
  };
  for (const auto& c : cases) {
    std::vector<float> x(n_cols);
    for (size_t i = 0; i < n_cols; ++i) x[i] = i % 2 == 0 ? c.even : c.odd;
    expect_reference_values(format, blocks, kRows, n_cols, x, 1, c.name);
  }
}

TEST_P(MatmulTest, UnpackedRowsAreTheFilesNumbers) {
  const Format& format = *GetParam();
  constexpr size_t kRows = 19;
  const size_t n_cols = columns_of(format, 64);
  RandomValues random(5);
  const auto blocks = random_blocks(format, kRows, n_cols, random);
  for (const KernelSet* set : all_kernel_sets()) {
    if (!computes_like_reference(*set)) continue;
    for (const bool is_halved : {false, true}) {
      if (is_halved && !can_be_halved(*set, format)) continue;
      const PackedMatrix w = pack(*set, format, blocks, kRows, n_cols, is_halved);
      for (size_t r = 0; r < kRows; ++r) {
        std::vector<float> expected(n_cols);
        std::vector<float> actual(n_cols);
        format.decode(blocks.data() + r * row_bytes(format, n_cols), n_cols, expected.data());
        set->unpack_row(w, r, actual.data());
        for (size_t k = 0; k < n_cols; ++k)
          ASSERT_EQ(actual[k], expected[k]) << set->name << " " << r << ", " << k;
      }
    }
  }
}

}  // namespace
}  // namespace pipit
