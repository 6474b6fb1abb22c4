// The kernels between the products, with the widths of SmolLM2-135M; what they read is in the
// cache.
#include "bench.h"

namespace pipit::bench {
namespace {

void vectors_of(const KernelSet& set) {
  constexpr size_t kEmbd = 576;
  constexpr size_t kFf = 1536;
  constexpr size_t kHeads = 9;
  constexpr size_t kHeadDim = 64;
  const auto x = numbers(kFf);
  const auto y = numbers(kFf);
  std::vector<float> out(x);
  // Times n numbers.
  const auto time = [&](const char* kernel, size_t n, const auto& run) {
    report(set.name, kernel, std::to_string(n), n, measure([&](size_t) { run(); }), 0, 0);
  };
  time("rms_norm", kEmbd, [&] { set.rms_norm(x.data(), y.data(), kEmbd, 1e-5f, out.data()); });
  // A quarter turn each time: the numbers stay as large as they are.
  const std::vector<float> cosines(kHeadDim / 2, 0.0f);
  const std::vector<float> sines(kHeadDim / 2, 1.0f);
  time("rope", kHeads * kHeadDim, [&] {
    set.rope(out.data(), kHeads, kHeadDim, kHeadDim, RopePairs::kNeighbours, cosines.data(),
             sines.data());
  });
  time("swiglu", kFf, [&] {
    std::copy(x.begin(), x.end(), out.begin());
    set.swiglu(out.data(), y.data(), kFf);
  });
  Activations a;
  resize(a.quantised, set.quantised_bytes(1, kFf));
  a.x = x.data();
  a.n_tokens = 1;
  for (const size_t n_cols : {kEmbd, kFf}) {
    a.n_cols = n_cols;
    for (const WeightKind kind : {WeightKind::kInt4, WeightKind::kInt8}) {
      a.kinds.reset().set(static_cast<size_t>(kind));
      time(kind == WeightKind::kInt4 ? "quantise for int4" : "quantise for int8", n_cols,
           [&] { prepare_tile(set, a, 0); });
    }
  }
}

}  // namespace

void vectors(const KernelSets& sets) {
  for (const KernelSet* set : sets) vectors_of(*set);
}

}  // namespace pipit::bench
