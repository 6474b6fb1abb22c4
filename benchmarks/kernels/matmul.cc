// Matrix products over the shapes of SmolLM2-135M, each for one token (decode), four and 32.
#include "bench.h"
#include "quant/format.h"

namespace pipit::bench {
namespace {

struct Shape {
  size_t n_rows, n_cols;
};

constexpr Shape kShapes[] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}};
constexpr TensorType kTypes[] = {TensorType::kQ4_1, TensorType::kQ8_0, TensorType::kF16,
                                 TensorType::kF32};
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

void product(const KernelSet& set, const Format& format, Shape shape) {
  const auto values = numbers(kPanelRows * shape.n_cols);
  std::vector<uint8_t> blocks(kPanelRows * row_bytes(format, shape.n_cols));
  format.encode(values.data(), values.size(), blocks.data());
  const uint64_t bytes = set.packed_bytes(format, shape.n_rows, shape.n_cols);
  const size_t n_matrices = static_cast<size_t>((kFootprint + bytes - 1) / bytes);
  std::vector<PackedMatrix> matrices;
  for (size_t i = 0; i < n_matrices; ++i) matrices.push_back(pack(set, format, shape, blocks));

  for (const size_t n_tokens : kTokens) {
    const auto x = numbers(n_tokens * shape.n_cols);
    Activations a;
    resize(a.quantised, set.quantised_bytes(n_tokens, shape.n_cols));
    a.x = x.data();
    a.n_tokens = n_tokens;
    a.n_cols = shape.n_cols;
    for (size_t tile = 0; tile < a.n_tiles(); ++tile) prepare_tile(set, a, tile);
    std::vector<float> y(n_tokens * shape.n_rows);
    const Timing timing = measure([&](size_t i) {
      const PackedMatrix& w = matrices[i % n_matrices];
      set.matmul(w, a, 0, w.n_panels(), y.data());
    });
    const std::string name = std::string(tensor_type_info(format.type)->name) + " " +
                             std::to_string(shape.n_rows) + "x" + std::to_string(shape.n_cols);
    report(set.name, "matmul", name, n_tokens, timing,
           static_cast<double>(n_tokens * shape.n_rows * shape.n_cols), static_cast<double>(bytes));
  }
}

}  // namespace

void matmul(const KernelSet& set) {
  for (const TensorType type : kTypes) {
    for (const Shape shape : kShapes) product(set, *find_format(type), shape);
  }
}

}  // namespace pipit::bench
