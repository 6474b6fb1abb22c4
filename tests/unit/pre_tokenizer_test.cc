// The pre-tokenizers: pieces of a text by each rule, and linear time.
#include "tokenizer/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace pipit {
namespace {

std::vector<std::string> pieces_of(SplitRule rule, std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const size_t n = first_piece(rule, text);
    pieces.emplace_back(text.substr(0, n));
    text.remove_prefix(n);
  }
  return pieces;
}

constexpr SplitRule kRules[] = {SplitRule::kGpt2,  SplitRule::kSmolLm,        SplitRule::kLlama3,
                                SplitRule::kQwen2, SplitRule::kQwen35,        SplitRule::kTekken,
                                SplitRule::kGpt4o, SplitRule::kDeepSeekCoder, SplitRule::kDefault};

TEST(PreTokenizer, Pieces) {
  using Pieces = std::vector<std::string>;
  constexpr auto kGpt2 = SplitRule::kGpt2;
  constexpr auto kSmolLm = SplitRule::kSmolLm;
  constexpr auto kLlama3 = SplitRule::kLlama3;
  constexpr auto kQwen2 = SplitRule::kQwen2;
  constexpr auto kQwen35 = SplitRule::kQwen35;
  constexpr auto kTekken = SplitRule::kTekken;
  constexpr auto kGpt4o = SplitRule::kGpt4o;
  constexpr auto kDeepSeekCoder = SplitRule::kDeepSeekCoder;
  constexpr auto kDefault = SplitRule::kDefault;
  struct Case {
    const char* name;
    std::vector<SplitRule> rules;
    std::string text;
    Pieces pieces;
  };
  const std::vector<SplitRule> alike = {kGpt2, kSmolLm, kLlama3, kQwen2};
  const Case cases[] = {
      {"nothing", alike, "", {}},
      {"words", alike, "Hello, world!", {"Hello", ",", " world", "!"}},
      {"non-ASCII words", alike, "Schöne Größe", {"Schöne", " Größe"}},
      {"contractions", alike, "I'm we'll they've", {"I", "'m", " we", "'ll", " they", "'ve"}},
      {"contractions in capitals",
       {kGpt2, kSmolLm},
       "I'M WE'LL",
       {"I", "'", "M", " WE", "'", "LL"}},
      {"contractions in capitals", {kLlama3, kQwen2}, "I'M WE'Ll", {"I", "'M", " WE", "'Ll"}},
      {"no contraction of long s", {kLlama3, kQwen2}, "a'\u017f", {"a", "'\u017f"}},
      {"a contraction goes before a word", {kGpt2, kSmolLm}, "'steal", {"'s", "teal"}},
      {"a contraction after a space", {kGpt2, kSmolLm}, "a 's", {"a", " '", "s"}},
      {"a contraction after a space", {kLlama3, kQwen2}, "a 's", {"a", " '", "s"}},
      {"half a contraction", {kGpt2, kSmolLm}, "'l", {"'", "l"}},
      {"half a contraction", {kLlama3, kQwen2}, "'l", {"'l"}},
      {"an apostrophe alone", alike, "'", {"'"}},
      {"punctuation before a word", {kGpt2, kSmolLm}, "(a)", {"(", "a", ")"}},
      {"punctuation before a word", {kLlama3, kQwen2}, "(a)", {"(a", ")"}},
      {"only the last punctuation", {kLlama3, kQwen2}, "((a", {"((", "a"}},
      {"numbers", {kGpt2}, "in 12345", {"in", " 12345"}},
      {"numbers", {kSmolLm}, "in 12345", {"in", " ", "1", "2", "3", "4", "5"}},
      {"numbers", {kLlama3}, "in 12345", {"in", " ", "123", "45"}},
      {"numbers", {kQwen2}, "in 12345", {"in", " ", "1", "2", "3", "4", "5"}},
      {"numbers of other scripts", {kGpt2}, "\u0663\u00b2\u2167", {"\u0663\u00b2\u2167"}},
      {"numbers of other scripts", {kSmolLm, kQwen2}, "\u0663\u00b2", {"\u0663", "\u00b2"}},
      {"a word with a number", alike, "a1b", {"a", "1", "b"}},
      {"spaces before a word", alike, "a   b", {"a", "  ", " b"}},
      {"spaces before a number", {kGpt2}, "a   1", {"a", "  ", " 1"}},
      {"spaces before a number", {kSmolLm}, "a   1", {"a", "   ", "1"}},
      {"spaces before a number", {kLlama3, kQwen2}, "a   1", {"a", "  ", " ", "1"}},
      {"spaces at the end", alike, "a   ", {"a", "   "}},
      {"a space alone", alike, " ", {" "}},
      {"a tab before a word", {kGpt2, kSmolLm}, "a\tb", {"a", "\t", "b"}},
      {"a tab before a word", {kLlama3, kQwen2}, "a\tb", {"a", "\tb"}},
      {"other white space", {kGpt2, kSmolLm}, "\u3000\u00a0a", {"\u3000", "\u00a0", "a"}},
      {"other white space", {kLlama3, kQwen2}, "\u3000\u00a0a", {"\u3000", "\u00a0a"}},
      {"a newline", {kGpt2, kSmolLm}, "a\n\nb", {"a", "\n", "\n", "b"}},
      {"a newline", {kLlama3, kQwen2}, "a\n\nb", {"a", "\n\n", "b"}},
      {"newlines and an indent", {kGpt2, kSmolLm}, "a\n\n  b", {"a", "\n\n ", " b"}},
      {"newlines and an indent", {kLlama3, kQwen2}, "a \n\n  b", {"a", " \n\n", " ", " b"}},
      {"newlines after punctuation", {kGpt2, kSmolLm}, "a;\r\n\r\n", {"a", ";", "\r\n\r\n"}},
      {"newlines after punctuation", {kLlama3, kQwen2}, "a;\r\n\r\n}", {"a", ";\r\n\r\n", "}"}},
      {"newlines at the end", {kGpt2, kSmolLm}, "a \n ", {"a", " \n "}},
      {"newlines at the end", {kLlama3, kQwen2}, "a \n ", {"a", " \n", " "}},
      {"marks are not letters", {kGpt2, kSmolLm}, "e\u0301a", {"e", "\u0301", "a"}},
      {"marks are not letters", {kLlama3, kQwen2}, "e\u0301a", {"e", "\u0301a"}},
      {"emoji", alike, "a \U0001f600\U0001f44d", {"a", " \U0001f600\U0001f44d"}},
      {"CJK", {kGpt2, kSmolLm}, "中文。你", {"中文", "。", "你"}},
      {"CJK", {kLlama3, kQwen2}, "中文。你", {"中文", "。你"}},
      {"marks are letters", {kQwen35}, "e\u0301a \u0301", {"e\u0301a", " \u0301"}},
      {"cases", {kTekken, kGpt4o}, "iPhoneXS USAid", {"i", "Phone", "XS", " USAid"}},
      {"letters of both cases", {kTekken, kGpt4o}, "ÉTÉa éAB", {"ÉTÉa", " é", "AB"}},
      {"contractions belong to words", {kGpt4o}, "it's IT'LL", {"it's", " IT'LL"}},
      {"contractions are words", {kTekken}, "it's IT'LL", {"it", "'s", " IT", "'LL"}},
      {"numbers", {kTekken}, "a 1234", {"a", " ", "1", "2", "3", "4"}},
      {"numbers", {kGpt4o}, "a 1234", {"a", " ", "123", "4"}},
      {"slashes after punctuation", {kTekken, kGpt4o}, ";\n/\na", {";\n/\n", "a"}},
      {"each newline", {kDeepSeekCoder}, "a\n\n b", {"a", "\n", "\n", " b"}},
      {"punctuation and symbols",
       {kDeepSeekCoder},
       "a  (b=$ 1)",
       {"a", " ", " (", "b", "=$ ", "1", ")"}},
      {"CJK", {kDeepSeekCoder}, " 中a—。b", {" ", "中", "a", "—。", "b"}},
      {"punctuation stands alone",
       {kDefault},
       "it's (x=1)  .",
       {"it", "'", "s", " ", "(", "x", "=", "1", ")", "  ", "."}},
      {"a backtick does not", {kDefault}, "a `b", {"a", " `", "b"}},
      {"numbers", {kDefault}, "a 12345 1\u00b2345", {"a", " ", "123", "45", " ", "1\u00b2", "345"}},
  };
  for (const Case& c : cases) {
    for (const SplitRule rule : c.rules) {
      EXPECT_EQ(pieces_of(rule, c.text), c.pieces) << c.name << ", rule " << static_cast<int>(rule);
    }
  }
}

