// In place of sentencepiece's own src/common.h, whose guard this is: what its sources take from it,
// without the logging, which would print and end the process. Included in front of them by
// CMakeLists.txt.
#ifndef COMMON_H_
#define COMMON_H_

#include <third_party/absl/strings/string_view.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using char32 = uint32_t;
inline constexpr uint32_t kUnicodeError = 0xfffd;

namespace sentencepiece {
namespace logging {

int GetMinLogLevel();
void SetMinLogLevel(int level);

struct Nowhere {
  template <typename T>
  const Nowhere& operator<<(const T&) const {
    return *this;
  }
};

}  // namespace logging

namespace error {

void Abort();
void Exit(int code);
void SetTestCounter(int n);
bool GetTestCounter();

}  // namespace error
}  // namespace sentencepiece

#define LOG(severity) ::sentencepiece::logging::Nowhere()
// None can be reached: the functions that have them are not called.
#define CHECK(condition) \
  if (!(condition)) {    \
    __builtin_trap();    \
  } else /* NOLINT */    \
    ::sentencepiece::logging::Nowhere()
#define RETURN_IF_ERROR(expression)              \
  do {                                           \
    const auto status_of_it = (expression);      \
    if (!status_of_it.ok()) return status_of_it; \
  } while (false)
#define FRIEND_TEST(a, b) friend class a##_Test_##b

#endif  // COMMON_H_
