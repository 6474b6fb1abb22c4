// How many streams a token is computed with, learnt from the first ones.
#include "kernels/stream_choice.h"

#include <gtest/gtest.h>

#include <map>

namespace pipit {
namespace {

using std::chrono::milliseconds;

TEST(StreamChoice, TakesTurnsThenKeepsTheFaster) {
  const struct {
    const char* name;
    // What a token takes, in ms, by its number.
    int (*one)(int token);
    int (*many)(int token);
    size_t expected;
  } cases[] = {
      {"one is faster", [](int) { return 4; }, [](int) { return 5; }, 1},
      {"many are faster", [](int) { return 9; }, [](int) { return 3; }, kMaxStreams},
      {"equal", [](int) { return 5; }, [](int) { return 5; }, 1},
      {"slow until it is compiled", [](int t) { return t < 8 ? 90 : 4; }, [](int) { return 5; }, 1},
      {"slow moments", [](int) { return 5; }, [](int t) { return t % 4 == 1 ? 70 : 4; },
       kMaxStreams},
  };
  for (const auto& c : cases) {
    StreamChoice choice;
    std::map<size_t, int> n_tried;
    int token = 0;
    for (; token < 16; ++token) {
      const size_t n = choice.n_streams();
      ++n_tried[n];
      choice.took(milliseconds(n == 1 ? c.one(token) : c.many(token)));
    }
    EXPECT_EQ(n_tried[1], 8) << c.name;
    EXPECT_EQ(n_tried[kMaxStreams], 8) << c.name;
    for (; token < 100; ++token) {
      ASSERT_EQ(choice.n_streams(), c.expected) << c.name << ", token " << token;
      choice.took(milliseconds(token));  // no longer matters
    }
  }
}

}  // namespace
}  // namespace pipit
