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
  for (const TensorType type : kTypes) {
    for (const Shape shape : kShapes) {
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
