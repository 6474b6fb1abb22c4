// The reference kernels: each is its definition, written down.
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/quantised_activations.h"

namespace pipit {

namespace {

uint64_t packed_bytes(const Format& format, uint64_t n_rows, uint64_t n_cols) {
  return n_rows * row_bytes(format, n_cols);
}

// The blocks of a row.
const uint8_t* row_blocks(const PackedMatrix& w, size_t row) {
  return w.bytes.data() + row * static_cast<size_t>(row_bytes(*w.format, w.n_cols));
}

void pack_rows(const uint8_t* blocks, size_t first_row, size_t n_rows, PackedMatrix& out) {
  const auto stride = static_cast<size_t>(row_bytes(*out.format, out.n_cols));
  std::memcpy(out.bytes.data() + first_row * stride, blocks, n_rows * stride);
}

void unpack_row(const PackedMatrix& w, size_t row, float* out) {
  w.format->decode(row_blocks(w, row), w.n_cols, out);
}

constexpr float kActivationMax = 32767;

uint64_t quantised_bytes(size_t n_tokens, size_t n_cols) {
  return QuantisedActivations<int16_t>::bytes(n_tokens, n_cols);
}

void quantise(Activations& activations, size_t tile) {
  const QuantisedActivations<int16_t> a(activations.quantised.data(), activations.n_tokens,
                                        activations.n_cols);
  const auto [first, end] = tile_groups(activations, tile);
  for (size_t g = first; g < end; ++g) {
    const float* group = activations.x + g * kGroupSize;
    float max = 0;
    for (size_t i = 0; i < kGroupSize; ++i) max = std::max(max, std::fabs(group[i]));
    const float inverse = max > kSmallestGroupMax ? kActivationMax / max : 0.0f;
    int32_t sums[2] = {};
    for (size_t i = 0; i < kGroupSize; ++i) {
      const float q = std::nearbyint(group[i] * inverse);
      a.q[g * kGroupSize + i] = static_cast<int16_t>(
          std::isnan(q) ? 0.0f : std::clamp(q, -kActivationMax, kActivationMax));
      sums[i / kHalfGroup] += a.q[g * kGroupSize + i];
    }
    a.scale[g] = max / kActivationMax;
    a.set_sums(g, sums[0], sums[1]);
  }
}

void read_activations(const Activations& activations, WeightKind /*kind*/, size_t token,
                      IntegerActivations& out) {
  const QuantisedActivations<const int16_t> a(activations.quantised.data(), activations.n_tokens,
                                              activations.n_cols);
  const size_t n_groups = activations.n_cols / kGroupSize;
  std::copy_n(a.q + token * activations.n_cols, activations.n_cols, out.q);
  std::copy_n(a.scale + token * n_groups, n_groups, out.scale);
}

// Integer weights × integer activations, exact within a group, or half a group where that has its
// own scale.
float dot_groups(const PackedMatrix& w, size_t row, const QuantisedActivations<int16_t>& a,
                 size_t token) {
  const uint8_t* blocks = row_blocks(w, row);
  const size_t n_groups = w.n_cols / kGroupSize;
  const size_t n_parts = n_scales(w.kind());
  const size_t part_size = kGroupSize / n_parts;
  float result = 0;
  for (size_t g = 0; g < n_groups; ++g) {
    IntegerGroup group;
    w.format->decode_group(blocks, g, group);
    const size_t i = token * n_groups + g;
    for (size_t part = 0; part < n_parts; ++part) {
      int32_t dot = 0;
      for (size_t k = part * part_size; k < (part + 1) * part_size; ++k) {
        dot += group.q[k] * a.q[i * kGroupSize + k];
      }
      result = static_cast<float>(dot) * a.scale[i] * group.scale[part] + result;
      if (!has_min(w.kind())) continue;
      result = (n_parts == 1 ? a.sum[i] : a.half_sum[2 * i + part]) * group.min[part] + result;
    }
  }
  return result;
}

// Float weights × float activations.
float dot_floats(const PackedMatrix& w, size_t row, const float* x) {
  const TensorTypeInfo& info = *tensor_type_info(w.format->type);
  const uint8_t* blocks = row_blocks(w, row);
  float result = 0;
  for (size_t k = 0; k < w.n_cols; ++k) {
    float weight;
    w.format->decode(blocks + k * info.block_bytes, 1, &weight);
    result = weight * x[k] + result;
  }
  return result;
}

void matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
            float* y) {
  const QuantisedActivations<int16_t> a(x.quantised.data(), x.n_tokens, x.n_cols);
  const bool is_integer = w.format->decode_group != nullptr;
  const size_t end_row = std::min<size_t>((first_panel + n_panels) * kPanelRows, w.n_rows);
  for (size_t t = 0; t < x.n_tokens; ++t) {
    for (size_t r = first_panel * kPanelRows; r < end_row; ++r) {
      y[t * w.n_rows + r] =
          is_integer ? dot_groups(w, r, a, t) : dot_floats(w, r, x.x + t * x.n_cols);
    }
  }
}

void rms_norm(const float* x, const float* weight, size_t n, float eps, float* out) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double{x[i]} * double{x[i]};
  const auto scale =
      static_cast<float>(1.0 / std::sqrt(sum / static_cast<double>(n) + double{eps}));
  for (size_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void layer_norm(const float* x, const float* weight, const float* bias, size_t n, float eps,
                float* out) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += double{x[i]};
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (size_t i = 0; i < n; ++i) squares += (double{x[i]} - mean) * (double{x[i]} - mean);
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + double{eps});
  for (size_t i = 0; i < n; ++i) {
    const auto normed = static_cast<float>((double{x[i]} - mean) * scale);
    out[i] = normed * weight[i] + (bias != nullptr ? bias[i] : 0.0f);
  }
}

