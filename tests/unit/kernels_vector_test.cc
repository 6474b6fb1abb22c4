// Norm, RoPE, SwiGLU, addition and attention of every kernel set, against the definition in double
// precision.
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

struct AttentionShape {
  size_t n_head, n_head_kv, head_dim, head_dim_v, n_positions;
  float magnitude;  // of queries and keys: large ones make the softmax one-hot
};

void PrintTo(const AttentionShape& s, std::ostream* out) {
  *out << s.n_head << "/" << s.n_head_kv << " heads of " << s.head_dim << "/" << s.head_dim_v
       << ", " << s.n_positions << " positions, magnitude " << s.magnitude;
}

TEST_P(VectorKernels, Attention) {
  constexpr size_t kPage = 8;
  std::vector<AttentionShape> shapes;
  for (size_t n = 1; n <= 26; ++n) shapes.push_back({3, 1, 64, 64, n, 1.0f});
  for (size_t dim = 1; dim <= 70; ++dim) shapes.push_back({2, 2, dim, 71 - dim, 11, 1.0f});
  shapes.push_back({9, 3, 64, 64, 100, 10.0f});
  shapes.push_back({8, 2, 32, 48, 33, 100.0f});

  RandomValues random(5);
  for (const AttentionShape& s : shapes) {
    const size_t n_pages = (s.n_positions + kPage - 1) / kPage;
    const size_t v_offset = s.n_head_kv * kPage * s.head_dim;
    std::vector<std::vector<float>> pages;
    std::vector<const float*> page_data;
    for (size_t p = 0; p < n_pages; ++p) {
      pages.push_back(random.floats(v_offset + s.n_head_kv * kPage * s.head_dim_v, s.magnitude));
      page_data.push_back(pages.back().data());
    }
    const auto q = random.floats(s.n_head * s.head_dim, s.magnitude);
    std::vector<float> out(s.n_head * s.head_dim_v + 4, kRedzone);
    std::vector<float> scores(round_up(s.n_positions, 4));
    const float scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
    GetParam()->attention({.q = q.data(),
                           .kv = {page_data.data(), kPage, 0, v_offset},
                           .out = out.data(),
                           .scores = scores.data(),
                           .n_head = s.n_head,
                           .n_head_kv = s.n_head_kv,
                           .head_dim = s.head_dim,
                           .head_dim_v = s.head_dim_v,
                           .n_positions = s.n_positions,
                           .scale = scale});

    for (size_t h = 0; h < s.n_head; ++h) {
      const size_t h_kv = h / (s.n_head / s.n_head_kv);
      std::vector<double> p(s.n_positions);
      double max = -INFINITY;
      double largest_score = 0;
      for (size_t pos = 0; pos < s.n_positions; ++pos) {
        const float* k = page_data[pos / kPage] + (h_kv * kPage + pos % kPage) * s.head_dim;
        for (size_t i = 0; i < s.head_dim; ++i)
          p[pos] += double{q[h * s.head_dim + i]} * double{k[i]};
        p[pos] *= double{scale};
        max = std::max(max, p[pos]);
        largest_score = std::max(largest_score, std::fabs(p[pos]));
      }
      double sum = 0;
      for (double& value : p) sum += value = std::exp(value - max);
      for (size_t i = 0; i < s.head_dim_v; ++i) {
        double expected = 0;
        for (size_t pos = 0; pos < s.n_positions; ++pos) {
          expected += p[pos] / sum *
                      double{page_data[pos / kPage]
                                      [v_offset + (h_kv * kPage + pos % kPage) * s.head_dim_v + i]};
        }
        // A score's float error moves its weight by that much, relatively.
        const double bound =
            double{s.magnitude} *
            (1e-6 + (largest_score + 1) * static_cast<double>(s.head_dim) * 0x1p-23);
        ASSERT_NEAR(double{out[h * s.head_dim_v + i]}, expected, bound)
            << ::testing::PrintToString(s);
      }
    }
    for (size_t i = s.n_head * s.head_dim_v; i < out.size(); ++i) ASSERT_EQ(out[i], kRedzone);
  }
}

}  // namespace
}  // namespace pipit
