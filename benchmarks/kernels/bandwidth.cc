// How fast the machine can read memory through Wasm SIMD: what every decode kernel is held against.
#include <wasm_simd128.h>

#include "bench.h"

namespace pipit::bench {
namespace {

// The sum of all vectors of [n_streams, n / n_streams], read side by side.
template <size_t kStreams>
v128_t read(const v128_t* data, size_t n) {
  const size_t length = n / kStreams;
  v128_t sums[kStreams] = {};
  for (size_t i = 0; i < length; i += 4) {
    for (size_t s = 0; s < kStreams; ++s) {
      const v128_t* p = data + s * length + i;
      const v128_t a = wasm_i64x2_add(wasm_v128_load(p), wasm_v128_load(p + 1));
      const v128_t b = wasm_i64x2_add(wasm_v128_load(p + 2), wasm_v128_load(p + 3));
      sums[s] = wasm_i64x2_add(sums[s], wasm_i64x2_add(a, b));
    }
  }
  v128_t sum = sums[0];
  for (size_t s = 1; s < kStreams; ++s) sum = wasm_i64x2_add(sum, sums[s]);
  return sum;
}

volatile int64_t sink;  // so that the sums are computed

template <size_t kStreams>
void report_streams(const Array<v128_t>& data) {
  const Timing timing = measure(
      [&](size_t) { sink = wasm_i64x2_extract_lane(read<kStreams>(data.data(), data.size()), 0); });
  report("none", "read", kStreams == 1 ? "1 stream" : std::to_string(kStreams) + " streams", 1,
         timing, 0, static_cast<double>(data.size() * sizeof(v128_t)));
}

}  // namespace

void bandwidth() {
  Array<v128_t> data;
  resize(data, kFootprint / sizeof(v128_t));
  std::fill(data.begin(), data.end(), wasm_i64x2_splat(1));
  report_streams<1>(data);
  report_streams<8>(data);
}

}  // namespace pipit::bench
