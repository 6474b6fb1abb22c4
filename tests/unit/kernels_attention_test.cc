// Attention of every kernel set over every type of KV cache, against the definition in double
// precision on the keys and values as they are stored; and what storing costs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "kernels/kernel_set.h"
#include "support/random_values.h"

namespace pipit {
namespace {

using testing::RandomValues;

constexpr KvType kTypes[] = {KvType::kF32, KvType::kF16, KvType::kInt8};
constexpr float kRedzone = 12345.0f;

struct Shape {
  size_t n_head, n_head_kv, head_dim, head_dim_v, n_positions;
  float magnitude = 1.0f;  // of queries and keys: large ones make the softmax one-hot
  size_t n_window = 0;
  float softcap = 0;
  bool sees_all = false;  // an encoder's tokens see those behind them
};

void PrintTo(const Shape& s, std::ostream* out) {
  *out << s.n_head << "/" << s.n_head_kv << " heads of " << s.head_dim << "/" << s.head_dim_v
       << ", " << s.n_positions << " positions, magnitude " << s.magnitude << ", window "
       << s.n_window << ", cap " << s.softcap << (s.sees_all ? ", all" : "");
}

// Random keys, values and queries of all positions, the former two stored as a KV cache would.
struct Sequence {
  Shape shape;
  KvLayout layout;
  size_t offset = 64;  // of the heads within a page
  std::vector<float> k, v, q;
  std::vector<std::vector<uint8_t>> pages;
  std::vector<const uint8_t*> page_data;

  Sequence(const Shape& s, KvType type, RandomValues& random)
      : shape(s),
        layout{.type = type, .head_dim = s.head_dim, .head_dim_v = s.head_dim_v},
        k(random.floats(s.n_positions * s.n_head_kv * s.head_dim, s.magnitude)),
        v(random.floats(s.n_positions * s.n_head_kv * s.head_dim_v)),
        q(random.floats(s.n_positions * s.n_head * s.head_dim, s.magnitude)) {
    store();
  }

  void store() {
    const size_t n_pages = (shape.n_positions + kPagePositions - 1) / kPagePositions;
    pages.assign(n_pages,
                 std::vector<uint8_t>(offset + shape.n_head_kv * layout.head_bytes() + 64, 0));
    page_data.clear();
    for (auto& page : pages) page_data.push_back(page.data());
    for (size_t p = 0; p < shape.n_positions; ++p) {
      for (size_t h = 0; h < shape.n_head_kv; ++h) {
        const size_t i = p * shape.n_head_kv + h;
        kv_store(layout, pages[p / kPagePositions].data() + offset + h * layout.head_bytes(),
                 p % kPagePositions, &k[i * shape.head_dim], &v[i * shape.head_dim_v]);
      }
    }
  }

  float scale() const { return 1 / std::sqrt(static_cast<float>(shape.head_dim)); }

