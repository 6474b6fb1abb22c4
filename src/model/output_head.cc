// Bounds for all rows from half of their bits, then the few panels that matter in full.
//
// Bounds that hold in the worst case would be of no use: over SmolLM2-135M's hidden states what the
// low halves can add at most is 13 on average, where the logits' standard deviation is 3.6, and of
// the 49,152 rows 26,000 would have to be finished for a top-k of 40. What they do add is noise:
// 4.5 standard deviations at most in 3.4 million products. At kBoundDeviations, 7, some 700 rows
// are left for a top-k of 40 and 13 for the best alone. Every row that is finished is a check.
#include "model/output_head.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

namespace pipit {
namespace {

// Finishing more panels than one in so many costs more than it saves.
constexpr size_t kMaxShare = 3;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Rows {
  size_t begin, end;
};

Rows rows_of(const PackedMatrix& w, size_t panel) {
  return {panel * kPanelRows, std::min<size_t>((panel + 1) * kPanelRows, w.n_rows)};
}

void compute_energy(const Activations& x, float* energy) {
  for (size_t g = 0; g < x.n_cols / kGroupSize; ++g) {
    float sum = 0;
    for (size_t i = 0; i < kGroupSize; ++i)
      sum += x.x[g * kGroupSize + i] * x.x[g * kGroupSize + i];
    energy[g] = sum;
  }
}

// The n-th largest, n ≥ 1; -infinity when there are fewer.
float nth_largest(std::span<float> values, size_t n) {
  if (values.size() < n) return -kInfinity;
  const auto nth = values.begin() + static_cast<ptrdiff_t>(n - 1);
  std::nth_element(values.begin(), nth, values.end(), std::greater<>());
  return *nth;
}

// One token's work.
struct TopLogitsTask {
  const PackedMatrix& w;
  const KernelSet& kernels;
  ThreadPool& pool;
  const Activations& x;
  const TopLogits& top;
  HeadScratch& s;
  float* logits;

  void compute_bounds() const {
    compute_energy(x, s.energy.data());
    pool.run_parts(w.n_panels(), [&](size_t first, size_t last) {
      kernels.upper_bounds(w, x, s.energy.data(), first, last - first, logits, s.largest.data());
    });
  }

  void take(size_t panel) const {
    if (s.is_finished[panel] != 0) return;
    s.is_finished[panel] = 1;
    (void)s.panels.push_back(static_cast<uint32_t>(panel));  // there is room for all
  }

  void take_from(float least) const {
    for (size_t panel = 0; panel < w.n_panels(); ++panel) {
      if (s.largest[panel] >= least) take(panel);
    }
  }

  // Computes the panels from the `first` of the list on. False: a logit is above its bound.
  bool finish(size_t first) const {
    std::atomic<bool> holds = true;
    pool.run_parts(s.panels.size() - first, [&](size_t begin, size_t end) {
      for (size_t i = first + begin; i < first + end; ++i) {
        const size_t panel = s.panels[i];
        const Rows rows = rows_of(w, panel);
        float bounds[kPanelRows];
        std::copy(logits + rows.begin, logits + rows.end, bounds);
        kernels.matmul(w, x, panel, 1, logits);
        for (size_t row = rows.begin; row < rows.end; ++row) {
          if (logits[row] > bounds[row - rows.begin]) holds.store(false, std::memory_order_relaxed);
        }
      }
    });
    return holds.load();
  }

  // The k-th largest logit so far of those that are not in `always`.
  float least_logit() const {
    s.sorted.clear();
    for (const uint32_t panel : s.panels) {
      const auto [begin, end] = rows_of(w, panel);
      for (size_t row = begin; row < end; ++row) {
        const bool is_always =
            std::binary_search(top.always.begin(), top.always.end(), static_cast<int32_t>(row));
        if (!is_always && !std::isnan(logits[row])) (void)s.sorted.push_back(logits[row]);
      }
    }
    return nth_largest(s.sorted.span(), top.k);
  }

  HeadResult run() const {
    const size_t most = w.n_panels() / kMaxShare;
    const size_t n_seeds = top.k + top.always.size();
    if (n_seeds > most) return HeadResult::kTooMany;
    compute_bounds();
    std::fill(s.is_finished.begin(), s.is_finished.end(), uint8_t{0});
    s.panels.clear();
    for (const int32_t token : top.always) take(static_cast<size_t>(token) / kPanelRows);
    for (size_t panel = 0; panel < w.n_panels(); ++panel) {
      if (s.largest[panel] < kInfinity) continue;
      take(panel);  // who knows what its logits are
      s.largest[panel] = kInfinity;
    }
    s.sorted.clear();
    (void)s.sorted.append(s.largest.span());
    take_from(nth_largest(s.sorted.span(), n_seeds));
    if (s.panels.size() > most) return HeadResult::kTooMany;
    if (!finish(0)) return HeadResult::kAboveBound;

    const size_t n_first = s.panels.size();
    take_from(least_logit());
    if (s.panels.size() > most) return HeadResult::kTooMany;
    if (!finish(n_first)) return HeadResult::kAboveBound;
    pool.run_parts(w.n_panels(), [&](size_t first, size_t last) {
      for (size_t panel = first; panel < last; ++panel) {
        const auto [begin, end] = rows_of(w, panel);
        if (s.is_finished[panel] == 0) std::fill(logits + begin, logits + end, -kInfinity);
      }
    });
    return HeadResult::kTwoSteps;
  }
};

}  // namespace

Status HeadScratch::resize(const PackedMatrix& w) {
  const size_t n_panels = w.n_panels();
  PIPIT_RETURN_IF_ERROR(energy.resize(w.n_cols / kGroupSize));
  PIPIT_RETURN_IF_ERROR(largest.resize(n_panels));
  PIPIT_RETURN_IF_ERROR(sorted.reserve(uint64_t{n_panels} / kMaxShare * kPanelRows + n_panels));
  PIPIT_RETURN_IF_ERROR(is_finished.resize(n_panels));
  return panels.reserve(n_panels);
}

HeadResult compute_top_logits(const PackedMatrix& w, const KernelSet& kernels, ThreadPool& pool,
                              const Activations& x, const TopLogits& top, HeadScratch& scratch,
                              float* logits) {
  return TopLogitsTask{w, kernels, pool, x, top, scratch, logits}.run();
}

}  // namespace pipit
