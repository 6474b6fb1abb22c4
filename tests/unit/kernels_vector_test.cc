// Norms, RoPE, gates, caps and addition of every kernel set, against the definition in double
// precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/kernel_set.h"
#include "support/random_values.h"

namespace pipit {
namespace {

using testing::RandomValues;

std::string name_of(const ::testing::TestParamInfo<const KernelSet*>& info) {
  std::string name = info.param->name;
  std::replace(name.begin(), name.end(), '-', '_');  // GoogleTest takes letters, digits and _
  return name;
}

class VectorKernels : public ::testing::TestWithParam<const KernelSet*> {};

INSTANTIATE_TEST_SUITE_P(AllSets, VectorKernels,
                         ::testing::ValuesIn(all_kernel_sets().begin(), all_kernel_sets().end()),
                         name_of);

constexpr float kRedzone = 12345.0f;

TEST_P(VectorKernels, RmsNorm) {
  RandomValues random(1);
  for (size_t n = 1; n <= 70; ++n) {
    const auto x = random.floats(n, 5.0f);
    const auto weight = random.floats(n);
    std::vector<float> out(n + 4, kRedzone);
    GetParam()->rms_norm(x.data(), weight.data(), n, 1e-5f, out.data());
    double sum = 0;
    for (const float value : x) sum += double{value} * double{value};
    const double scale = 1 / std::sqrt(sum / static_cast<double>(n) + 1e-5);
    for (size_t i = 0; i < n; ++i) {
      const double expected = double{x[i]} * scale * double{weight[i]};
      ASSERT_NEAR(double{out[i]}, expected, std::fabs(expected) * 1e-5 + 1e-12) << n << " at " << i;
    }
    for (size_t i = n; i < n + 4; ++i) ASSERT_EQ(out[i], kRedzone);
  }
}

TEST_P(VectorKernels, LayerNorm) {
  RandomValues random(9);
  for (size_t n = 1; n <= 70; ++n) {
    auto x = random.floats(n, 5.0f);
    for (float& value : x) value += 3;  // a mean that has to go
    const auto weight = random.floats(n);
    const auto bias = random.floats(n);
    for (const bool has_bias : {true, false}) {
      std::vector<float> out = x;  // in place
      out.resize(n + 4, kRedzone);
      GetParam()->layer_norm(out.data(), weight.data(), has_bias ? bias.data() : nullptr, n, 1e-5f,
                             out.data());
      double mean = 0;
      for (const float value : x) mean += double{value} / static_cast<double>(n);
      double variance = 0;
      for (const float value : x) {
        variance += (double{value} - mean) * (double{value} - mean) / static_cast<double>(n);
      }
      const double scale = 1 / std::sqrt(variance + 1e-5);
      for (size_t i = 0; i < n; ++i) {
        const double expected =
            (double{x[i]} - mean) * scale * double{weight[i]} + (has_bias ? double{bias[i]} : 0);
        // Of a single number only rounding is left, times up to 1 / sqrt(eps).
        ASSERT_NEAR(double{out[i]}, expected, 1e-5 + 8 * 0x1p-22 * scale) << n << " at " << i;
      }
      for (size_t i = n; i < n + 4; ++i) ASSERT_EQ(out[i], kRedzone);
    }
  }
}

TEST_P(VectorKernels, Rope) {
  RandomValues random(2);
  for (const RopePairs pairs : {RopePairs::kNeighbours, RopePairs::kHalves}) {
    for (const size_t head_dim : {2u, 4u, 6u, 10u, 64u}) {
      for (size_t n_rot = 0; n_rot <= head_dim; n_rot += 2) {
        constexpr size_t kHeads = 3;
        const auto before = random.floats(kHeads * head_dim);
        std::vector<float> cos(n_rot / 2), sin(n_rot / 2);
        for (size_t i = 0; i < n_rot / 2; ++i) {
          cos[i] = std::cos(static_cast<float>(i) + 0.3f);
          sin[i] = std::sin(static_cast<float>(i) + 0.3f);
        }
        std::vector<float> expected = before;
        for (size_t h = 0; h < kHeads; ++h) {
          for (size_t i = 0; i < n_rot / 2; ++i) {
            const bool are_neighbours = pairs == RopePairs::kNeighbours;
            const size_t first = h * head_dim + (are_neighbours ? 2 * i : i);
            const size_t second = are_neighbours ? first + 1 : first + n_rot / 2;
            expected[first] = before[first] * cos[i] - before[second] * sin[i];
            expected[second] = before[first] * sin[i] + before[second] * cos[i];
          }
        }
        std::vector<float> x = before;
        GetParam()->rope(x.data(), kHeads, head_dim, n_rot, pairs, cos.data(), sin.data());
        for (size_t i = 0; i < x.size(); ++i) {
          ASSERT_NEAR(x[i], expected[i], 1e-6f) << head_dim << "/" << n_rot << " at " << i;
        }
      }
    }
  }
}

double silu(double x) { return x / (1 + std::exp(-x)); }

double gelu(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

TEST_P(VectorKernels, GatesAtEveryLengthAndMagnitude) {
  const struct {
    void (*kernel)(float*, const float*, size_t);
    double (*activation)(double);
    double error;  // beside 1e-6 of the result: GELU's cancels where it is close to 0
  } gates[] = {{GetParam()->swiglu, silu, 0}, {GetParam()->geglu, gelu, 1e-6}};
  RandomValues random(3);
  for (const auto& gate_kernel : gates) {
    for (size_t n = 1; n <= 40; ++n) {
      for (const float magnitude : {1.0f, 20.0f, 300.0f, 1e20f}) {
        const auto gate = random.floats(n, magnitude);
        const auto up = random.floats(n);
        std::vector<float> out = gate;
        out.resize(n + 4, kRedzone);
        gate_kernel.kernel(out.data(), up.data(), n);
        for (size_t i = 0; i < n; ++i) {
          const double expected = gate_kernel.activation(double{gate[i]}) * double{up[i]};
          const double bound =
              std::fabs(expected) * 1e-6 + gate_kernel.error + double{magnitude} * 1e-38 + 1e-30;
          ASSERT_NEAR(double{out[i]}, expected, bound) << gate[i];
        }
        for (size_t i = n; i < n + 4; ++i) ASSERT_EQ(out[i], kRedzone);
      }
    }
  }
}

TEST_P(VectorKernels, Softcap) {
  RandomValues random(10);
  for (size_t n = 1; n <= 20; ++n) {
    for (const float magnitude : {0.01f, 30.0f, 1e6f}) {
      const auto x = random.floats(n, magnitude);
      std::vector<float> out = x;
      out.resize(n + 4, kRedzone);
      GetParam()->softcap(out.data(), n, 30.0f);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(double{out[i]}, 30 * std::tanh(double{x[i]} / 30), 30 * 0x1p-21) << x[i];
      }
      for (size_t i = n; i < n + 4; ++i) ASSERT_EQ(out[i], kRedzone);
    }
  }
}

TEST_P(VectorKernels, Add) {
  RandomValues random(4);
  for (size_t n = 1; n <= 20; ++n) {
    const auto a = random.floats(n);
    const auto b = random.floats(n);
    std::vector<float> out = a;
    out.resize(n + 4, kRedzone);
    GetParam()->add(out.data(), b.data(), n);
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(out[i], a[i] + b[i]);
    for (size_t i = n; i < n + 4; ++i) ASSERT_EQ(out[i], kRedzone);
  }
}

}  // namespace
}  // namespace pipit
