// Status and Result<T>: how every fallible call of pipit reports success or failure. Nothing
// throws, aborts or prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pipit {

// One line a code: enumerator, the name that TypeScript sees (web/src/errors.ts has the same list),
// what it means.
#define PIPIT_STATUS_CODES(X)                                                                 \
  X(kOk, "ok")                            /* no error */                                      \
  X(kInvalidArgument, "invalid_argument") /* an argument or option is not what it may be */   \
  X(kNotFound, "not_found")               /* no such file, model or kernel set */             \
  X(kIo, "io")                            /* reading or writing failed */                     \
  X(kInvalidFile, "invalid_file")         /* the bytes are not a well-formed model file */    \
  X(kTruncated, "truncated")              /* the bytes end before the file does */            \
  X(kUnsupported, "unsupported")          /* well-formed, but not something pipit can run */  \
  X(kLimitExceeded, "limit_exceeded")     /* a size is beyond what pipit accepts */           \
  X(kOutOfMemory, "out_of_memory")        /* an allocation failed */                          \
  X(kContextFull, "context_full")         /* the tokens do not fit the context */             \
  X(kCancelled, "cancelled")              /* the caller asked to stop */                      \
  X(kWorkerDied, "worker_died")           /* the worker ended before it answered */           \
  X(kQuotaExceeded, "quota_exceeded")     /* the store has no room for the model */           \
  X(kNetwork, "network")                  /* a server cannot be reached or answers wrongly */ \
  X(kInternal, "internal")                /* a bug in pipit */

enum class StatusCode : int {
#define PIPIT_ENUMERATOR(enumerator, name) enumerator,
  PIPIT_STATUS_CODES(PIPIT_ENUMERATOR)
#undef PIPIT_ENUMERATOR
};

// The code's name as in the table above.
const char* status_code_name(StatusCode code);

// Success, or a code with a message that says what was wrong, where, what was expected and what to
// do.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status ok_status() { return {}; }

// A value of T, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit
    if (status_.ok())
      status_ = {StatusCode::kInternal, "A result has neither a value nor an error."};
  }
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

#define PIPIT_CONCAT_INNER(a, b) a##b
#define PIPIT_CONCAT(a, b) PIPIT_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expression` (a Status) is an error.
#define PIPIT_RETURN_IF_ERROR(expression)        \
  do {                                           \
    ::pipit::Status pipit_status = (expression); \
    if (!pipit_status.ok()) return pipit_status; \
  } while (false)

// `lhs = value` of a Result, or returns its Status from the enclosing function. Several statements:
// give it braces.
#define PIPIT_ASSIGN_OR_RETURN(lhs, expression) \
  PIPIT_ASSIGN_OR_RETURN_INNER(PIPIT_CONCAT(pipit_result_, __LINE__), lhs, expression)
#define PIPIT_ASSIGN_OR_RETURN_INNER(result, lhs, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) return result.status();                   \
  lhs = std::move(result).value()

}  // namespace pipit
