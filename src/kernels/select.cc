// The choice of a kernel set.
#include "kernels/select.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"
#include "kernels/agreement.h"
#include "kernels/reference/reference.h"

namespace pipit {
namespace {

// Small numbers without a pattern (Marsaglia 2003, xorshift).
class Noise {
 public:
  float next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return static_cast<float>(state_ % 2001) / 1000.0f - 1.0f;
  }

 private:
  uint32_t state_ = 2463534242u;
};

Result<Array<float>> noise(size_t n) {
  PIPIT_ASSIGN_OR_RETURN(auto values, Array<float>::make(n));
  Noise source;
  for (float& value : values) value = source.next();
  return values;
}

Result<Array<uint8_t>> random_blocks(const Format& format, size_t n_rows, size_t n_cols) {
  PIPIT_ASSIGN_OR_RETURN(const auto values, noise(n_rows * n_cols));
  PIPIT_ASSIGN_OR_RETURN(auto blocks, Array<uint8_t>::make(n_rows * row_bytes(format, n_cols)));
  format.encode(values.data(), values.size(), blocks.data());
  return blocks;
}

// What a set whose integers cannot be read back may differ by, of the largest result: it quantises
// weights and activations by rows.
constexpr float kCoarseShare = 0.05f;

constexpr size_t kMostCheckedCols = 256;
constexpr size_t kCheckedRows = 2 * kPanelRows + 1;

// One format with the `blocks` of a matrix [kCheckedRows, n_cols], one number of tokens.
Result<bool> product_agrees(const KernelSet& set, const Format& format,
                            const Array<uint8_t>& blocks, size_t n_cols, const float* x,
                            size_t n_tokens) {
  constexpr size_t kRows = kCheckedRows;
  PIPIT_ASSIGN_OR_RETURN(const auto w, pack_matrix(set, format, blocks.data(), kRows, n_cols));
  PIPIT_ASSIGN_OR_RETURN(const auto reference_w,
                         pack_matrix(kReference, format, blocks.data(), kRows, n_cols));
  PIPIT_ASSIGN_OR_RETURN(const auto own, prepare_activations(set, x, n_tokens, n_cols));
  const bool is_comparable = set.read_activations != nullptr;
  PIPIT_ASSIGN_OR_RETURN(const auto activations,
                         is_comparable ? reference_activations(set, own, format.kind)
                                       : prepare_activations(kReference, x, n_tokens, n_cols));
  PIPIT_ASSIGN_OR_RETURN(auto actual, Array<float>::make(n_tokens * kRows));
  PIPIT_ASSIGN_OR_RETURN(auto expected, Array<float>::make(n_tokens * kRows));
  set.matmul(w, own, 0, w.n_panels(), actual.data());
  kReference.matmul(reference_w, activations, 0, reference_w.n_panels(), expected.data());
  float largest = 0;
  for (const float value : expected) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    if (!is_comparable) {
      if (!(std::fabs(actual[i] - expected[i]) <= kCoarseShare * largest)) return false;
      continue;
    }
    const float bound = format.decode_group == nullptr
                            ? 0
                            : rounding_bound(reference_w, i % kRows, activations, i / kRows);
    if (!agrees(set, actual[i], expected[i], bound)) return false;
  }
  return true;
}

