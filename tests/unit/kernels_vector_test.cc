// Norm, RoPE, SwiGLU and addition of every kernel set, against the definition in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

TEST_P(VectorKernels, Rope) {
  RandomValues random(2);
  for (const size_t head_dim : {2u, 4u, 6u, 10u, 64u}) {
    for (size_t n_rot = 0; n_rot <= head_dim; n_rot += 2) {
      constexpr size_t kHeads = 3;
      const auto before = random.floats(kHeads * head_dim);
      std::vector<float> cos(n_rot / 2), sin(n_rot / 2);
      for (size_t i = 0; i < n_rot / 2; ++i) {
        cos[i] = std::cos(static_cast<float>(i) + 0.3f);
        sin[i] = std::sin(static_cast<float>(i) + 0.3f);
      }
      std::vector<float> x = before;
      GetParam()->rope(x.data(), kHeads, head_dim, n_rot, cos.data(), sin.data());
      for (size_t h = 0; h < kHeads; ++h) {
        for (size_t i = 0; i < head_dim; i += 2) {
          const float a = before[h * head_dim + i];
          const float b = before[h * head_dim + i + 1];
          const bool rotated = i < n_rot;
          const float expected_a = rotated ? a * cos[i / 2] - b * sin[i / 2] : a;
          const float expected_b = rotated ? a * sin[i / 2] + b * cos[i / 2] : b;
          ASSERT_NEAR(x[h * head_dim + i], expected_a, 1e-6f)
              << head_dim << "/" << n_rot << " head " << h << " " << i;
          ASSERT_NEAR(x[h * head_dim + i + 1], expected_b, 1e-6f);
        }
      }
    }
  }
}

TEST_P(VectorKernels, SwigluAtEveryLengthAndMagnitude) {
  RandomValues random(3);
  for (size_t n = 1; n <= 40; ++n) {
    for (const float magnitude : {1.0f, 20.0f, 300.0f}) {
      const auto gate = random.floats(n, magnitude);
      const auto up = random.floats(n);
      std::vector<float> out = gate;
      out.resize(n + 4, kRedzone);
      GetParam()->swiglu(out.data(), up.data(), n);
      for (size_t i = 0; i < n; ++i) {
        const double expected = double{gate[i]} / (1 + std::exp(-double{gate[i]})) * double{up[i]};
        ASSERT_NEAR(double{out[i]}, expected, std::fabs(expected) * 1e-6 + 1e-30) << gate[i];
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
