// ThreadPool: threads that are created once and share the tasks of one loop at a time.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "pipit/status.h"

namespace pipit {

class ThreadPool {
 public:
  static constexpr size_t kMaxThreads = 64;

  // `n_threads` in all, from 1 to kMaxThreads: the one that calls run() is among them. Errors:
  // kInvalidArgument (the number), kUnsupported (more than one in a build without threads),
  // kOutOfMemory (the system gives no more threads).
  static Result<std::unique_ptr<ThreadPool>> create(size_t n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t n_threads() const { return n_workers_ + 1; }

  // Calls task(i) once for every i < n_tasks (< 2^31), from any of the threads and in any order;
  // returns when all calls have. Not from within a task, and from one thread at a time. Whoever is
  // free takes the next task, so a thread that gets no core delays at most the task it has taken.
  template <typename Task>
  void run(size_t n_tasks, const Task& task) {
    run(
        n_tasks, [](const void* object, size_t i) { (*static_cast<const Task*>(object))(i); },
        &task);
  }

  // Calls task(first, last) for parts of n items that cover them all. There are more parts than
  // threads, since one that is late must not keep the others waiting.
  template <typename Task>
  void run_parts(size_t n, const Task& task) {
    const size_t n_parts = n_threads() == 1 ? 1 : kPartsPerThread * n_active();
    run(n_parts, [&](size_t part) { task(n * part / n_parts, n * (part + 1) / n_parts); });
  }

 private:
  static constexpr size_t kPartsPerThread = 4;

  // Of the threads those that found a core of late.
  size_t n_active() const { return n_active_.load() + 1; }

  using Call = void (*)(const void* task, size_t i);

  // On a cache line of its own: every worker writes its `asleep`.
  struct alignas(64) Worker {
    std::atomic<uint32_t> asleep{0};
    ThreadPool* pool = nullptr;
    pthread_t thread = {};
  };

  ThreadPool() = default;
  void run(size_t n_tasks, Call call, const void* task);
  void work(Worker& self);
  uint32_t run_tasks();
  void finish_tasks(uint32_t n);
  void wait_until_finished();
  void adapt(bool late);
  bool idle() const;
  void sleep(Worker& self);
  void wake_workers();

  // The loop's number << 32 | its tasks that nobody has taken. A compare-and-swap that takes one
  // proves that the loop was not over, so that what it calls could be read.
  alignas(64) std::atomic<uint64_t> loop_{0};
  // The loop's tasks that have not returned, with kCallerSleeps.
  alignas(64) std::atomic<uint32_t> n_unfinished_{0};
  // Written while no loop runs.
  alignas(64) Call call_ = nullptr;
  const void* task_ = nullptr;
  uint32_t n_tasks_ = 0;
  std::atomic<bool> stop_{false};
  // The first so many workers are woken for a loop; the others sleep.
  std::atomic<size_t> n_active_{0};
  size_t n_workers_ = 0;
  size_t n_punctual_ = 0;  // loops since n_active_ changed
  std::array<Worker, kMaxThreads - 1> workers_;
};

}  // namespace pipit
