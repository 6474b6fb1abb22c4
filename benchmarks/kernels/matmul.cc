// Matrix products over the shapes of SmolLM2-135M and some of Gemma 3 270M, each for one token
// (decode), four and 32.
#include <span>

#include "bench.h"
#include "quant/format.h"

namespace pipit::bench {
namespace {

struct Shape {
  size_t n_rows, n_cols;
};

constexpr Shape kSmolLm2[] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}};
constexpr Shape kGemma3[] = {{2048, 640}, {640, 2048}};
constexpr Shape kGemma3Down[] = {{640, 2048}};  // K formats have blocks of 256

constexpr struct {
  TensorType type;
  std::span<const Shape> shapes;
} kCases[] = {
    {TensorType::kQ4_1, kSmolLm2},    {TensorType::kQ8_0, kSmolLm2},
    {TensorType::kF16, kSmolLm2},     {TensorType::kF32, kSmolLm2},
    {TensorType::kQ5_0, kGemma3},     {TensorType::kQ4_K, kGemma3Down},
    {TensorType::kQ6_K, kGemma3Down}, {TensorType::kQ5_K, kGemma3Down},
    {TensorType::kQ3_K, kGemma3Down}, {TensorType::kIQ4_XS, kGemma3Down},
};
constexpr size_t kTokens[] = {1, 4, 32};

// One matrix whose panels are all alike: what they hold does not matter.
PackedMatrix pack(const KernelSet& set, const Format& format, Shape shape,
                  const std::vector<uint8_t>& blocks) {
  PackedMatrix w;
  w.format = &format;
  w.n_rows = static_cast<uint32_t>(shape.n_rows);
  w.n_cols = static_cast<uint32_t>(shape.n_cols);
  resize(w.bytes, set.packed_bytes(format, shape.n_rows, shape.n_cols));
  for (size_t row = 0; row < shape.n_rows; row += kPanelRows) {
    set.pack_rows(blocks.data(), row, kPanelRows, w);
  }
  return w;
}

// As many matrices as make the footprint.
std::vector<PackedMatrix> make_matrices(const KernelSet& set, const Format& format, Shape shape) {
  const auto values = numbers(kPanelRows * shape.n_cols);
  std::vector<uint8_t> blocks(kPanelRows * row_bytes(format, shape.n_cols));
  format.encode(values.data(), values.size(), blocks.data());
  const uint64_t bytes = set.packed_bytes(format, shape.n_rows, shape.n_cols);
  std::vector<PackedMatrix> matrices;
  for (uint64_t sum = 0; sum < kFootprint; sum += bytes) {
    matrices.push_back(pack(set, format, shape, blocks));
  }
  return matrices;
}

void product(const KernelSet& set, const std::vector<PackedMatrix>& matrices, size_t n_tokens) {
  const PackedMatrix& first = matrices[0];
  const auto x = numbers(n_tokens * first.n_cols);
  Activations a;
  resize(a.quantised, set.quantised_bytes(n_tokens, first.n_cols));
  a.x = x.data();
  a.n_tokens = n_tokens;
  a.n_cols = first.n_cols;
  for (size_t tile = 0; tile < a.n_tiles(); ++tile) prepare_tile(set, a, tile);
  std::vector<float> y(n_tokens * first.n_rows);
  const Timing timing = measure([&](size_t i) {
    const PackedMatrix& w = matrices[i % matrices.size()];
    set.matmul(w, a, 0, w.n_panels(), y.data());
  });
  const std::string name = std::string(tensor_type_info(first.format->type)->name) + " " +
                           std::to_string(first.n_rows) + "x" + std::to_string(first.n_cols);
  report(set.name, "matmul", name, n_tokens, timing,
         static_cast<double>(n_tokens * first.n_rows * first.n_cols),
         static_cast<double>(first.bytes.size()));
}

}  // namespace

void matmul(const KernelSets& sets) {
  for (const auto& [type, shapes] : kCases) {
    for (const Shape shape : shapes) {
      std::vector<std::vector<PackedMatrix>> matrices;  // of each set
      for (const KernelSet* set : sets) {
        matrices.push_back(make_matrices(*set, *find_format(type), shape));
      }
      for (const size_t n_tokens : kTokens) {
        for (size_t i = 0; i < sets.size(); ++i) product(*sets[i], matrices[i], n_tokens);
      }
    }
  }
}

}  // namespace pipit::bench
