// Array<T>: growth, and every way in which it can fail.
#include "base/array.h"

#include <gtest/gtest.h>

#include <numeric>

namespace pipit {
namespace {

// No allocation fails any more when the test is over.
struct NoFaultAfter {
  ~NoFaultAfter() { fail_allocation_after(-1); }
};

TEST(Array, MakeGivesZeroedAlignedElements) {
  const Result<Array<int>> array = Array<int>::make(1000);
  ASSERT_TRUE(array.ok());
  EXPECT_EQ(array->size(), 1000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array->data()) % kMemoryAlignment, 0u);
  for (const int element : *array) EXPECT_EQ(element, 0);
}

TEST(Array, EmptyTakesNoMemory) {
  const uint64_t before = total_allocated();
  const Result<Array<int>> array = Array<int>::make(0);
  ASSERT_TRUE(array.ok());
  EXPECT_TRUE(array->empty());
  EXPECT_EQ(array->data(), nullptr);
  EXPECT_EQ(total_allocated(), before);
}

TEST(Array, GrowsAndShrinks) {
  Array<uint32_t> array;
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(array.push_back(i).ok());
  for (uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(array[i], i);
  EXPECT_EQ(array.back(), 999u);
  array.pop_back();
  EXPECT_EQ(array.back(), 998u);
  array.truncate(10);
  array.truncate(20);
  EXPECT_EQ(array.size(), 10u);
  ASSERT_TRUE(array.resize(12).ok());
  EXPECT_EQ(std::accumulate(array.begin(), array.end(), 0u), 45u) << "new elements are zero";
  array.clear();
  EXPECT_TRUE(array.empty());
}

TEST(Array, PushBackOfItsOwnElement) {
  Array<int> array;
  ASSERT_TRUE(array.push_back(7).ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(array.push_back(array[0]).ok());
  for (const int element : array) EXPECT_EQ(element, 7);
}

TEST(Array, Append) {
  const int kValues[] = {1, 2, 3};
  Array<int> array;
  ASSERT_TRUE(array.append({}).ok());
  EXPECT_TRUE(array.empty());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(array.append(kValues).ok());
  EXPECT_EQ(array.size(), 300u);
  EXPECT_EQ(std::accumulate(array.begin(), array.end(), 0), 600);
}

TEST(Array, ReserveKeepsTheElementsInPlace) {
  Array<int> array;
  ASSERT_TRUE(array.reserve(100).ok());
  const uint64_t before = total_allocated();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(array.push_back(i).ok());
  EXPECT_EQ(total_allocated(), before);
}

TEST(Array, Moves) {
  Array<int> a;
  ASSERT_TRUE(a.push_back(1).ok());
  const int* data = a.data();
  Array<int> b(std::move(a));
  EXPECT_EQ(b.data(), data);
  EXPECT_TRUE(a.empty());  // NOLINT: a moved-from array is an empty one
  Array<int> c;
  ASSERT_TRUE(c.push_back(2).ok());
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_TRUE(b.empty());  // NOLINT
}

TEST(Array, SizesBeyondTheMachineAreOutOfMemory) {
  for (const uint64_t n :
       {uint64_t{1} << 61, uint64_t{1} << 63, std::numeric_limits<uint64_t>::max(),
        std::numeric_limits<uint64_t>::max() / sizeof(uint64_t)}) {
    Array<uint64_t> array;
    ASSERT_TRUE(array.push_back(5).ok());
    EXPECT_EQ(array.resize(n).code(), StatusCode::kOutOfMemory) << n;
    EXPECT_EQ(array.size(), 1u);
    EXPECT_EQ(Array<uint64_t>::make(n).status().code(), StatusCode::kOutOfMemory) << n;
  }
}

TEST(Array, AFailedAllocationLeavesItAsItWas) {
  const struct {
    const char* name;
    Status (*grow)(Array<int>&);
  } kCases[] = {
      {"reserve", [](Array<int>& array) { return array.reserve(1000); }},
      {"resize", [](Array<int>& array) { return array.resize(1000); }},
      {"push_back", [](Array<int>& array) { return array.push_back(9); }},
      {"append",
       [](Array<int>& array) {
         const int kValues[] = {4, 5};
         return array.append(kValues);
       }},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const NoFaultAfter guard;
    Array<int> array;
    ASSERT_TRUE(array.reserve(3).ok());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(array.push_back(i).ok());
    fail_allocation_after(0);
    const Status status = c.grow(array);
    EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
    EXPECT_NE(status.message(), "");
    ASSERT_EQ(array.size(), 3u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(array[i], i);
    EXPECT_TRUE(c.grow(array).ok()) << "only the one allocation fails";
  }
}

TEST(Memory, FaultSwitchFailsTheNthAllocationOnce) {
  const NoFaultAfter guard;
  fail_allocation_after(2);
  bool got[4];
  for (bool& b : got) {
    void* memory = allocate(1);
    b = memory != nullptr;
    release(memory);
  }
  EXPECT_TRUE(got[0] && got[1] && !got[2] && got[3]);
}

TEST(Memory, CountsWhatItHandsOut) {
  const uint64_t before = total_allocated();
  release(allocate(1000));
  release(allocate(24));
  EXPECT_EQ(total_allocated() - before, 1024u);
}

}  // namespace
}  // namespace pipit