TEST(PreTokenizer, InvalidUtf8IsCutWithoutLoss) {
  for (const SplitRule rule : kRules) {
    std::string joined;
    for (const std::string& piece : pieces_of(rule, "a\xff \xe2\x82 b\xf0")) joined += piece;
    EXPECT_EQ(joined, "a\xff \xe2\x82 b\xf0");
  }
}

TEST(PreTokenizer, Names) {
  struct Case {
    const char* name;
    SplitRule rule;
    bool ignores_merges;
    bool adds_bos;
  };
  const Case cases[] = {
      {"gpt-2", SplitRule::kGpt2, false, false},
      {"smollm", SplitRule::kSmolLm, false, false},
      {"llama-bpe", SplitRule::kLlama3, true, true},
      {"llama3", SplitRule::kLlama3, true, true},
      {"llama-v3", SplitRule::kLlama3, true, true},
      {"smaug-bpe", SplitRule::kLlama3, false, false},
      {"qwen2", SplitRule::kQwen2, false, false},
      {"qwen35", SplitRule::kQwen35, false, false},
      {"tekken", SplitRule::kTekken, true, true},
      {"gpt-4o", SplitRule::kGpt4o, false, false},
      {"deepseek-coder", SplitRule::kDeepSeekCoder, false, false},
      {"default", SplitRule::kDefault, false, false},
  };
  for (const Case& c : cases) {
    const PreTokenizer* pre = find_pre_tokenizer(c.name);
    ASSERT_NE(pre, nullptr) << c.name;
    EXPECT_EQ(pre->rule, c.rule) << c.name;
    EXPECT_EQ(pre->ignores_merges, c.ignores_merges) << c.name;
    EXPECT_EQ(pre->adds_bos, c.adds_bos) << c.name;
    EXPECT_NE(pre_tokenizer_names().find(c.name), std::string::npos) << c.name;
  }
  for (const char* name : {"", "Default", "gpt2", "smollm "}) {
    EXPECT_EQ(find_pre_tokenizer(name), nullptr) << name;
  }
}

// A scanner that looked ahead or back over a run for each of its pieces would take hours here.
TEST(PreTokenizer, LongRunsTakeLinearTime) {
  for (const std::string_view unit :
       {"a",  " ",  "\n", "7",      "!", "'",  " a", "a ", "\n ",    " \n", "  \n ",
        "! ", "'s", "中", "\u3000", "A", "aB", "é",  "éA", "\u0301", "$"}) {
    std::string text;
    while (text.size() < (1 << 20)) text += unit;
    for (const SplitRule rule : kRules) {
      size_t at = 0;
      while (at < text.size()) {
        const size_t n = first_piece(rule, std::string_view(text).substr(at));
        ASSERT_GT(n, 0u) << unit;
        at += n;
      }
      EXPECT_EQ(at, text.size()) << unit;
    }
  }
}

}  // namespace
}  // namespace pipit
