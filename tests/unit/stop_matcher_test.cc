// Stop strings in streamed text: tables, errors, and random texts cut at random places against a
// plain oracle.
#include "sampling/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "sampling/random.h"

namespace pipit {
namespace {

// What comes out for one piece that goes in.
struct Step {
  std::string piece;
  std::string text;
  int32_t stop = -1;
};

TEST(StopMatcher, GivesOutWhatIsNoPartOfAStopString) {
  struct Case {
    const char* name;
    std::vector<std::string> stops;
    std::vector<Step> steps;
    std::string rest;  // of flush
  };
  const Case cases[] = {
      {"no stop strings", {}, {{"Hello", "Hello"}, {"", ""}, {" you", " you"}}, ""},
      {"nothing alike", {"END"}, {{"Hello", "Hello"}, {" you", " you"}}, ""},
      {"within a piece", {"END"}, {{"a END b", "a ", 0}}, ""},
      {"across two pieces", {"END"}, {{"a E", "a "}, {"ND b", "", 0}}, ""},
      {"across many pieces", {"</s>"}, {{"a<", "a"}, {"/", ""}, {"s", ""}, {">", "", 0}}, ""},
      {"nearly", {"</s>"}, {{"a</", "a"}, {"b", "</b"}, {">", ">"}}, ""},
      {"held back to the end", {"END"}, {{"the EN", "the "}}, "EN"},
      {"the longest suffix is held", {"aab"}, {{"aaaa", "aa"}, {"a", "a"}, {"b", "", 0}}, ""},
      {"a border is a new beginning", {"abab!"}, {{"ababab", "ab"}, {"!", "", 0}}, ""},
      {"the second of two", {"one", "two"}, {{"a tw", "a "}, {"o", "", 1}}, ""},
      {"the first complete wins", {"abcdef", "cd"}, {{"xabcd", "xab", 1}}, ""},
      {"the shorter is complete first", {"ab", "a"}, {{"xab", "x", 1}}, ""},
      {"complete together: the longest", {"b", "ab", "cb"}, {{"xab", "x", 1}}, ""},
      {"the same twice: the first", {"ab", "ab"}, {{"ab", "", 0}}, ""},
      {"the whole text", {"ab"}, {{"ab", "", 0}}, ""},
      {"a single byte", {"\n"}, {{"one", "one"}, {" two\nthree", " two", 0}}, ""},
      {"non-ASCII", {"é!"}, {{"caf", "caf"}, {"é", ""}, {"è", "éè"}, {"é!", "", 0}}, ""},
      {"a zero byte", {std::string("\0x", 2)}, {{std::string("a\0", 2), "a"}, {"x", "", 0}}, ""},
      {"an empty piece changes nothing", {"ab"}, {{"a", ""}, {"", ""}, {"b", "", 0}}, ""},
      {"a new text after a match", {"ab"}, {{"xabab", "x", 0}, {"b", "b"}, {"ab", "", 0}}, ""},
  };
  for (const Case& c : cases) {
    auto matcher = StopMatcher::create(c.stops);
    ASSERT_TRUE(matcher.ok()) << c.name;
    for (const Step& step : c.steps) {
      const auto output = matcher->feed(step.piece);
      ASSERT_TRUE(output.ok()) << c.name;
      EXPECT_EQ(output->text, step.text) << c.name;
      EXPECT_EQ(output->stop, step.stop) << c.name;
    }
    EXPECT_EQ(matcher->flush(), c.rest) << c.name;
    EXPECT_EQ(matcher->flush(), "") << c.name;
  }
}

TEST(StopMatcher, FlushBeginsANewText) {
  auto matcher = StopMatcher::create(std::vector<std::string>{"ab"});
  ASSERT_TRUE(matcher.ok());
  EXPECT_EQ(matcher->feed("xa")->text, "x");
  EXPECT_EQ(matcher->flush(), "a");
  EXPECT_EQ(matcher->feed("b")->text, "b");
}

// The matcher's contract, read off the whole text: the match that is complete first, the longest of
// those.
struct Oracle {
  std::vector<std::string> stops;

  // The index of the stop string that `text` ends with, -1: none.
  int32_t stop_at_end(std::string_view text) const {
    int32_t best = -1;
    for (size_t s = 0; s < stops.size(); ++s) {
      if (!text.ends_with(stops[s])) continue;
      if (best < 0 || stops[s].size() > stops[static_cast<size_t>(best)].size())
        best = static_cast<int32_t>(s);
    }
    return best;
  }

