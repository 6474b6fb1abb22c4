// The steps of the sampler's chain, one function each. Equal logits are ordered by token id, so no
// result depends on the standard library's algorithms.
#pragma once

#include <cstdint>
#include <span>

#include "pipit/options.h"
#include "sampling/random.h"

namespace pipit {

struct Candidate {
  int32_t id;
  float logit;   // finite
  float weight;  // probability up to a factor that all candidates share; set by set_weights
};

// `value` as a logit that the steps can work with: NaN becomes -infinity (never drawn), +infinity
// the largest float.
float clean_logit(float value);

// Copies `logits` [n_vocab] to `cleaned` [n_vocab] through clean_logit. False when none of them is
// finite.
bool clean_logits(std::span<const float> logits, std::span<float> cleaned);

// Adds each bias to its token's logit; several for one token add up. `logits` [n_vocab] are clean
// before and after.
void add_logit_bias(std::span<const LogitBias> biases, std::span<float> logits);

// All tokens of `logits` [n_vocab] but those at -infinity, by id, in `storage` [n_vocab].
std::span<Candidate> all_candidates(std::span<const float> logits, std::span<Candidate> storage);

// The `k` (> 0) tokens with the largest logits, best first; fewer when others are at -infinity.
// `storage` holds at least min(2 * k, n_vocab) elements. Takes O(n_vocab + k log k).
std::span<Candidate> top_k(std::span<const float> logits, size_t k, std::span<Candidate> storage);

// Sets every weight to exp((logit - max) / temperature), the softmax before its division: the best
// candidate's is 1. `candidates` are not empty, `temperature` > 0.
void set_weights(std::span<Candidate> candidates, float temperature);

// Nucleus sampling (Holtzman et al. 2020): the fewest best candidates whose weights sum to `p` of
// the total (0 < p < 1), in their order. Equal logits must come by id. At least one is kept. Takes
// O(candidates), whatever the distribution.
std::span<Candidate> top_p(std::span<Candidate> candidates, float p);

// The candidates at least `p` times as probable as the best one, whose weight is 1 (Nguyen et al.
// 2024), in their order.
std::span<Candidate> min_p(std::span<Candidate> candidates, float p);

// One of the candidates' ids, each with the probability weight / sum of weights (> 0).
int32_t draw(std::span<const Candidate> candidates, Random& random);

}  // namespace pipit
