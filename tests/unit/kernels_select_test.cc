// The choice of a kernel set: forced by name, skipped when it computes wrongly.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/reference/reference.h"
#include "kernels/select.h"

namespace pipit {
namespace {

int n_calls = 0;

void counting_matmul(const PackedMatrix& w, const Activations& x, size_t first_panel,
                     size_t n_panels, float* y) {
  ++n_calls;
  kReference.matmul(w, x, first_panel, n_panels, y);
}

// What relaxed dot products gave in an engine with a fault: one of many results is off by one.
void wrong_matmul(const PackedMatrix& w, const Activations& x, size_t first_panel, size_t n_panels,
                  float* y) {
  kReference.matmul(w, x, first_panel, n_panels, y);
  if (first_panel == 0) y[0] += 1;
}

// Attention that is wrong for one element of a head.
void wrong_attention(const AttentionArgs& args) {
  kReference.attention(args);
  args.output(0, 0)[args.kv.layout.head_dim_v - 1] += 0.01f;
}

KernelSet reference_with(const char* name, decltype(KernelSet::matmul) matmul) {
  KernelSet set = kReference;
  set.name = name;
  set.matmul = matmul;
  return set;
}

TEST(KernelSelection, EverySetOfThisBuildPassesItsSelfCheck) {
  for (const KernelSet* set : all_kernel_sets()) {
    const auto is_correct = self_check(*set);
    ASSERT_TRUE(is_correct.ok());
    EXPECT_TRUE(*is_correct) << set->name;
  }
}

TEST(KernelSelection, AutoTakesOneOfTheFirstFamilyAndReportsAll) {
  const auto choice = choose_kernel_set("auto");
  ASSERT_TRUE(choice.ok());
  const std::string first = all_kernel_sets().front()->name;
  EXPECT_EQ(std::string(choice->set->name).substr(0, 7), first.substr(0, 7));
  const auto sets = all_kernel_sets();
  const auto is_automatic = [](const KernelSet* set) { return set->is_automatic; };
  EXPECT_EQ(choice->trials.size(),
            static_cast<size_t>(std::count_if(sets.begin(), sets.end(), is_automatic)));
}

TEST(KernelSelection, AForcedSetIsTheOneThatRuns) {
  const KernelSet counting = reference_with("counting", counting_matmul);
  const KernelSet* const sets[] = {&kReference, &counting};
  n_calls = 0;
  ASSERT_EQ(choose_kernel_set("reference", sets)->set, &kReference);
  EXPECT_EQ(n_calls, 0);
  ASSERT_EQ(choose_kernel_set("counting", sets)->set, &counting);
  EXPECT_GT(n_calls, 0);
  for (const KernelSet* set : all_kernel_sets()) {
    EXPECT_EQ(choose_kernel_set(set->name)->set, set);
  }
}

TEST(KernelSelection, AWrongSetIsSkippedAndNamed) {
  const KernelSet wrong = reference_with("relaxed-wrong", wrong_matmul);
  const KernelSet* const sets[] = {&wrong, &kReference};
  const auto choice = choose_kernel_set("auto", sets);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->set, &kReference);
  EXPECT_FALSE(choice->trials[0].is_correct);
  EXPECT_TRUE(choice->trials[1].is_correct);

  const auto forced = choose_kernel_set("relaxed-wrong", sets);
  EXPECT_EQ(forced.status().code(), StatusCode::kUnsupported);
  EXPECT_NE(forced.status().message().find("relaxed-wrong"), std::string::npos);
}

TEST(KernelSelection, ASetWithWrongAttentionIsSkipped) {
  KernelSet wrong = reference_with("relaxed-wrong", kReference.matmul);
  wrong.attention = wrong_attention;
  const KernelSet* const sets[] = {&wrong, &kReference};
  const auto choice = choose_kernel_set("auto", sets);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->set, &kReference);
  EXPECT_FALSE(choice->trials[0].is_correct);
}

// Neither is timed then; another one may always be forced.
TEST(KernelSelection, ASetThatIsKnownToBeFasterIsTaken) {
  KernelSet slow = reference_with("relaxed-slow", kReference.matmul);
  slow.speed = [] { return Speed::kSlow; };
  KernelSet fast = reference_with("relaxed-fast", kReference.matmul);
  fast.speed = [] { return Speed::kFast; };
  const KernelSet other = reference_with("relaxed-other", kReference.matmul);
  const struct {
    std::vector<const KernelSet*> sets;
    const KernelSet* best;
  } cases[] = {
      {{&slow, &other}, &other}, {{&other, &slow}, &other},       {{&fast, &other}, &fast},
      {{&other, &fast}, &fast},  {{&other, &slow, &fast}, &fast}, {{&slow, &fast, &other}, &fast},
  };
  for (const auto& [sets, best] : cases) {
    for (const char* name : {"auto", "relaxed", best->name}) {
      const auto choice = choose_kernel_set(name, sets);
      EXPECT_EQ(choice->set, best) << name;
      for (const KernelTrial& trial : choice->trials) EXPECT_EQ(trial.gmacs, 0) << name;
    }
    for (const KernelSet* set : sets) EXPECT_EQ(choose_kernel_set(set->name, sets)->set, set);
  }
}

TEST(KernelSelection, AnUnknownNameListsTheKnownOnes) {
  const auto none = choose_kernel_set("avx512");
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  for (const KernelSet* set : all_kernel_sets()) {
    EXPECT_NE(none.status().message().find(set->name), std::string::npos);
  }
}

}  // namespace
}  // namespace pipit