// Attention over a cache of that type. The positions are many enough that none stands out, since a
// set may compute such ones more coarsely: then each is off by at most 1/16384, at random.
Result<bool> attention_agrees(const KernelSet& set, KvType type) {
  constexpr size_t kHeadDim = 32;
  constexpr size_t kGroup = 3;
  constexpr size_t kTokens = 2;
  constexpr size_t kPositions = 7 * kBlockPositions + 3;
  const float bound = type == KvType::kInt8 ? 2e-3f : 1e-5f;
  const KvLayout layout = {.type = type, .head_dim = kHeadDim, .head_dim_v = kHeadDim};
  static_assert(kPositions <= kPagePositions);
  PIPIT_ASSIGN_OR_RETURN(auto page, Array<uint8_t>::make(layout.head_bytes()));
  std::fill(page.begin(), page.end(), uint8_t{0});
  PIPIT_ASSIGN_OR_RETURN(const auto x, noise((kPositions + kTokens * kGroup) * kHeadDim));
  for (size_t p = 0; p < kPositions; ++p) {
    kv_store(layout, page.data(), p, &x[p * kHeadDim], &x[(kPositions - 1 - p) * kHeadDim]);
  }
  const uint8_t* const pages[] = {page.data()};
  float results[2][kTokens * kGroup * kHeadDim];
  for (const auto& [kernels, out] : {std::pair{&set, results[0]}, {&kReference, results[1]}}) {
    kernels->attention({.kv = {.layout = layout, .pages = pages, .offset = 0},
                        .head_kv = 0,
                        .q = &x[kPositions * kHeadDim],
                        .out = out,
                        .n_head = kGroup,
                        .group = kGroup,
                        .n_tokens = kTokens,
                        .n_past = kPositions - kTokens,
                        .scale = 1 / std::sqrt(float{kHeadDim})});
  }
  return std::equal(results[0], std::end(results[0]), results[1],
                    [&](float a, float b) { return std::fabs(a - b) <= bound; });
}

// 4-bit multiply-adds a nanosecond, half of them for one token, half for some.
Result<double> measure(const KernelSet& set) {
  constexpr size_t kRows = 256;
  constexpr size_t kCols = 512;
  constexpr size_t kTokens = 2 * kTileTokens;
  // Longer than the steps of a browser's coarsest clock.
  constexpr std::chrono::milliseconds kTime{3};
  const Format& format = *find_format(TensorType::kQ4_1);
  PIPIT_ASSIGN_OR_RETURN(const auto blocks, random_blocks(format, kRows, kCols));
  PIPIT_ASSIGN_OR_RETURN(const auto w, pack_matrix(set, format, blocks.data(), kRows, kCols));
  PIPIT_ASSIGN_OR_RETURN(const auto x, noise(kTokens * kCols));
  PIPIT_ASSIGN_OR_RETURN(const auto one, prepare_activations(set, x.data(), 1, kCols));
  PIPIT_ASSIGN_OR_RETURN(const auto many, prepare_activations(set, x.data(), kTokens, kCols));
  PIPIT_ASSIGN_OR_RETURN(auto y, Array<float>::make(kTokens * kRows));
  using Clock = std::chrono::steady_clock;
  double n_macs = 0;
  const auto start = Clock::now();
  auto end = start;
  while (end - start < kTime) {
    for (size_t i = 0; i < kTokens; ++i) set.matmul(w, one, 0, w.n_panels(), y.data());
    set.matmul(w, many, 0, w.n_panels(), y.data());
    n_macs += double{2 * kTokens * kRows * kCols};
    end = Clock::now();
  }
  return n_macs / static_cast<double>(std::chrono::nanoseconds(end - start).count());
}

bool is_relaxed(const KernelSet& set) { return std::string_view(set.name).starts_with("relaxed-"); }

Speed speed_of(const KernelSet& set) {
  return set.speed == nullptr ? Speed::kUnknown : set.speed();
}

// How a set of this build does on this machine, which never changes: measured once.
struct Memory {
  const KernelSet* set = nullptr;
  std::optional<bool> is_correct;
  double gmacs = 0;
};

Memory& memory_of(const KernelSet& set) {
  static std::array<Memory, 16> memories;
  static Memory other;  // of a set that is not this build's: forgotten
  const auto sets = all_kernel_sets();
  const auto place = std::find(sets.begin(), sets.end(), &set);
  if (place != sets.end()) return memories[static_cast<size_t>(place - sets.begin())];
  return other = {};
}

Result<KernelTrial> check(const KernelSet& set) {
  Memory& memory = memory_of(set);
  if (!memory.is_correct) {
    PIPIT_ASSIGN_OR_RETURN(memory.is_correct, self_check(set));
  }
  return KernelTrial{.set = &set, .is_correct = *memory.is_correct, .gmacs = 0};
}