void rope(float* x, size_t n_heads, size_t head_dim, size_t n_rot, RopePairs pairs,
          const float* cos, const float* sin) {
  const bool are_neighbours = pairs == RopePairs::kNeighbours;
  for (size_t h = 0; h < n_heads; ++h) {
    for (size_t i = 0; i < n_rot / 2; ++i) {
      float* first = x + h * head_dim + (are_neighbours ? 2 * i : i);
      float* second = first + (are_neighbours ? 1 : n_rot / 2);
      const float a = *first;
      const float b = *second;
      *first = a * cos[i] - b * sin[i];
      *second = a * sin[i] + b * cos[i];
    }
  }
}

void swiglu(float* gate, const float* up, size_t n) {
  for (size_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

void geglu(float* gate, const float* up, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float x = gate[i];
    const float u = 0.797884561f * (x + 0.044715f * x * x * x);
    gate[i] = x / (1.0f + std::exp(-2.0f * u)) * up[i];
  }
}

void softcap(float* x, size_t n, float cap) {
  for (size_t i = 0; i < n; ++i) x[i] = cap * std::tanh(x[i] / cap);
}

void add(float* x, const float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] += y[i];
}

// Attention of one query over the positions first … end - 1.
void attend(const AttentionArgs& a, const float* q, size_t first, size_t end, float* out) {
  const KvLayout& layout = a.kv.layout;
  float k[kMaxHeadDim];
  float v[kMaxHeadDim];
  // Calls use(score) with the position's k and v read.
  const auto for_positions = [&](const auto& use) {
    for (size_t p = first; p < end; ++p) {
      kv_load(layout, a.kv.head(p / kPagePositions, a.head_kv), p % kPagePositions, k, v);
      double dot = 0;
      for (size_t i = 0; i < layout.head_dim; ++i) dot += double{q[i]} * double{k[i]};
      const double score = dot * double{a.scale};
      const double cap = double{a.softcap};
      use(cap > 0 ? cap * std::tanh(score / cap) : score);
    }
  };
  double max = -INFINITY;
  for_positions([&](double score) { max = std::max(max, score); });
  double sum = 0;
  double values[kMaxHeadDim] = {};
  for_positions([&](double score) {
    const double weight = std::exp(score - max);
    sum += weight;
    for (size_t i = 0; i < layout.head_dim_v; ++i) values[i] += weight * double{v[i]};
  });
  for (size_t i = 0; i < layout.head_dim_v; ++i) out[i] = static_cast<float>(values[i] / sum);
}

void attention(const AttentionArgs& a) {
  for (size_t t = 0; t < a.n_tokens; ++t) {
    for (size_t g = 0; g < a.group; ++g) {
      attend(a, a.query(t, g), a.first_position(t), a.end_position(t), a.output(t, g));
    }
  }
}

}  // namespace

const KernelSet kReference = {
    .name = "reference",
    .is_deterministic = true,
    .packed_bytes = packed_bytes,
    .pack_rows = pack_rows,
    .unpack_row = unpack_row,
    .quantised_bytes = quantised_bytes,
    .quantise = quantise,
    .read_activations = read_activations,
    .matmul = matmul,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .rope = rope,
    .swiglu = swiglu,
    .geglu = geglu,
    .softcap = softcap,
    .add = add,
    .attention = attention,
};

}  // namespace pipit