  // The bytes at the end of `text` that begin a stop string.
  size_t held(std::string_view text) const {
    for (size_t n = text.size(); n > 0; --n) {
      for (const std::string& stop : stops) {
        if (stop.starts_with(text.substr(text.size() - n))) return n;
      }
    }
    return 0;
  }
};

TEST(StopMatcher, AgreesWithThePlainOracle) {
  Random random(1);
  const auto below = [&](size_t n) { return static_cast<size_t>(random.next() % n); };
  const auto random_text = [&](size_t max_length, size_t letters) {
    std::string text;
    for (size_t n = below(max_length + 1); n > 0; --n)
      text += static_cast<char>('a' + below(letters));
    return text;
  };
  int n_stopped = 0;
  int n_ended = 0;
  for (int round = 0; round < 20000; ++round) {
    const size_t letters = 2 + below(2);
    Oracle oracle;
    for (size_t n = below(5); n > 0; --n) oracle.stops.push_back(random_text(7, letters) + "a");
    const std::string text = random_text(60, letters);
    auto matcher = StopMatcher::create(oracle.stops);
    ASSERT_TRUE(matcher.ok());

    std::string given;
    size_t fed = 0;
    int32_t stop = -1;
    while (fed < text.size() && stop < 0) {
      const size_t end = std::min(text.size(), fed + below(6));
      const auto output = matcher->feed(std::string_view(text).substr(fed, end - fed));
      ASSERT_TRUE(output.ok());
      given += output->text;
      stop = output->stop;

      size_t seen = fed;  // the oracle looks at one byte after the other
      int32_t expected = -1;
      while (seen < end && expected < 0) expected = oracle.stop_at_end(text.substr(0, ++seen));
      ASSERT_EQ(stop, expected) << text;
      const std::string before = text.substr(0, seen);
      const size_t cut =
          stop >= 0 ? oracle.stops[static_cast<size_t>(stop)].size() : oracle.held(before);
      ASSERT_EQ(given, before.substr(0, before.size() - cut)) << text;
      fed = end;
    }
    if (stop >= 0) {
      ++n_stopped;
    } else {
      ++n_ended;
      given += matcher->flush();
      ASSERT_EQ(given, text);
    }
  }
  EXPECT_GT(n_stopped, 5000);  // both ends are well tried
  EXPECT_GT(n_ended, 3000);
}

TEST(StopMatcher, Limits) {
  struct Case {
    const char* name;
    std::vector<std::string> stops;
    StatusCode code;
    const char* message;
  };
  const Case cases[] = {
      {"as many as allowed", std::vector<std::string>(64, "x"), StatusCode::kOk, ""},
      {"as long as allowed", {std::string(1024, 'x')}, StatusCode::kOk, ""},
      {"too many", std::vector<std::string>(65, "x"), StatusCode::kLimitExceeded,
       "65 stop strings; at most 64"},
      {"too long",
       {"a", std::string(1025, 'x')},
       StatusCode::kLimitExceeded,
       "Stop string 1 (counted from 0) has 1025 bytes; at most 1024"},
      {"empty",
       {"a", "b", ""},
       StatusCode::kInvalidArgument,
       "Stop string 2 (counted from 0) is empty"},
      {"half a character",
       {"\xa9!"},
       StatusCode::kInvalidArgument,
       "in the middle of a UTF-8 character"},
  };
  for (const Case& c : cases) {
    const auto matcher = StopMatcher::create(c.stops);
    EXPECT_EQ(matcher.status().code(), c.code) << c.name;
    EXPECT_NE(matcher.status().message().find(c.message), std::string::npos)
        << matcher.status().message();
  }
}

TEST(StopMatcher, TimeIsLinear) {
  // Every position of the text nearly matches: without the automaton this would be 64 × 1,024 ×
  // 1,000,000 comparisons.
  std::vector<std::string> stops(64, std::string(1023, 'a') + "b");
  auto matcher = StopMatcher::create(stops);
  ASSERT_TRUE(matcher.ok());
  const std::string piece(1000, 'a');
  size_t given = 0;
  for (int i = 0; i < 1000; ++i) given += matcher->feed(piece)->text.size();
  EXPECT_EQ(given, 1000000u - 1023u);
  EXPECT_EQ(matcher->feed("b")->stop, 0);
}

TEST(StopMatcher, ReportsEveryFailedAllocation) {
  const std::vector<std::string> stops = {"ab"};
  int n_failed = 0;
  for (int n = 0;; ++n) {
    fail_allocation_after(n);
    auto matcher = StopMatcher::create(stops);
    Status status = matcher.status();
    if (matcher.ok()) {
      const auto output = matcher->feed("xa");
      status = output.status();
      if (!output.ok()) {  // the text was not taken and may be fed again
        EXPECT_EQ(matcher->feed("xa")->text, "x");
        EXPECT_EQ(matcher->feed("b")->stop, 0);
      }
    }
    fail_allocation_after(-1);
    if (status.ok()) break;
    EXPECT_EQ(status.code(), StatusCode::kOutOfMemory);
    ++n_failed;
  }
  EXPECT_EQ(n_failed, 4);  // bytes, fallbacks, stops, text
}

}  // namespace
}  // namespace pipit