// The rivals take turns and the best of each counts: neither the engine, which compiles the kernels
// while they run, nor another program that takes the core for a moment decides.
Status time(std::span<KernelTrial* const> rivals) {
  for (KernelTrial* rival : rivals) rival->gmacs = memory_of(*rival->set).gmacs;
  const bool are_known = std::all_of(rivals.begin(), rivals.end(),
                                     [](const KernelTrial* rival) { return rival->gmacs > 0; });
  if (are_known) return ok_status();
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    for (KernelTrial* rival : rivals) {
      PIPIT_ASSIGN_OR_RETURN(const double gmacs, measure(*rival->set));
      rival->gmacs = std::max(rival->gmacs, gmacs);
    }
  }
  for (const KernelTrial* rival : rivals) memory_of(*rival->set).gmacs = rival->gmacs;
  return ok_status();
}

// Among the relaxed sets the faster one is taken, without a race where it is known: the engine may
// still run both uncompiled (in Node for the first 100 ms). Where none of them works, the first set
// that does.
Result<KernelChoice> choose(std::span<const KernelSet* const> candidates) {
  KernelChoice choice = {.set = nullptr, .trials = {}};
  for (const KernelSet* set : candidates) {
    PIPIT_ASSIGN_OR_RETURN(const KernelTrial trial, check(*set));
    choice.trials.push_back(trial);
  }
  std::vector<KernelTrial*> rivals;
  const KernelTrial* best = nullptr;
  for (KernelTrial& trial : choice.trials) {
    if (!trial.is_correct) continue;
    if (best == nullptr) best = &trial;
    const Speed speed = speed_of(*trial.set);
    if (!is_relaxed(*trial.set) || speed == Speed::kSlow) continue;
    if (speed == Speed::kFast) {
      rivals = {&trial};
      break;
    }
    rivals.push_back(&trial);
  }
  if (!rivals.empty()) {
    if (rivals.size() > 1) PIPIT_RETURN_IF_ERROR(time(rivals));
    best = *std::max_element(
        rivals.begin(), rivals.end(),
        [](const KernelTrial* a, const KernelTrial* b) { return a->gmacs < b->gmacs; });
  }
  if (best == nullptr) {
    return Status(StatusCode::kUnsupported,
                  str_cat("The kernel set ", quote(candidates.front()->name),
                          " computes wrongly on this machine. Choose another one, or \"auto\"."));
  }
  choice.set = best->set;
  return choice;
}

}  // namespace

Result<bool> self_check(const KernelSet& set) {
  if (&set == &kReference) return true;  // the oracle
  constexpr size_t kTokens = 5;
  PIPIT_ASSIGN_OR_RETURN(auto x, noise(kTokens * kMostCheckedCols));
  x[3] *= 100;  // an outlier
  std::bitset<kWeightKinds> checked;
  for (const Format* format : all_formats()) {
    if (checked[static_cast<size_t>(format->kind)]) continue;
    checked.set(static_cast<size_t>(format->kind));
    const size_t n_cols =
        std::max<size_t>(2 * kGroupSize, tensor_type_info(format->type)->block_size);
    PIPIT_ASSIGN_OR_RETURN(const auto blocks, random_blocks(*format, kCheckedRows, n_cols));
    for (const size_t n_tokens : {size_t{1}, kTokens}) {
      PIPIT_ASSIGN_OR_RETURN(const bool agrees,
                             product_agrees(set, *format, blocks, n_cols, x.data(), n_tokens));
      if (!agrees) return false;
    }
  }
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
    PIPIT_ASSIGN_OR_RETURN(const bool agrees, attention_agrees(set, type));
    if (!agrees) return false;
  }
  return true;
}

Result<KernelChoice> choose_kernel_set(std::string_view name,
                                       std::span<const KernelSet* const> sets) {
  std::vector<const KernelSet*> candidates;
  std::string names = "auto";
  bool has_relaxed = false;
  for (const KernelSet* set : sets) {
    const bool is_wanted =
        name == "auto" ? set->is_automatic : name == "relaxed" && is_relaxed(*set);
    if (is_wanted || name == set->name) candidates.push_back(set);
    if (is_relaxed(*set) && !has_relaxed) names += ", relaxed";
    has_relaxed = has_relaxed || is_relaxed(*set);
    names += str_cat(", ", set->name);
  }
  if (candidates.empty()) {
    return Status(StatusCode::kNotFound,
                  str_cat("There is no kernel set ", quote(name), ". Choose one of: ", names, "."));
  }
  return choose(candidates);
}

}  // namespace pipit
