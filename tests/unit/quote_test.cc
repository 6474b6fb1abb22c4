// Untrusted text in messages.
#include "base/quote.h"

#include <gtest/gtest.h>

#include <string>

namespace pipit {
namespace {

TEST(Quote, EscapesAndCuts) {
  using namespace std::string_view_literals;
  const struct {
    const char* name;
    std::string_view text;
    size_t max_bytes;
    std::string_view expected;
  } kCases[] = {
      {"plain", "blk.0.attn_q.weight", 64, "\"blk.0.attn_q.weight\""},
      {"empty", "", 64, "\"\""},
      {"quotes and backslashes", "a\"b\\c", 64, "\"a\\x22b\\x5cc\""},
      {"zero, newline, escape, delete", "\0\n\x1b\x7f"sv, 64, "\"\\x00\\x0a\\x1b\\x7f\""},
      {"high bytes", "\x80\xff", 64, "\"\\x80\\xff\""},
      {"exactly as long as allowed", "12345", 5, "\"12345\""},
      {"one too long", "123456", 5, "\"12345\"..."},
  };
  for (const auto& c : kCases) EXPECT_EQ(quote(c.text, c.max_bytes), c.expected) << c.name;
}

}  // namespace
}  // namespace pipit
