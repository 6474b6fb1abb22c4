// The thread pool: every task exactly once, whatever the threads do meanwhile.
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <time.h>

#include <atomic>
#include <vector>

#include "support/random_values.h"

namespace pipit {
namespace {

constexpr size_t kThreadCounts[] = {1, 2, 3, 4, 16};

std::unique_ptr<ThreadPool> make_pool(size_t n_threads) {
  auto pool = ThreadPool::create(n_threads);
  EXPECT_TRUE(pool.ok()) << pool.status().message();
  return pool.ok() ? std::move(*pool) : nullptr;
}

void sleep_for(uint32_t microseconds) {
  const timespec time = {0, static_cast<long>(microseconds) * 1000};
  nanosleep(&time, nullptr);
}

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (const size_t n_threads : kThreadCounts) {
    const auto pool = make_pool(n_threads);
    ASSERT_EQ(pool->n_threads(), n_threads);
    for (const size_t n_tasks : {0u, 1u, 2u, 3u, 7u, 64u, 10'000u}) {
      std::vector<std::atomic<int>> calls(n_tasks + 1);
      pool->run(n_tasks, [&](size_t i) { calls[i].fetch_add(1, std::memory_order_relaxed); });
      for (size_t i = 0; i <= n_tasks; ++i) {
        EXPECT_EQ(calls[i].load(), i < n_tasks ? 1 : 0)
            << n_threads << " threads, task " << i << " of " << n_tasks;
      }
    }
  }
}

// What one loop writes, without any atomics of its own, the next one reads.
TEST(ThreadPool, ManyShortLoopsSeeEachOthersWrites) {
  constexpr size_t kLoops = 100'000;
  constexpr size_t kTasks = 5;
  for (const size_t n_threads : {2u, 4u}) {
    const auto pool = make_pool(n_threads);
    std::vector<size_t> values[2] = {std::vector<size_t>(kTasks), std::vector<size_t>(kTasks)};
    for (size_t loop = 0; loop < kLoops; ++loop) {
      const std::vector<size_t>& from = values[loop % 2];
      std::vector<size_t>& to = values[(loop + 1) % 2];
      pool->run(kTasks, [&](size_t i) { to[i] = from[(i + 1) % kTasks] + 1; });
    }
    EXPECT_EQ(values[kLoops % 2], std::vector<size_t>(kTasks, kLoops)) << n_threads << " threads";
  }
}

// Threads fall asleep and are woken at every moment of a loop.
TEST(ThreadPool, NoWakeUpIsLost) {
  testing::RandomValues random(3);
  for (const size_t n_threads : {2u, 3u, 16u}) {
    const auto pool = make_pool(n_threads);
    std::atomic<size_t> n_calls{0};
    size_t n_expected = 0;
    for (size_t loop = 0; loop < 300; ++loop) {
      const size_t n_tasks = 2 + random.below(6);
      const size_t sleeper = random.below(8);
      const uint32_t microseconds = random.below(300);
      pool->run(n_tasks, [&](size_t i) {
        if (i == sleeper) sleep_for(microseconds);
        n_calls.fetch_add(1, std::memory_order_relaxed);
      });
      n_expected += n_tasks;
      ASSERT_EQ(n_calls.load(), n_expected) << n_threads << " threads, loop " << loop;
      if (random.below(2) == 0) sleep_for(random.below(200));
    }
  }
}

// A thread that has taken a task and stays away delays no other task.
TEST(ThreadPool, OneStuckThreadLeavesTheRestToOthers) {
  for (const size_t n_threads : {2u, 4u}) {
    const auto pool = make_pool(n_threads);
    std::atomic<size_t> n_others{0};
    constexpr size_t kTasks = 50;
    pool->run(kTasks, [&](size_t i) {
      if (i != 0) {
        n_others.fetch_add(1);
      } else {
        while (n_others.load() != kTasks - 1) sched_yield();
      }
    });
    EXPECT_EQ(n_others.load(), kTasks - 1) << n_threads << " threads";
  }
}

TEST(ThreadPool, EndsAtAnyTime) {
  for (const size_t n_threads : kThreadCounts) {
    make_pool(n_threads);  // its threads may not even have started
    {
      const auto spinning = make_pool(n_threads);
      spinning->run(100, [](size_t) {});
    }
    const auto asleep = make_pool(n_threads);
    asleep->run(100, [](size_t) {});
    sleep_for(5'000);
  }
}

TEST(ThreadPool, RefusesImpossibleNumbers) {
  for (const size_t n_threads : {size_t{0}, ThreadPool::kMaxThreads + 1, SIZE_MAX}) {
    const auto pool = ThreadPool::create(n_threads);
    ASSERT_FALSE(pool.ok());
    EXPECT_EQ(pool.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(pool.status().message().find("'n_threads'"), std::string::npos);
  }
}

}  // namespace
}  // namespace pipit
