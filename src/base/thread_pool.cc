// The thread pool.
#include "base/thread_pool.h"

#include "base/str_cat.h"

namespace pipit {

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(size_t n_threads) {
  if (n_threads != 1) {
    return Status(StatusCode::kUnsupported,
                  str_cat("This build of pipit has no threads: 'n_threads' is ", n_threads,
                          ", it must be 1."));
  }
  return std::unique_ptr<ThreadPool>(new ThreadPool(n_threads));
}

void ThreadPool::run(size_t n_tasks, Call call, const void* task) {
  for (size_t i = 0; i < n_tasks; ++i) call(task, i);
}

}  // namespace pipit
