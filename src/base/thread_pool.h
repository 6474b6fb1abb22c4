// ThreadPool: threads that are created once and share the tasks of one loop at a time.
#pragma once

#include <cstddef>
#include <memory>

#include "pipit/status.h"

namespace pipit {

class ThreadPool {
 public:
  // `n_threads` ≥ 1 in all: the one that calls run() is among them. Errors: kUnsupported (more than
  // one in a build without threads).
  static Result<std::unique_ptr<ThreadPool>> create(size_t n_threads);

  size_t n_threads() const { return n_threads_; }

  // Calls task(i) once for every i < n_tasks, from any of the threads and in any order; returns
  // when all calls have. Not from within a task, and from one thread at a time.
  template <typename Task>
  void run(size_t n_tasks, const Task& task) {
    run(
        n_tasks, [](const void* object, size_t i) { (*static_cast<const Task*>(object))(i); },
        &task);
  }

 private:
  using Call = void (*)(const void* task, size_t i);
  explicit ThreadPool(size_t n_threads) : n_threads_(n_threads) {}
  void run(size_t n_tasks, Call call, const void* task);

  size_t n_threads_;
};

}  // namespace pipit