  // Of the tokens first … first + n - 1, [n, n_head, head_dim_v].
  std::vector<float> attend(const KernelSet& set, size_t first, size_t n) const {
    const size_t n_values = shape.n_head * shape.head_dim_v;
    std::vector<float> out(n * n_values + 8, kRedzone);
    // The last KV head first: they may come in any order.
    for (size_t h = shape.n_head_kv; h-- > 0;) {
      set.attention({.kv = {layout, page_data.data(), offset},
                     .head_kv = h,
                     .q = q.data() + first * shape.n_head * shape.head_dim,
                     .out = out.data(),
                     .n_head = shape.n_head,
                     .group = shape.n_head / shape.n_head_kv,
                     .n_tokens = n,
                     .n_past = first,
                     .scale = scale(),
                     .softcap = shape.softcap,
                     .n_window = shape.n_window,
                     .n_all = shape.sees_all ? shape.n_positions : 0});
    }
    for (size_t i = n * n_values; i < out.size(); ++i) EXPECT_EQ(out[i], kRedzone);
    out.resize(n * n_values);
    return out;
  }
};

// The definition for one head of one token, and the bound of an error in float arithmetic.
void expect_attention(const Sequence& s, const KernelSet& set, size_t token, size_t h,
                      const float* actual, const std::string& what) {
  const Shape& shape = s.shape;
  const size_t n_seen = shape.sees_all ? shape.n_positions : token + 1;
  const bool is_cut = shape.n_window > 0 && token + 1 > shape.n_window;
  const size_t first = is_cut ? token + 1 - shape.n_window : 0;
  const size_t h_kv = h / (shape.n_head / shape.n_head_kv);
  std::vector<double> p(n_seen);
  std::vector<float> k(shape.head_dim), v(n_seen * shape.head_dim_v);
  double max = -INFINITY;
  double largest = 0;
  for (size_t pos = first; pos < n_seen; ++pos) {
    kv_load(s.layout, s.page_data[pos / kPagePositions] + s.offset + h_kv * s.layout.head_bytes(),
            pos % kPagePositions, k.data(), &v[pos * shape.head_dim_v]);
    double magnitude = 0;
    for (size_t i = 0; i < shape.head_dim; ++i) {
      const double product =
          double{s.q[(token * shape.n_head + h) * shape.head_dim + i]} * double{k[i]};
      p[pos] += product * double{s.scale()};
      magnitude += std::fabs(product) * double{s.scale()};
    }
    if (shape.softcap > 0) p[pos] = shape.softcap * std::tanh(p[pos] / double{shape.softcap});
    max = std::max(max, p[pos]);
    largest = std::max(largest, magnitude);
  }
  double sum = 0;
  for (size_t pos = first; pos < n_seen; ++pos) sum += p[pos] = std::exp(p[pos] - max);
  // A score's error moves its weight by that much, relatively. Floats round sums of head_dim
  // products; integers of 15 bits round queries and weights.
  const double rounding =
      s.layout.type == KvType::kInt8 ? 2.0 / 32767 : static_cast<double>(shape.head_dim) * 0x1p-23;
  // Relaxed sets may round weights to bytes, which four neighbours share; a step is at most 1/512
  // of all weights so far. Half a step each, at random.
  const double step = std::min(1.0 / 512, 4 / sum / 127);
  const double bytes = s.layout.type == KvType::kInt8 && !set.is_deterministic
                           ? std::sqrt(static_cast<double>(n_seen)) * step
                           : 0;
  const double bound = 1e-6 + 2 * (largest + 1) * rounding + bytes;
  for (size_t i = 0; i < shape.head_dim_v; ++i) {
    double expected = 0;
    for (size_t pos = first; pos < n_seen; ++pos) {
      expected += p[pos] / sum * double{v[pos * shape.head_dim_v + i]};
    }
    ASSERT_NEAR(double{actual[i]}, expected, bound)
        << what << ", token " << token << " head " << h << " element " << i;
  }
}

class Attention : public ::testing::TestWithParam<std::tuple<const KernelSet*, KvType>> {};

INSTANTIATE_TEST_SUITE_P(
    AllSetsAndTypes, Attention,
    ::testing::Combine(::testing::ValuesIn(all_kernel_sets().begin(), all_kernel_sets().end()),
                       ::testing::ValuesIn(kTypes)),
    [](const auto& info) {
      std::string name =
          std::string(std::get<0>(info.param)->name) + "_" + kv_type_name(std::get<1>(info.param));
      std::replace(name.begin(), name.end(), '-', '_');  // GoogleTest takes letters, digits and _
      return name;
    });

std::vector<Shape> shapes() {
  std::vector<Shape> shapes;
  for (size_t n = 1; n <= 13; ++n) shapes.push_back({3, 1, 64, 64, n});
  for (const size_t n : {63u, 64u, 65u, 66u, 127u, 128u, 129u, 200u}) {
    shapes.push_back({3, 1, 64, 64, n});
  }
  for (size_t dim = 1; dim <= 70; ++dim) shapes.push_back({2, 2, dim, 71 - dim, 11});
  for (size_t group = 1; group <= 9; ++group) shapes.push_back({2 * group, 2, 16, 8, 70});
  for (const size_t n : {size_t{500}, kPagePositions, kPagePositions + 1, kPagePositions + 75}) {
    shapes.push_back({4, 2, 24, 13, n});
  }
  shapes.push_back({3, 1, 64, 64, 700, 0.1f});
  shapes.push_back({9, 3, 64, 64, 100, 10.0f});
  shapes.push_back({8, 2, 32, 48, 33, 100.0f});
  shapes.push_back({2, 1, kMaxHeadDim, kMaxHeadDim, 5, 0.3f});
  shapes.push_back({4, 1, 256, 256, 600});
  // Windows that begin at, before and behind the first position of a block and of a page.
  for (const size_t n_window : {1u, 2u, 3u, 4u, 5u, 63u, 64u, 65u, 128u, 600u, 700u}) {
    for (const size_t n : {1u, 4u, 64u, 65u, 66u, 67u, 68u, 131u}) {
      shapes.push_back({3, 1, 16, 16, n, 1, n_window});
    }
    shapes.push_back({12, 2, 24, 13, kPagePositions + n_window + 2, 1, n_window});
  }
  for (const float magnitude : {1.0f, 10.0f, 100.0f}) {
    shapes.push_back({3, 1, 64, 64, 150, magnitude, 0, 50});
    shapes.push_back({3, 1, 32, 32, 150, magnitude, 70, 2});
  }
  for (const size_t n : {size_t{1}, size_t{3}, size_t{5}, size_t{64}, size_t{65}, size_t{200},
                         kPagePositions + 75}) {
    shapes.push_back({2, 2, 32, 32, n, 1, 0, 0, true});
    shapes.push_back({2, 2, 32, 32, n, 1, 2, 0, true});
  }
  return shapes;
}

TEST_P(Attention, IsTheDefinitionOnWhatIsStored) {
  const auto [set, type] = GetParam();
  RandomValues random(5);
  for (const Shape& shape : shapes()) {
    const Sequence sequence(shape, type, random);
    const size_t n = std::min(kTileTokens, shape.n_positions);
    const size_t first = shape.sees_all ? 0 : shape.n_positions - n;
    const auto out = sequence.attend(*set, first, n);
    for (size_t t = 0; t < n; ++t) {
      for (size_t h = 0; h < shape.n_head; ++h) {
        expect_attention(sequence, *set, first + t, h,
                         &out[(t * shape.n_head + h) * shape.head_dim_v],
                         ::testing::PrintToString(shape));
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

// A token's result depends neither on the tile it is in nor on later tokens of that.
TEST_P(Attention, ATileGivesTheBitsOfItsTokensOneByOne) {
  const auto [set, type] = GetParam();
  RandomValues random(6);
  for (const Shape& shape :
       {Shape{3, 1, 64, 64, 130}, Shape{8, 2, 10, 7, 67}, Shape{6, 2, 16, 8, 600},
        Shape{3, 1, 16, 16, 133, 1, 3}, Shape{3, 1, 16, 16, 200, 1, 65, 2},
        Shape{2, 2, 32, 32, 130, 1, 0, 0, true}, Shape{2, 2, 32, 32, 200, 1, 65, 0, true}}) {
    const Sequence sequence(shape, type, random);
    for (size_t n = 2; n <= kTileTokens; ++n) {
      for (size_t first = shape.n_positions - n - 5; first + n <= shape.n_positions; ++first) {
        const auto tile = sequence.attend(*set, first, n);
        std::vector<float> singles;
        for (size_t t = 0; t < n; ++t) {
          const auto one = sequence.attend(*set, first + t, 1);
          singles.insert(singles.end(), one.begin(), one.end());
        }
        ASSERT_EQ(tile, singles) << n << " tokens from " << first;
      }
    }
  }
}

TEST_P(Attention, ExtremeValues) {
  const auto [set, type] = GetParam();
  const float kInfinity = std::numeric_limits<float>::infinity();
  struct Case {
    const char* name;
    float k, v, q;
    float expected;
  };
  const Case cases[] = {
      {"zero keys", 0, 0.5f, 1, 0.5f},    {"zero values", 1, 0, 1, 0},
      {"zero queries", 1, 0.5f, 0, 0.5f}, {"tiny", 1e-38f, 1e-38f, 1e-38f, 0},
      {"large", 6e4f, 6e4f, 6e4f, 6e4f},  {"very negative scores", 6e4f, 0.5f, -6e4f, 0.5f},
  };
  RandomValues random(7);
  constexpr size_t kPositions = 600;
  Sequence s({3, 1, 64, 64, kPositions}, type, random);
  const auto fill = [&](float k, float v, float q) {
    std::fill(s.k.begin(), s.k.end(), k);
    std::fill(s.v.begin(), s.v.end(), v);
    std::fill(s.q.begin(), s.q.end(), q);
    s.store();
  };
  for (const Case& one : cases) {
    fill(one.k, one.v, one.q);
    for (const float value : s.attend(*set, kPositions - 4, 4)) {
      ASSERT_NEAR(value, one.expected, 1e-3f * one.expected + 1e-37f) << one.name;
    }
  }
  // No numbers in, perhaps none out; but nothing is written where it should not be.
  for (const float value : {kInfinity, -kInfinity, std::nanf("")}) {
    fill(value, value, value);
    s.attend(*set, kPositions - 4, 4);
  }
}

class Storing : public ::testing::TestWithParam<KvType> {};

INSTANTIATE_TEST_SUITE_P(AllTypes, Storing, ::testing::ValuesIn(kTypes),
                         [](const auto& info) { return std::string(kv_type_name(info.param)); });

TEST_P(Storing, RoundTripOfEveryRow) {
  const KvType type = GetParam();
  RandomValues random(8);
  for (const auto& [head_dim, head_dim_v] : {std::pair<size_t, size_t>{64, 64},
                                             {1, 2},
                                             {80, 33},
                                             {96, 128},
                                             {7, kMaxHeadDim},
                                             {kMaxHeadDim, 5}}) {
    const Shape shape = {1, 1, head_dim, head_dim_v, kPagePositions, 3.0f};
    const Sequence s(shape, type, random);
    std::vector<float> k(head_dim + 1, kRedzone), v(head_dim_v + 1, kRedzone);
    for (size_t row = 0; row < kPagePositions; ++row) {
      kv_load(s.layout, s.page_data[0] + s.offset, row, k.data(), v.data());
      // int8: half a step of the largest of the turned key, which is at most its length.
      const double length = 3.0 * std::sqrt(static_cast<double>(head_dim));
      const double k_error = type == KvType::kF32   ? 0
                             : type == KvType::kF16 ? 3.0 * 0x1p-11
                                                    : length / 254 * std::sqrt(double(head_dim));
      const double v_error = type == KvType::kF32   ? 0
                             : type == KvType::kF16 ? 0x1p-11
                                                    : 1.001 / 254;
      for (size_t i = 0; i < head_dim; ++i) {
        ASSERT_NEAR(double{k[i]}, double{s.k[row * head_dim + i]}, k_error) << row << " " << i;
      }
      for (size_t i = 0; i < head_dim_v; ++i) {
        ASSERT_NEAR(double{v[i]}, double{s.v[row * head_dim_v + i]}, v_error) << row << " " << i;
      }
      ASSERT_EQ(k[head_dim], kRedzone);
      ASSERT_EQ(v[head_dim_v], kRedzone);
    }
    // Neither before the head nor behind it.
    for (size_t i = 0; i < s.offset; ++i) ASSERT_EQ(s.pages[0][i], 0);
    for (size_t i = s.offset + s.layout.head_bytes(); i < s.pages[0].size(); ++i) {
      ASSERT_EQ(s.pages[0][i], 0);
    }
  }
}

TEST(KvLayout, BytesOfAPosition) {
  const auto bytes = [](KvType type) {
    return KvLayout{.type = type, .head_dim = 64, .head_dim_v = 64}.head_bytes() / kPagePositions;
  };
  EXPECT_EQ(bytes(KvType::kF32), 512u);
  EXPECT_EQ(bytes(KvType::kF16), 256u);
  EXPECT_EQ(bytes(KvType::kInt8), 136u);
}

TEST(KvLayout, Int8KeysWithOneLargeElementStayFine) {
  // Without the Hadamard matrix the small elements would be rounded to multiples of 100 / 127.
  const KvLayout layout = {.type = KvType::kInt8, .head_dim = 64, .head_dim_v = 64};
  std::vector<uint8_t> head(layout.head_bytes());
  std::vector<float> k(64), v(64), read(64);
  for (size_t i = 0; i < 64; ++i) k[i] = 0.3f * std::sin(static_cast<float>(i));
  k[5] = 100.0f;
  kv_store(layout, head.data(), 0, k.data(), v.data());
  kv_load(layout, head.data(), 0, read.data(), v.data());
  double square = 0;
  for (size_t i = 0; i < 64; ++i) square += std::pow(double{read[i]} - double{k[i]}, 2);
  EXPECT_LT(std::sqrt(square / 64), 0.05);
}

TEST(KvType, Names) {
  for (const KvType type : kTypes) EXPECT_EQ(*find_kv_type(kv_type_name(type)), type);
  EXPECT_EQ(*find_kv_type("auto"), std::nullopt);
  const auto unknown = find_kv_type("int4");
  EXPECT_EQ(unknown.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(unknown.status().message(),
            "There is no KV cache of type \"int4\". Choose one of: auto, f32, f16, int8.");
}

}  // namespace
}  // namespace pipit
