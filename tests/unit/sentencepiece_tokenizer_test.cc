// The sentencepiece tokenizer: pieces, spaces, bytes, special tokens, and vocabularies that are
// wrong.
#include "tokenizer/sentencepiece_tokenizer.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
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

// The id of a byte's token.
constexpr Token byte(int value) { return 3 + value; }

struct Pieces {
  TokenizerFile file = TokenizerFile::of_pieces();
  Token ab = file.piece("ab");
  Token bc = file.piece("bc");
  Token space_a = file.piece("\u2581a");
  Token two_spaces = file.piece("\u2581\u2581");
  Token space = file.piece("\u2581");
  Token a = file.piece("a");
  Token b = file.piece("b");
  Token c = file.piece("c");
  Token e = file.piece("é");
  Token tag = file.piece("<tag>", TokenType::kUserDefined);
  Token tabs = file.piece("\t\t", TokenType::kUserDefined);
  Token spaces = file.piece("    ", TokenType::kUserDefined);
  Token dc = file.piece("dc", TokenType::kUnused);
  Token d = file.piece("d");
  Token stop = file.piece("<stop>", TokenType::kControl);
};

TEST(SentencePieceTokenizer, Encodes) {
  Pieces p;
  p.file.more.boolean("tokenizer.ggml.add_space_prefix", false);
  const LoadedTokenizer loaded = load_valid(p.file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  EXPECT_EQ(loaded.tokenizer->name(), "sentencepiece");
  EXPECT_TRUE(loaded.tokenizer->adds_bos());
  struct Case {
    const char* name;
    const char* text;
    Ids ids;
    Ids special = {};  // with parse_special, where that differs
  };
  const Case cases[] = {
      {"nothing", "", {}},
      {"a piece", "ab", {p.ab}},
      {"the best score merges first", "abc", {p.ab, p.c}},
      {"of equal pairs the leftmost", "bcbc", {p.bc, p.bc}},
      {"a space belongs to the next word", "ab a", {p.ab, p.space_a}},
      {"spaces are kept", "a   b", {p.a, p.two_spaces, p.space, p.b}},
      {"at the begin and the end", " a ", {p.space_a, p.space}},
      {"a character of two bytes", "é", {p.e}},
      {"bytes of a character that is no piece", "aü", {p.a, byte(0xc3), byte(0xbc)}},
      {"a newline", "\n", {byte('\n')}},
      {"U+2581 itself", "\u2581a", {p.space_a}},
      {"the text of a byte token",
       "<0x0A>",
       {byte('<'), byte('0'), byte('x'), byte('0'), byte('A'), byte('>')}},
      {"user-defined", "a<tag>b", {p.a, p.tag, p.b}},
      {"user-defined, spaces", "a    b", {p.a, p.spaces, p.b}},
      {"user-defined, in pairs", "\t\t\t", {p.tabs, byte('\t')}},
      {"a merge reaches an unused piece, as in llama.cpp", "dc", {p.dc}},
      {"control",
       "a<stop>",
       {p.a, byte('<'), byte('s'), byte('t'), byte('o'), byte('p'), byte('>')},
       {p.a, p.stop}},
      {"invalid UTF-8", "a\xff", {p.a, byte(0xef), byte(0xbf), byte(0xbd)}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(plain_ids(loaded, c.text), c.ids) << c.name;
    EXPECT_EQ(plain_ids(loaded, c.text, true), c.special.empty() ? c.ids : c.special) << c.name;
  }
  EXPECT_EQ(ids_of(*loaded.tokenizer, "a", {.add_special = true}), (Ids{1, p.a}));
}

TEST(SentencePieceTokenizer, ASpaceInFrontOfATextAndBehindSpecialTokens) {
  Pieces p;  // whose file does not say whether; the default is true
  const LoadedTokenizer loaded = load_valid(p.file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  EXPECT_TRUE(loaded.tokenizer->adds_space_prefix());
  struct Case {
    const char* text;
    Ids ids;
    Ids going_on;  // from another text
  };
  const Case cases[] = {
      {"", {}, {}},
      {"a", {p.space_a}, {p.a}},
      {" a", {p.space, p.space_a}, {p.space_a}},
      {"b<tag>ab", {p.space, p.b, p.tag, p.space, p.ab}, {p.b, p.tag, p.space, p.ab}},
      {"<stop>a", {p.stop, p.space_a}, {p.stop, p.space_a}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(plain_ids(loaded, c.text, true), c.ids) << c.text;
    EXPECT_EQ(ids_of(*loaded.tokenizer, c.text,
                     {.add_special = false, .parse_special = true, .add_space_prefix = false}),
              c.going_on)
        << c.text;
  }
}

TEST(SentencePieceTokenizer, Decodes) {
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
      {"without the first space", {p.space_a, p.space_a}, "a a"},
      {"one space alone", {p.two_spaces, p.a}, " a"},
      {"a space that is no prefix", {1, p.space_a}, "<s> a"},
      {"bytes", {byte(0xc3), byte(0xbc)}, "ü"},
      {"a byte that is a space", {byte(' '), p.a}, "a"},
      {"user-defined", {p.tag, p.spaces}, "<tag>    "},
      {"unused", {p.dc, p.a}, "a"},
  };
  for (const Case& c : cases) {
    const auto text = loaded.tokenizer->decode(c.ids, /*special=*/true);
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(std::string_view(text->data(), text->size()), c.text) << c.name;
  }
  EXPECT_EQ(bytes_of(*loaded.tokenizer, {p.space_a, p.stop}, false), " a") << "a part of a stream";
}

// What is cut into portions has the ids of the whole.
TEST(SentencePieceTokenizer, LongTextsAreCutWhereNoMergeReachesAcross) {
  constexpr int kUnits = 5000;
  Pieces p;
  const LoadedTokenizer divisible = load_valid(p.file);
  const Token across = p.file.piece("c\u2581a");  // it merges across the begin of a word
  const LoadedTokenizer whole = load_valid(p.file);
  ASSERT_TRUE(divisible.tokenizer != nullptr && whole.tokenizer != nullptr);
  struct Case {
    const char* name;
    const LoadedTokenizer& loaded;
    const char* unit;
    Ids first;  // the ids of a "b" and the first unit, of the others, and at the end
    Ids next;
    Ids last;
  };
  const Case cases[] = {
      {"words", divisible, " ac", {p.space, p.b, p.space_a, p.c}, {p.space_a, p.c}, {}},
      {"U+2581 before a space",
       divisible,
       "b\u2581 ",
       {p.space, p.b, p.b, p.two_spaces},
       {p.b, p.two_spaces},
       {}},
      {"a piece across words", whole, " ac", {p.space, p.b, p.space_a}, {across}, {p.c}},
  };
  for (const Case& c : cases) {
    std::string text = "b";
    Ids ids = c.first;
    for (int i = 0; i < kUnits; ++i) {
      text += c.unit;
      if (i > 0) ids.insert(ids.end(), c.next.begin(), c.next.end());
    }
    ids.insert(ids.end(), c.last.begin(), c.last.end());
    EXPECT_EQ(plain_ids(c.loaded, text), ids) << c.name;
  }
}

TEST(SentencePieceTokenizer, WithoutByteTokens) {
  TokenizerFile file;
  file.model = "llama";
  file.piece("a");
  const Token unknown = file.piece("<unk>", TokenType::kControl);  // as converters write it
  file.more.u32("tokenizer.ggml.unknown_token_id", static_cast<uint32_t>(unknown))
      .boolean("tokenizer.ggml.add_space_prefix", false);
  const LoadedTokenizer loaded = load_valid(file);
  ASSERT_NE(loaded.tokenizer, nullptr);
  EXPECT_EQ(plain_ids(loaded, "axyza"), (Ids{0, unknown, 0}));
  EXPECT_EQ(bytes_of(*loaded.tokenizer, {0, unknown}, false), "a");
}

TEST(SentencePieceTokenizer, VocabulariesThatAreWrong) {
  struct Case {
    const char* name;
    std::function<void(TokenizerFile&)> change;
    const char* says;  // a part of the message
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Case cases[] = {
      {"no scores", [](TokenizerFile& f) { f.scores.clear(); },
       "\"tokenizer.ggml.scores\" is missing"},
      {"a score too few", [](TokenizerFile& f) { f.scores.pop_back(); }, "its 274 tokens"},
      {"a score too many", [](TokenizerFile& f) { f.scores.push_back(0); }, "has 275"},
      {"a score that is no number", [=](TokenizerFile& f) { f.scores[259] = kNan; },
       "Token 259 (\"ab\") has the score"},
      {"an infinite score", [=](TokenizerFile& f) { f.scores[260] = -kInfinity; }, "score -inf"},
      {"an empty piece", [](TokenizerFile& f) { f.texts[261] = ""; }, "Token 261 is empty"},
      {"an empty control token", [](TokenizerFile& f) { f.texts[1] = ""; }, "Token 1 is empty"},
      {"two pieces with one text", [](TokenizerFile& f) { f.piece("ab"); },
       "tokens 259 and 274 have the same text, \"ab\""},
      {"two control tokens with one text",
       [](TokenizerFile& f) { f.piece("</s>", TokenType::kControl); }, "tokens 2 and 274"},
      {"a byte missing", [](TokenizerFile& f) { f.types[3 + 0x41] = 3; },
       "255 of 256 byte tokens; the one for byte 65"},
      {"a byte twice", [](TokenizerFile& f) { f.texts[4] = "<0x00>"; }, "Token 4 (\"<0x00>\")"},
      {"a byte that is none", [](TokenizerFile& f) { f.texts[4] = "<0x1>"; }, "like \"<0x0A>\""},
      {"a byte in small letters", [](TokenizerFile& f) { f.texts[13] = "<0x0a>"; }, "Token 13"},
      {"an unknown token out of range",
       [](TokenizerFile& f) {
         f.more = GgufBuilder();
         f.more.u32("tokenizer.ggml.unknown_token_id", 274);
       },
       "unknown_token_id\" is 274"},
      {"an unknown token that is a word",
       [](TokenizerFile& f) {
         f.more = GgufBuilder();
         f.more.u32("tokenizer.ggml.unknown_token_id", 259);
       },
       "Token 259 (\"ab\") is \"tokenizer.ggml.unknown_token_id\""},
      {"a type out of range", [](TokenizerFile& f) { f.types[5] = 7; }, "Token 5 has the type 7"},
      {"a type too few", [](TokenizerFile& f) { f.types.pop_back(); },
       "\"tokenizer.ggml.token_type\" has 273 elements, but there are 274 tokens"},
      {"no tokens",
       [](TokenizerFile& f) {
         f = TokenizerFile();
         f.model = "llama";
       },
       "The vocabulary is empty"},
      {"scores that are integers",
       [](TokenizerFile& f) {
         f.more.array("tokenizer.ggml.scores", std::vector<int32_t>(f.texts.size()));
         f.scores.clear();
       },
       "\"tokenizer.ggml.scores\""},
  };
  for (const Case& c : cases) {
    Pieces p;
    c.change(p.file);
    const auto loaded = load_tokenizer(p.file.build());
    ASSERT_FALSE(loaded.ok()) << c.name;
    EXPECT_EQ(loaded.status().code(), StatusCode::kInvalidFile) << c.name;
    EXPECT_NE(loaded.status().message().find(c.says), std::string::npos)
        << c.name << ": " << loaded.status().message();
  }
}

TEST(SentencePieceTokenizer, EveryFailedAllocationIsAnError) {
  const auto gguf = testing::parse_gguf(Pieces().file.build());
  ASSERT_TRUE(gguf.ok());
  const std::string text = std::string(5000, ' ') + "\xff <tag>ab" + std::string(5000, 'a');
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

#ifdef __EMSCRIPTEN__
// What the library itself cannot allocate.
TEST(SentencePieceTokenizer, TheLibraryWithoutMemoryIsAnError) {
  const auto gguf = testing::parse_gguf(Pieces().file.build());
  ASSERT_TRUE(gguf.ok());
  const auto tokenizer = Tokenizer::create(**gguf);
  ASSERT_TRUE(tokenizer.ok());
  const std::string text(1 << 20,
                         'a');  // for which the library needs more than a hundred megabytes

  std::vector<void*> taken;
  taken.reserve(1 << 12);
  for (size_t n = size_t{64} << 20; n >= size_t{8} << 20; n /= 2) {
    while (void* memory = std::malloc(n)) taken.push_back(memory);
  }
  const Status status = (*tokenizer)->encode(text, {}).status();
  for (void* memory : taken) std::free(memory);
  EXPECT_EQ(status.code(), StatusCode::kOutOfMemory) << status.message();
  EXPECT_TRUE((*tokenizer)->encode("ab", {}).ok());
}
#endif

}  // namespace
}  // namespace pipit
