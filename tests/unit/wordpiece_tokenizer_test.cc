// The WordPiece tokenizer: words, characters, special tokens, and vocabularies that are wrong.
#include "tokenizer/wordpiece_tokenizer.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "support/tokenizer_files.h"

namespace pipit {
namespace {

using testing::bytes_of;
using testing::GgufBuilder;
using testing::ids_of;
using testing::load_tokenizer;
using testing::load_valid;
using testing::LoadedTokenizer;
using testing::plain_ids;
using testing::TokenizerFile;
using Ids = std::vector<Token>;

constexpr Token kUnknown = 0;
constexpr Token kCls = 1;
constexpr Token kSep = 2;

// Pieces as converters write them: U+2581 where Hugging Face has a word's begin, nothing in front
// where it has "##".
struct Pieces {
  TokenizerFile file = TokenizerFile::of_words();
  Token play = file.add("\u2581play");
  Token ing = file.add("ing");
  Token p = file.add("\u2581p");
  Token l = file.add("l");
  Token a = file.add("\u2581a");
  Token more_a = file.add("a");
  Token aa = file.add("aa");
  Token b = file.add("b");
  Token word_b = file.add("\u2581b");
  Token e = file.add("\u2581e");
  Token capital_a = file.add("\u2581A");
  Token accented_a = file.add("\u2581à");
  Token both = file.add("\u2581À");
  Token point = file.add("\u2581.");
  Token plus = file.add("\u2581+");
  Token bracket = file.add("\u2581[");
  Token cjk = file.add("\u2581中");
  Token compatible = file.add("\u2581豈");
  Token jamo = file.add("\u2581\u1112");
  Token dotless = file.add("\u2581\u0131");
  Token i = file.add("\u2581i");
  Token beta = file.add("\u2581β");
  Token emoji = file.add("\u2581😀");
  Token bar = file.add("\u2581\u2581");
  Token mark = file.add("\u0301");
  Token unused = file.add("\u2581q", TokenType::kUnused);
  Token control = file.add("\u2581zzz", TokenType::kControl);
  Token tag = file.add("<tag>", TokenType::kUserDefined);
};

TEST(WordPieceTokenizer, Encodes) {
  const Pieces p;
  const LoadedTokenizer loaded = load_valid(p.file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  EXPECT_EQ(loaded.tokenizer->name(), "wordpiece");
  struct Case {
    const char* name;
    std::string_view text;
    Ids ids;
    Ids special = {};  // with parse_special, where that differs
  };
  const Case cases[] = {
      {"nothing", "", {}},
      {"white space alone", " \t\r\n\u00a0\u3000\u2028", {}},
      {"a word", "play", {p.play}},
      {"a word and how it goes on", "playing", {p.play, p.ing}},
      {"the longest piece from the left", "aaaa", {p.a, p.aa, p.more_a}},
      {"a word that goes on with no piece", "playx", {kUnknown}},
      {"one unknown token for each word", "x playxing b", {kUnknown, kUnknown, p.word_b}},
      {"no piece of a word's begin goes on", "bplay", {kUnknown}},
      {"a piece that is a part of a longer one", "pl", {p.p, p.l}},
      {"capitals", "PLAYing", {p.play, p.ing}},
      {"spaces between words", " a \u3000\n b ", {p.a, p.word_b}},
      {"punctuation", "a.b..", {p.a, p.point, p.word_b, p.point, p.point}},
      {"symbols of ASCII", "a+b", {p.a, p.plus, p.word_b}},
      {"other symbols are letters", "😀b😀", {kUnknown}},
      {"a symbol at the begin of a word", "😀b", {p.emoji, p.b}},
      {"CJK, each by itself", "a中中b", {p.a, p.cjk, p.cjk, p.word_b}},
      {"a CJK character that is no piece", "中国", {p.cjk, kUnknown}},
      {"a compatibility ideograph", "\uf900", {p.compatible}},
      {"a character with accents", "Ấ", {p.a}},
      {"accents of their own", "a\u0301b\u0300", {p.a, p.b}},
      {"accents without a letter", "\u0301", {}},
      {"a Hangul syllable is its first consonant", "한", {p.jamo}},
      {"capital I with a dot", "İ", {p.i}},
      {"small i without a dot", "ı", {p.dotless}},
      {"Greek", "Β", {p.beta}},
      {"NUL, controls and formats vanish",
       std::string_view("a\0\x01\x7f\u200d\u00ad\ue000a", 14),
       {p.a, p.more_a}},
      {"U+FFFD vanishes, and so does invalid UTF-8", "a\ufffda\xff\xe4\xb8", {p.a, p.more_a}},
      {"unassigned characters do not", "a\u0378", {kUnknown}},
      {"U+2581 itself", "\u2581b", {p.bar, p.b}},
      {"an unused piece, as in llama.cpp", "q", {p.unused}},
      {"no control token from a text", "zzz", {kUnknown}},
      {"user-defined", "a<tag>a", {p.a, p.tag, p.a}},
      {"control", "a[SEP]a", {p.a, p.bracket, kUnknown, kUnknown, p.a}, {p.a, kSep, p.a}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(plain_ids(loaded, c.text), c.ids) << c.name;
    EXPECT_EQ(plain_ids(loaded, c.text, true), c.special.empty() ? c.ids : c.special) << c.name;
  }
}

TEST(WordPieceTokenizer, ClsAndSepWhateverTheFileSaysOfBeginAndEnd) {
  struct Case {
    const char* name;
    std::function<void(GgufBuilder&)> add;
  };
  const Case cases[] = {
      {"nothing", [](GgufBuilder&) {}},
      {"no begin", [](GgufBuilder& more) { more.boolean("tokenizer.ggml.add_bos_token", false); }},
      {"another end", [](GgufBuilder& more) { more.u32("tokenizer.ggml.eos_token_id", 7); }},
  };
  for (const Case& c : cases) {
    Pieces p;
    c.add(p.file.more);
    const LoadedTokenizer loaded = load_valid(p.file);
    ASSERT_NE(loaded.tokenizer, nullptr) << c.name;
    const Tokenizer& tokenizer = *loaded.tokenizer;
    EXPECT_EQ(ids_of(tokenizer, "a", {.add_special = true}), (Ids{kCls, p.a, kSep})) << c.name;
    EXPECT_EQ(ids_of(tokenizer, "", {.add_special = true}), (Ids{kCls, kSep})) << c.name;
    EXPECT_TRUE(tokenizer.adds_bos()) << c.name;
    EXPECT_EQ(tokenizer.bos(), kCls) << c.name;
    EXPECT_EQ(tokenizer.eos(), kSep) << c.name;
  }
}

// The keys of older files, and BERT's own ids where there is no key.
TEST(WordPieceTokenizer, WhereSpecialTokensAreFound) {
  TokenizerFile file;
  file.model = "bert";
  for (int id = 0; id < 104; ++id) file.add("[token" + std::to_string(id) + "]");
  struct Case {
    const char* name;
    std::function<void(GgufBuilder&)> add;
    Ids ids;
  };
  const Case cases[] = {
      {"no keys", [](GgufBuilder&) {}, {101, 100, 102}},
      {"cls_token_id",
       [](GgufBuilder& more) { more.u32("tokenizer.ggml.cls_token_id", 5); },
       {5, 100, 102}},
      {"bos_token_id before it",
       [](GgufBuilder& more) {
         more.u32("tokenizer.ggml.cls_token_id", 5).u32("tokenizer.ggml.bos_token_id", 6);
       },
       {6, 100, 102}},
      {"the others",
       [](GgufBuilder& more) {
         more.u32("tokenizer.ggml.seperator_token_id", 7).u32("tokenizer.ggml.unknown_token_id", 8);
       },
       {101, 8, 7}},
  };
  for (const Case& c : cases) {
    TokenizerFile changed = file;
    c.add(changed.more);
    const LoadedTokenizer loaded = load_valid(changed);
    ASSERT_NE(loaded.tokenizer, nullptr) << c.name;
    EXPECT_EQ(ids_of(*loaded.tokenizer, "x", {.add_special = true}), c.ids) << c.name;
  }
}

TEST(WordPieceTokenizer, LeavesCaseAndAccentsWhereTheFileSaysSo) {
  struct Case {
    const char* name;
    std::function<void(GgufBuilder&)> add;
    std::function<Token(const Pieces&)> id;    // of "À"
    std::function<Ids(const Pieces&)> marked;  // of "a" and an accent
  };
  constexpr std::string_view kLowercase = "tokenizer.ggml.normalizer.lowercase";
  constexpr std::string_view kStripAccents = "tokenizer.ggml.normalizer.strip_accents";
  const auto without = [](const Pieces& p) { return Ids{p.a}; };
  const auto with = [](const Pieces& p) { return Ids{p.a, p.mark}; };
  const Case cases[] = {
      {"no keys", [](GgufBuilder&) {}, [](const Pieces& p) { return p.a; }, without},
      {"accents", [=](GgufBuilder& more) { more.boolean(kStripAccents, false); },
       [](const Pieces& p) { return p.accented_a; }, with},
      {"case",
       [=](GgufBuilder& more) { more.boolean(kLowercase, false).boolean(kStripAccents, true); },
       [](const Pieces& p) { return p.capital_a; }, without},
      {"case, and with it accents", [=](GgufBuilder& more) { more.boolean(kLowercase, false); },
       [](const Pieces& p) { return p.both; }, with},
  };
  for (const Case& c : cases) {
    Pieces p;
    c.add(p.file.more);
    const LoadedTokenizer loaded = load_valid(p.file);
    ASSERT_NE(loaded.tokenizer, nullptr) << c.name;
    EXPECT_EQ(plain_ids(loaded, "À"), (Ids{c.id(p)})) << c.name;
    EXPECT_EQ(plain_ids(loaded, "a\u0301"), c.marked(p)) << c.name;
  }
}

TEST(WordPieceTokenizer, Decodes) {
  const Pieces p;
  const LoadedTokenizer loaded = load_valid(p.file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  struct Case {
    const char* name;
    Ids ids;
    const char* text;
  };
  const Case cases[] = {
      {"nothing", {}, ""},
      {"words, without the first space", {p.play, p.ing, p.a}, "playing a"},
      {"special tokens", {kCls, p.a, kUnknown, kSep}, "[CLS] a[UNK][SEP]"},
      {"user-defined", {p.tag}, "<tag>"},
      {"unused", {p.unused, p.a}, " a"},
  };
  for (const Case& c : cases) {
    const auto text = loaded.tokenizer->decode(c.ids, /*special=*/true);
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(std::string_view(text->data(), text->size()), c.text) << c.name;
  }
  EXPECT_EQ(bytes_of(*loaded.tokenizer, {kCls, p.a, kSep}, false), " a");
}

// Time that grows as the square of a word's length would take days.
TEST(WordPieceTokenizer, LongTextsTakeTimeByTheirLength) {
  constexpr size_t kBytes = 1 << 20;
  const Pieces p;
  const LoadedTokenizer loaded = load_valid(p.file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  struct Case {
    const char* name;
    std::string_view unit;
    size_t n_ids;
    Token last;
    std::string_view end = "";
  };
  const Case cases[] = {
      {"a letter", "a", kBytes / 2 + 1, p.more_a},
      {"a letter that a word cannot begin with", "l", 1, kUnknown},
      {"a word whose last letter is no piece", "a", 1, kUnknown, "x"},
      {"spaces", " ", 0, kUnknown},
      {"CJK", "中", kBytes / 3, p.cjk},
      {"punctuation", ".", kBytes, p.point},
      {"what vanishes", "\ufffd", 0, kUnknown},
      {"words", "b ", kBytes / 2, p.word_b},
  };
  for (const Case& c : cases) {
    std::string text;
    while (text.size() + c.unit.size() <= kBytes) text += c.unit;
    const Ids ids = plain_ids(loaded, text += c.end);
    ASSERT_EQ(ids.size(), c.n_ids) << c.name;
    if (!ids.empty()) EXPECT_EQ(ids.back(), c.last) << c.name;
  }
}

TEST(WordPieceTokenizer, VocabulariesThatAreWrong) {
  struct Case {
    const char* name;
    std::function<void(TokenizerFile&)> change;
    const char* says;  // a part of the message
    StatusCode code = StatusCode::kInvalidFile;
  };
  const auto set_id = [](const char* key, uint32_t id) {
    return [=](TokenizerFile& f) { f.more = GgufBuilder().u32(key, id); };
  };
  const Case cases[] = {
      {"no tokens", [](TokenizerFile& f) { f.texts.clear(); }, "The vocabulary is empty"},
      {"too few tokens for BERT's ids", [](TokenizerFile& f) { f.more = GgufBuilder(); },
       "\"tokenizer.ggml.bos_token_id\" is missing, and BERT's 101 is out of range"},
      {"[SEP] missing", set_id("tokenizer.ggml.bos_token_id", 1),
       "\"tokenizer.ggml.seperator_token_id\" is missing, and BERT's 102"},
      {"[CLS] out of range", set_id("tokenizer.ggml.bos_token_id", 31),
       "bos_token_id\" is 31, but the vocabulary has only 31 tokens"},
      {"[CLS] out of range in an older file", set_id("tokenizer.ggml.cls_token_id", 31),
       "cls_token_id\" is 31"},
      {"[SEP] out of range",
       [](TokenizerFile& f) {
         f.more = GgufBuilder()
                      .u32("tokenizer.ggml.bos_token_id", 1)
                      .u32("tokenizer.ggml.seperator_token_id", 400);
       },
       "seperator_token_id\" is 400"},
      {"[UNK] out of range",
       [](TokenizerFile& f) {
         f.more = GgufBuilder()
                      .u32("tokenizer.ggml.bos_token_id", 1)
                      .u32("tokenizer.ggml.seperator_token_id", 2)
                      .u32("tokenizer.ggml.unknown_token_id", 0xffffffffu);
       },
       "unknown_token_id\" is 4294967295"},
      {"a type out of range", [](TokenizerFile& f) { f.types[5] = 0; }, "Token 5 has the type 0"},
      {"a type too few", [](TokenizerFile& f) { f.types.pop_back(); },
       "\"tokenizer.ggml.token_type\" has 30 elements, but there are 31 tokens"},
      {"a piece that is too long", [](TokenizerFile& f) { f.texts[5] = std::string(513, 'a'); },
       "Token 5 has 513 bytes; pipit accepts at most 512 in a WordPiece vocabulary",
       StatusCode::kLimitExceeded},
  };
  for (const Case& c : cases) {
    Pieces p;
    ASSERT_EQ(p.file.texts.size(), 31);
    c.change(p.file);
    const auto loaded = load_tokenizer(p.file.build());
    ASSERT_FALSE(loaded.ok()) << c.name;
    EXPECT_EQ(loaded.status().code(), c.code) << c.name;
    EXPECT_NE(loaded.status().message().find(c.says), std::string::npos)
        << c.name << ": " << loaded.status().message();
  }
}

TEST(WordPieceTokenizer, OddVocabulariesThatAreRight) {
  Pieces p;
  const Token twice = p.file.add("\u2581play");
  p.file.texts[4] = "";  // "ing"
  const Token long_piece = p.file.add("\u2581" + std::string(509, 'x'));
  const LoadedTokenizer loaded = load_valid(p.file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  EXPECT_EQ(plain_ids(loaded, "play"), (Ids{twice})) << "of equal pieces the last";
  EXPECT_EQ(plain_ids(loaded, "playing"), (Ids{kUnknown})) << "an empty piece";
  EXPECT_EQ(plain_ids(loaded, std::string(509, 'x') + "b"), (Ids{long_piece, p.b}));
}

TEST(WordPieceTokenizer, EveryFailedAllocationIsAnError) {
  const auto gguf = testing::parse_gguf(Pieces().file.build());
  ASSERT_TRUE(gguf.ok());
  const std::string text = "\xff <tag>play " + std::string(5000, 'a') + " 中";
  constexpr int kMoreThanThereAre = 200;
  int n_failed = 0;
  for (int n = 0; n <= kMoreThanThereAre; ++n) {
    fail_allocation_after(n);
    const auto tokenizer = Tokenizer::create(**gguf);
    const Status status =
        tokenizer.ok() ? (*tokenizer)->encode(text, {}).status() : tokenizer.status();
    fail_allocation_after(-1);
    if (status.ok()) continue;  // an array may do with less than it asked for first
    ASSERT_EQ(status.code(), StatusCode::kOutOfMemory) << n;
    ASSERT_LT(n, kMoreThanThereAre);
    ++n_failed;
  }
  EXPECT_GT(n_failed, 5);
}

}  // namespace
}  // namespace pipit
