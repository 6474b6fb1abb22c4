// The steps of the sampler's chain.
#include "sampling/steps.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "sampling/portable_exp.h"

namespace pipit {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

// A total order: the best candidate comes first.
bool better(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Grows with `logit`, alike for zeros of both signs.
uint32_t sort_key(float logit) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit + 0.0f);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

double total_weight(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

// The candidates whose weight is at least `least`, in their order.
std::span<Candidate> keep_from(std::span<Candidate> candidates, double least) {
  const auto end = std::remove_if(candidates.begin(), candidates.end(),
                                  [least](const Candidate& c) { return c.weight < least; });
  return candidates.first(static_cast<size_t>(end - candidates.begin()));
}

}  // namespace

float clean_logit(float value) {
  if (std::isnan(value)) return -kInfinity;
  return value < kLargest ? value : kLargest;
}

bool clean_logits(std::span<const float> logits, std::span<float> cleaned) {
  bool any_finite = false;
  for (size_t i = 0; i < logits.size(); ++i) {
    cleaned[i] = clean_logit(logits[i]);
    any_finite |= std::isfinite(logits[i]);
  }
  return any_finite;
}

void add_logit_bias(std::span<const LogitBias> biases, std::span<float> logits) {
  for (const LogitBias& bias : biases) {
    float& logit = logits[static_cast<size_t>(bias.token)];
    logit = clean_logit(logit + bias.bias);
  }
}

std::span<Candidate> all_candidates(std::span<const float> logits, std::span<Candidate> storage) {
  size_t n = 0;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > -kInfinity) storage[n++] = {static_cast<int32_t>(id), logits[id], 0};
  }
  return storage.first(n);
}

std::span<Candidate> top_k(std::span<const float> logits, size_t k, std::span<Candidate> storage) {
  // Candidates gather until there are 2k, then all but the best k go: O(k) work for every k
  // gathered. A later token must beat the k-th one's logit; an equal one loses to it, because its
  // id is larger.
  size_t n = 0;
  float threshold = -kInfinity;
  const auto keep_best = [&] {
    std::nth_element(storage.begin(), storage.begin() + static_cast<ptrdiff_t>(k - 1),
                     storage.begin() + static_cast<ptrdiff_t>(n), better);
    n = k;
    threshold = storage[k - 1].logit;
  };
  for (size_t id = 0; id < logits.size(); ++id) {
    if (!(logits[id] > threshold)) continue;
    storage[n++] = {static_cast<int32_t>(id), logits[id], 0};
    if (n == 2 * k) keep_best();
  }
  if (n > k) keep_best();
  const auto best = storage.first(n);
  std::sort(best.begin(), best.end(), better);
  return best;
}

void set_weights(std::span<Candidate> candidates, float temperature) {
  float max = -kInfinity;
  for (const Candidate& candidate : candidates) max = std::max(max, candidate.logit);
  for (Candidate& candidate : candidates) {
    candidate.weight = portable_exp((candidate.logit - max) / temperature);
  }
}

std::span<Candidate> top_p(std::span<Candidate> candidates, float p) {
  // Candidates below (1 - p) / n of the total weigh less than 1 - p together, so the nucleus is
  // complete without them. That leaves a few of a peaked distribution's 262,144 tokens.
  const double total = total_weight(candidates);
  const double target = double{p} * total;
  candidates = keep_from(candidates, (total - target) / static_cast<double>(candidates.size()));

  // The nucleus ends at some logit. A radix selection by weight finds its key without sorting,
  // eight bits a round: the weights above the key sum to less than the target, with it they reach
  // it.
  uint32_t last_key = 0;
  uint32_t mask = 0;
  double sum = 0;  // of the weights above last_key
  for (int shift = 24; shift >= 0; shift -= 8) {
    std::array<double, 256> bins = {};
    for (const Candidate& candidate : candidates) {
      const uint32_t key = sort_key(candidate.logit);
      if ((key & mask) == last_key) bins[(key >> shift) & 255] += candidate.weight;
    }
    uint32_t bin = 255;
    for (; bin > 0 && sum + bins[bin] < target; --bin) sum += bins[bin];
    last_key |= bin << shift;
    mask |= uint32_t{255} << shift;
  }

  size_t n = 0;
  for (const Candidate candidate : candidates) {
    const uint32_t key = sort_key(candidate.logit);
    if (key < last_key) continue;
    if (key == last_key) {
      if (sum >= target) continue;  // the equals before it were enough
      sum += candidate.weight;
    }
    candidates[n++] = candidate;
  }
  return candidates.first(n);
}

std::span<Candidate> min_p(std::span<Candidate> candidates, float p) {
  return keep_from(candidates, double{p});
}

int32_t draw(std::span<const Candidate> candidates, Random& random) {
  // uniform() * total stays below total even when rounded, and the same sums in the same order
  // reach total: some candidate with a weight above 0 always takes the sum past `point`.
  const double point = random.uniform() * total_weight(candidates);
  double sum = 0;
  size_t i = 0;
  for (; i + 1 < candidates.size(); ++i) {
    sum += candidates[i].weight;
    if (sum > point) break;
  }
  return candidates[i].id;
}

}  // namespace pipit
