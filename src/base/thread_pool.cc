// The thread pool: tasks are taken by compare-and-swap, and whoever has none spins for a moment and
// then sleeps until it is woken.
#include "base/thread_pool.h"

#include <algorithm>
#include <chrono>

#include "base/str_cat.h"

namespace pipit {
namespace {

#if defined(__wasm__) && !defined(__wasm_atomics__)
constexpr bool kHasThreads = false;
#else
constexpr bool kHasThreads = true;
#endif

// How often an idle thread looks for work before it sleeps: for 13 µs in Wasm, which is longer than
// what one thread does alone between two loops of a token. Decode of SmolLM2-135M with two threads,
// in tokens/s, by spins: 85 (1,000), 89 (3,000), 97 (10,000), 117 (30,000), 118 (60,000).
constexpr int kSpins = 30'000;

// More threads than there are cores for them take turns, and whoever waits for its turn may hold a
// task: the caller then waits longer than it worked. So each such loop halves the number of
// workers, and after kPunctualLoops without one, one more gets a try.
constexpr size_t kPunctualLoops = 1000;
constexpr auto kLate = std::chrono::microseconds(50);

// A bit of n_unfinished_: who finishes the last task has to wake the caller of run().
constexpr uint32_t kCallerSleeps = uint32_t{1} << 31;

// wait() sleeps while `word` holds `value`, and may return early; wake() ends one thread's wait().
#if !defined(__wasm__)
void wait(const std::atomic<uint32_t>& word, uint32_t value) { word.wait(value); }
void wake(std::atomic<uint32_t>& word) { word.notify_one(); }
#elif defined(__wasm_atomics__)
// libc++'s own would look again and again, between sleeps that grow.
void wait(std::atomic<uint32_t>& word, uint32_t value) {
  __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int*>(&word), static_cast<int>(value), -1);
}
void wake(std::atomic<uint32_t>& word) {
  __builtin_wasm_memory_atomic_notify(reinterpret_cast<int*>(&word), 1);
}
#else
void wait(const std::atomic<uint32_t>&, uint32_t) {}
void wake(const std::atomic<uint32_t>&) {}
#endif

// Whether `condition` came true within the time that is worth spinning.
template <typename Condition>
bool spin_until(Condition condition) {
  for (int i = 0; i < kSpins; ++i) {
    if (condition()) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(size_t n_threads) {
  if (n_threads < 1 || n_threads > kMaxThreads) {
    return Status(
        StatusCode::kInvalidArgument,
        str_cat("'n_threads' is ", n_threads, "; it must be from 1 to ", kMaxThreads, "."));
  }
  if (n_threads > 1 && !kHasThreads) {
    return Status(StatusCode::kUnsupported,
                  str_cat("This build of pipit has no threads: 'n_threads' is ", n_threads,
                          ", it must be 1."));
  }
  std::unique_ptr<ThreadPool> pool(new ThreadPool());
  while (pool->n_threads() < n_threads) {
    Worker& worker = pool->workers_[pool->n_workers_];
    worker.pool = pool.get();
    const auto start = [](void* argument) -> void* {
      auto& self = *static_cast<Worker*>(argument);
      self.pool->work(self);
      return nullptr;
    };
    if (pthread_create(&worker.thread, nullptr, start, &worker) != 0) {
      return Status(StatusCode::kOutOfMemory,
                    str_cat("The system gives pipit ", pool->n_threads(), " threads, not ",
                            n_threads, ". Ask for fewer."));
    }
    ++pool->n_workers_;
  }
  pool->n_active_.store(pool->n_workers_);
  return pool;
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  n_active_.store(n_workers_);
  wake_workers();
  for (size_t i = 0; i < n_workers_; ++i) pthread_join(workers_[i].thread, nullptr);
}

void ThreadPool::run(size_t n_tasks, Call call, const void* task) {
  if (n_workers_ == 0 || n_tasks <= 1) {
    for (size_t i = 0; i < n_tasks; ++i) call(task, i);
    return;
  }
  call_ = call;
  task_ = task;
  n_tasks_ = static_cast<uint32_t>(n_tasks);
  n_unfinished_.store(n_tasks_);
  const uint64_t number = (loop_.load() >> 32) + 1;
  loop_.store(number << 32 | n_tasks_);
  wake_workers();
  if (n_workers_ == 1) {  // is always active, so there is nothing to adapt
    finish_tasks(run_tasks());
    wait_until_finished();
    return;
  }
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  finish_tasks(run_tasks());
  const Clock::time_point worked = Clock::now();
  wait_until_finished();
  adapt(Clock::now() - worked > worked - start + kLate);
}

void ThreadPool::adapt(bool late) {
  const size_t n = n_active_.load();
  if (late) {
    n_active_.store(std::max<size_t>(n / 2, 1));
    n_punctual_ = 0;
  } else if (++n_punctual_ == kPunctualLoops) {
    n_active_.store(std::min(n + 1, n_workers_));
    n_punctual_ = 0;
  }
}

// Takes and runs tasks until there are none; returns how many.
uint32_t ThreadPool::run_tasks() {
  uint32_t n = 0;
  uint64_t loop = loop_.load();
  while (static_cast<uint32_t>(loop) != 0) {
    if (!loop_.compare_exchange_weak(loop, loop - 1)) continue;
    call_(task_, n_tasks_ - static_cast<uint32_t>(loop));
    ++n;
    loop = loop_.load();
  }
  return n;
}

void ThreadPool::finish_tasks(uint32_t n) {
  if (n > 0 && n_unfinished_.fetch_sub(n) == (kCallerSleeps | n)) wake(n_unfinished_);
}

void ThreadPool::wait_until_finished() {
  if (spin_until([&] { return n_unfinished_.load() == 0; })) return;
  n_unfinished_.fetch_or(kCallerSleeps);
  while (true) {
    const uint32_t n = n_unfinished_.load();
    if (n == kCallerSleeps) return;
    wait(n_unfinished_, n);
  }
}

bool ThreadPool::idle() const { return static_cast<uint32_t>(loop_.load()) == 0 && !stop_.load(); }

void ThreadPool::work(Worker& self) {
  while (!stop_.load()) {
    finish_tasks(run_tasks());
    const bool active = &self < workers_.data() + n_active_.load();
    if (!active || !spin_until([&] { return !idle(); })) sleep(self);
  }
}

// Says that it sleeps before it looks for work once more: run() publishes work before it looks who
// sleeps, so one of the two sees the other.
void ThreadPool::sleep(Worker& self) {
  self.asleep.store(1);
  if (!idle()) self.asleep.store(0);
  while (self.asleep.load() != 0) wait(self.asleep, 1);
}

void ThreadPool::wake_workers() {
  const size_t n = n_active_.load();
  for (size_t i = 0; i < n; ++i) {
    std::atomic<uint32_t>& asleep = workers_[i].asleep;
    if (asleep.load() != 0 && asleep.exchange(0) != 0) wake(asleep);
  }
}

}  // namespace pipit
