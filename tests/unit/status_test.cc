// Status, Result, and the macros that pass errors on.
#include "pipit/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace pipit {
namespace {

Status fail_if(bool fail) {
  return fail ? Status(StatusCode::kIo, "the disk is gone") : ok_status();
}

Result<int> half(int n) {
  if (n % 2 != 0) return Status(StatusCode::kInvalidArgument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  PIPIT_RETURN_IF_ERROR(fail_if(n < 0));
  PIPIT_ASSIGN_OR_RETURN(const int once, half(n));
  PIPIT_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

TEST(Status, DefaultIsOk) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().code(), StatusCode::kOk);
  EXPECT_EQ(Status().message(), "");
}

TEST(Status, CarriesCodeAndMessage) {
  const Status status(StatusCode::kTruncated, "3 bytes are missing");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kTruncated);
  EXPECT_EQ(status.message(), "3 bytes are missing");
}

TEST(Status, EveryCodeHasItsOwnName) {
  std::set<std::string> names;
  int n = 0;
#define PIPIT_COUNT(enumerator, name)                           \
  names.insert(status_code_name(StatusCode::enumerator));       \
  EXPECT_STREQ(status_code_name(StatusCode::enumerator), name); \
  ++n;
  PIPIT_STATUS_CODES(PIPIT_COUNT)
#undef PIPIT_COUNT
  EXPECT_EQ(names.size(), static_cast<size_t>(n));
  EXPECT_STREQ(status_code_name(static_cast<StatusCode>(n)), "internal");
}

TEST(Result, PassesValuesAndErrorsOn) {
  const struct {
    const char* name;
    int n;
    StatusCode code;
    int value;
  } kCases[] = {
      {"value", 12, StatusCode::kOk, 3},
      {"first assignment fails", 7, StatusCode::kInvalidArgument, 0},
      {"second assignment fails", 6, StatusCode::kInvalidArgument, 0},
      {"status fails", -4, StatusCode::kIo, 0},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    const Result<int> result = quarter(c.n);
    EXPECT_EQ(result.status().code(), c.code);
    EXPECT_EQ(result.ok(), c.code == StatusCode::kOk);
    if (result.ok()) {
      EXPECT_EQ(result.value(), c.value);
    }
  }
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<std::string>> result = std::make_unique<std::string>("pipit");
  EXPECT_EQ((*result)->size(), 5u);
  EXPECT_EQ(result->get(), result.value().get());
  const std::unique_ptr<std::string> taken = std::move(result).value();
  EXPECT_EQ(*taken, "pipit");
}

}  // namespace
}  // namespace pipit
