// The tokenizer as a whole: special tokens, begin and end, bytes of tokens, files that are wrong.
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "support/tokenizer_files.h"
#include "tokenizer/piece_table.h"
#include "tokenizer/special_tokens.h"

namespace pipit {
namespace {

using testing::byte_level;
using testing::bytes_of;
using testing::GgufBuilder;
using testing::ids_of;
using testing::load_tokenizer;
using testing::TokenizerFile;
using Ids = std::vector<Token>;

// 0 to 255: bytes; 256: "ab"; then the special tokens.
constexpr Token kAb = 256, kBos = 257, kEnd = 258, kStart = 259, kTwo = 260, kFour = 261,
                kTag = 262, kUnk = 263;

TokenizerFile special_file(std::string_view pre = "gpt-2") {
  TokenizerFile file = TokenizerFile::of_bytes(pre);
  file.merge("a", "b");
  file.add("<s>", TokenType::kControl);
  file.add("<|im_end|>", TokenType::kControl);
  file.add("<|im_start|>", TokenType::kControl);
  file.add("  ", TokenType::kUserDefined);
  file.add("    ", TokenType::kUserDefined);
  file.add("<tag>", TokenType::kUserDefined);
  file.add("<unk>", TokenType::kUnknown);
  file.more.u32("tokenizer.ggml.bos_token_id", kBos).u32("tokenizer.ggml.eos_token_id", kEnd);
  return file;
}

// `n` texts whose FNV-1a hashes, that of PieceTable, are all equal: of two blocks that lead from
// one state to the same next one, either may be chosen, and so on from there (Joux, CRYPTO 2004).
std::vector<std::string> texts_of_one_hash(size_t n) {
  std::vector<std::string> texts = {""};
  uint32_t state = 0x811c9dc5u;
  while (texts.size() < n) {
    std::map<uint32_t, std::string> block_to;
    for (uint32_t number = 0;; ++number) {
      std::string block;
      for (int shift = 0; shift < 32; shift += 4) {
        block += static_cast<char>('a' + (number * 0x9e3779b1u >> shift & 15));
      }
      uint32_t next = state;
      for (const char c : block) next = (next ^ static_cast<uint8_t>(c)) * 0x01000193u;
      const auto [other, is_new] = block_to.emplace(next, block);
      if (is_new) continue;
      std::vector<std::string> longer;
      for (const std::string& text : texts) {
        longer.push_back(text + block);
        longer.push_back(text + other->second);
      }
      texts = longer;
      state = next;
      break;
    }
  }
  texts.resize(n);
  return texts;
}

Ids operator+(Ids a, const Ids& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Ids bytes(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Tokenizer, SpecialTokens) {
  const auto loaded = load_tokenizer(special_file().build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  struct Case {
    const char* name;
    const char* text;
    Ids plain;    // parse_special = false
    Ids special;  // parse_special = true
  };
  const Case cases[] = {
      {"nothing", "", {}, {}},
      {"no special token", "ab", {kAb}, {kAb}},
      {"control alone", "<s>", bytes("<s>"), {kBos}},
      {"control between text",
       "ab<|im_end|>ab",
       Ids{kAb} + bytes("<|im_end|>") + Ids{kAb},
       {kAb, kEnd, kAb}},
      {"control twice", "<s><s>", bytes("<s><s>"), {kBos, kBos}},
      {"control, one of two with a common begin",
       "<|im_start|>ab",
       bytes("<|im_start|>") + Ids{kAb},
       {kStart, kAb}},
      {"control, cut short", "<|im_end|", bytes("<|im_end|"), bytes("<|im_end|")},
      {"control, but for one letter", "<|im_enx|>", bytes("<|im_enx|>"), bytes("<|im_enx|>")},
      {"begin of another", "<|im_<s>", bytes("<|im_<s>"), bytes("<|im_") + Ids{kBos}},
      {"unknown", "<unk>", bytes("<unk>"), {kUnk}},
      {"user-defined", "ab<tag>ab", {kAb, kTag, kAb}, {kAb, kTag, kAb}},
      {"the longest", "     a", {kFour, ' ', 'a'}, {kFour, ' ', 'a'}},
      {"long, short, rest", "       a", {kFour, kTwo, ' ', 'a'}, {kFour, kTwo, ' ', 'a'}},
      {"both kinds", "<s>  <tag>", bytes("<s>") + Ids{kTwo, kTag}, {kBos, kTwo, kTag}},
      {"pieces end at special tokens", "a<tag>b", {'a', kTag, 'b'}, {'a', kTag, 'b'}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ids_of(*loaded->tokenizer, c.text), c.plain) << c.name;
    EXPECT_EQ(ids_of(*loaded->tokenizer, c.text, {.parse_special = true}), c.special) << c.name;
    EXPECT_EQ(bytes_of(*loaded->tokenizer, c.special), c.text) << c.name;
  }
}

TEST(Tokenizer, OfSpecialTokensWithOneTextTheLastCounts) {
  TokenizerFile file = special_file();
  const Token last = file.add("<tag>", TokenType::kUserDefined);
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "<tag>"), Ids{last});
}

TEST(Tokenizer, InvalidUtf8IsReplaced) {
  const auto loaded = load_tokenizer(special_file().build());
  ASSERT_TRUE(loaded.ok());
  struct Case {
    const char* text;
    const char* expected;
  };
  const Case cases[] = {
      {"a\xffz", "a\xef\xbf\xbdz"},
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"a\xf0\x9f\x98", "a\xef\xbf\xbd"},
      {"\xe2\x82<tag>", "\xef\xbf\xbd<tag>"},
  };
  for (const Case& c : cases) {
    const Ids ids = ids_of(*loaded->tokenizer, c.text);
    EXPECT_EQ(bytes_of(*loaded->tokenizer, ids), c.expected);
    EXPECT_EQ(ids, ids_of(*loaded->tokenizer, c.expected));
  }
}

TEST(Tokenizer, BeginAndEnd) {
  struct Case {
    const char* name;
    const char* pre;
    std::function<void(GgufBuilder&)> keys;
    bool adds_bos;
    Ids expected;  // of "ab"
  };
  const auto none = [](GgufBuilder&) {};
  const Case cases[] = {
      {"GPT-2: no", "gpt-2", none, false, {kAb}},
      {"SmolLM: no", "smollm", none, false, {kAb}},
      {"Qwen 2: no", "qwen2", none, false, {kAb}},
      {"Llama 3: yes", "llama-bpe", none, true, {kBos, kAb}},
      {"the file says no",
       "llama-bpe",
       [](GgufBuilder& b) { b.boolean("tokenizer.ggml.add_bos_token", false); },
       false,
       {kAb}},
      {"the file says yes",
       "gpt-2",
       [](GgufBuilder& b) { b.boolean("tokenizer.ggml.add_bos_token", true); },
       true,
       {kBos, kAb}},
      {"the end too",
       "gpt-2",
       [](GgufBuilder& b) { b.boolean("tokenizer.ggml.add_eos_token", true); },
       false,
       {kAb, kEnd}},
  };
  for (const Case& c : cases) {
    TokenizerFile file = special_file(c.pre);
    c.keys(file.more);
    const auto loaded = load_tokenizer(file.build());
    ASSERT_TRUE(loaded.ok()) << c.name << loaded.status().message();
    EXPECT_EQ(loaded->tokenizer->adds_bos(), c.adds_bos) << c.name;
    EXPECT_EQ(loaded->tokenizer->bos(), kBos) << c.name;
    EXPECT_EQ(loaded->tokenizer->eos(), kEnd) << c.name;
    EXPECT_EQ(ids_of(*loaded->tokenizer, "ab"), c.expected) << c.name;
    EXPECT_EQ(ids_of(*loaded->tokenizer, "ab", {.add_special = false}), Ids{kAb}) << c.name;
  }
}

TEST(Tokenizer, WithoutABeginTokenNoneIsAdded) {
  TokenizerFile file = TokenizerFile::of_bytes("llama-bpe");
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_FALSE(loaded->tokenizer->adds_bos());
  EXPECT_FALSE(loaded->tokenizer->bos().has_value());
  EXPECT_FALSE(loaded->tokenizer->eos().has_value());
  EXPECT_EQ(ids_of(*loaded->tokenizer, "a"), Ids{'a'});
}

TEST(Tokenizer, WhatEndsGeneration) {
  struct Case {
    const char* text;
    TokenType type;
    const char* key;  // whose value is the token's id; or nullptr
    bool ends;
    TokenType expected;
  };
  constexpr auto kNormal = TokenType::kNormal;
  constexpr auto kControl = TokenType::kControl;
  constexpr auto kUserDefined = TokenType::kUserDefined;
  const Case cases[] = {
      {"plain", kNormal, nullptr, false, kNormal},
      {"<other>", kControl, nullptr, false, kControl},
      {"<other>", kControl, "tokenizer.ggml.eos_token_id", true, kControl},
      {"plain", kNormal, "tokenizer.ggml.eos_token_id", true, kNormal},
      {"<other>", kControl, "tokenizer.ggml.eot_token_id", true, kControl},
      {"<other>", kControl, "tokenizer.ggml.eom_token_id", true, kControl},
      {"<other>", kControl, "tokenizer.ggml.bos_token_id", false, kControl},
      {"<|im_end|>", kControl, nullptr, true, kControl},
      {"<|im_end|>", kNormal, nullptr, true, kControl},
      {"<|endoftext|>", kUserDefined, nullptr, true, kControl},
      {"<|eot_id|>", kControl, nullptr, true, kControl},
      {"<end_of_turn>", kControl, nullptr, true, kControl},
      {"[EOS]", kControl, nullptr, true, kControl},
      {"_<EOT>", kControl, nullptr, true, kControl},
      {"<|im_start|>", kControl, nullptr, false, kControl},
      {"<|fim_prefix|>", kUserDefined, nullptr, false, kControl},
      {"<|fim_pad|>", kUserDefined, nullptr, true, kControl},
      {"<|repo_name|>", kControl, nullptr, true, kControl},
      {"<|file_sep|>", kNormal, nullptr, true, kControl},
      {"<|file_sep|>", kNormal, "tokenizer.ggml.fim_sep_token_id", true, kNormal},
      {"<other>", kControl, "tokenizer.ggml.fim_sep_token_id", true, kControl},
  };
  for (const Case& c : cases) {
    TokenizerFile file = TokenizerFile::of_bytes();
    const Token id = file.add(c.text, c.type);
    if (c.key != nullptr) file.more.u32(c.key, static_cast<uint32_t>(id));
    const auto loaded = load_tokenizer(file.build());
    ASSERT_TRUE(loaded.ok()) << c.text << loaded.status().message();
    EXPECT_EQ(loaded->tokenizer->is_end_of_generation(id), c.ends) << c.text;
    EXPECT_EQ(loaded->tokenizer->type(id), c.expected) << c.text;
    EXPECT_FALSE(loaded->tokenizer->is_end_of_generation('a')) << c.text;
  }
}

TEST(Tokenizer, BytesOfATokenByItsType) {
  struct Case {
    const char* name;
    std::string text;
    TokenType type;
    std::string plain;    // special = false
    std::string special;  // special = true
  };
  const Case cases[] = {
      {"normal", byte_level(" caf\xc3\xa9\n"), TokenType::kNormal, " caf\xc3\xa9\n",
       " caf\xc3\xa9\n"},
      {"half a character", byte_level("\xc3"), TokenType::kNormal, "\xc3", "\xc3"},
      {"not of the alphabet", "\u4e2d ", TokenType::kNormal, "\u4e2d ", "\u4e2d "},
      {"not UTF-8", "\xff", TokenType::kNormal, "\xff", "\xff"},
      {"control", "<|x|>", TokenType::kControl, "", "<|x|>"},
      {"unknown", "<unk>", TokenType::kUnknown, "", "<unk>"},
      {"user-defined, literally", "\u0120 x", TokenType::kUserDefined, "\u0120 x", "\u0120 x"},
      {"unused", "<unused>", TokenType::kUnused, "", ""},
      {"byte", "<0x0A>", TokenType::kByte, "\n", "\n"},
      {"no byte: a sign", "<0x-1>", TokenType::kByte, "<0x-1>", "<0x-1>"},
      {"no byte: too short", "<0xA>", TokenType::kByte, "<0xA>", "<0xA>"},
      {"empty", "", TokenType::kNormal, "", ""},
  };
  for (const Case& c : cases) {
    TokenizerFile file = TokenizerFile::of_bytes();
    const Token id = file.add(c.text, c.type);
    const auto loaded = load_tokenizer(file.build());
    ASSERT_TRUE(loaded.ok()) << c.name << loaded.status().message();
    EXPECT_EQ(bytes_of(*loaded->tokenizer, {id}, /*special=*/false), c.plain) << c.name;
    EXPECT_EQ(bytes_of(*loaded->tokenizer, {id}, /*special=*/true), c.special) << c.name;
  }
}

TEST(Tokenizer, EveryByteRoundTrips) {
  for (const char* pre : {"gpt-2", "smollm", "llama-bpe", "qwen2"}) {
    const auto loaded = load_tokenizer(TokenizerFile::of_bytes(pre).build());
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded->tokenizer->n_vocab(), 256);
    EXPECT_EQ(loaded->tokenizer->name(), std::string("bpe/") + pre);
    for (Token id = 0; id < 256; ++id) {
      EXPECT_EQ(bytes_of(*loaded->tokenizer, {id}), std::string(1, static_cast<char>(id)));
    }
    const std::string text = "The \u00e9\u4e2d\U0001f600 1234\r\n\t end  ";
    EXPECT_EQ(bytes_of(*loaded->tokenizer, ids_of(*loaded->tokenizer, text)), text);
  }
}

TEST(Tokenizer, FilesThatAreWrong) {
  struct Case {
    const char* name;
    std::function<std::vector<uint8_t>()> file;
    StatusCode code;
    const char* says;  // a part of the message
  };
  const auto with = [](const std::function<void(TokenizerFile&)>& change) {
    return [change] {
      TokenizerFile file = special_file();
      change(file);
      return file.build();
    };
  };
  const auto with_id = [&](const char* key) {
    return with([key](TokenizerFile& f) {
      f.more = GgufBuilder();
      f.more.u32(key, static_cast<uint32_t>(f.texts.size()));
    });
  };
  const auto without_types = [](const std::function<void(GgufBuilder&)>& add) {
    return [add] {
      GgufBuilder builder;
      builder.string("tokenizer.ggml.model", "gpt2")
          .string("tokenizer.ggml.pre", "gpt-2")
          .strings("tokenizer.ggml.tokens", {"a"})
          .strings("tokenizer.ggml.merges", {});
      add(builder);
      return builder.build();
    };
  };
  constexpr auto kInvalid = StatusCode::kInvalidFile;
  constexpr auto kUnsupported = StatusCode::kUnsupported;
  const Case cases[] = {
      {"no metadata", [] { return GgufBuilder().build(); }, kInvalid, "tokenizer.ggml.model"},
      {"another kind", with([](TokenizerFile& f) { f.model = "rwkv"; }), kUnsupported, "\"rwkv\""},
      {"another pre-tokenizer", with([](TokenizerFile& f) { f.pre = "viking"; }), kUnsupported,
       "\"viking\""},
      {"which names those it knows", with([](TokenizerFile& f) { f.pre = "viking"; }), kUnsupported,
       "smollm"},
      {"no pre-tokenizer",
       [] { return GgufBuilder().string("tokenizer.ggml.model", "gpt2").build(); }, kUnsupported,
       "tokenizer.ggml.pre"},
      {"no tokens",
       [] {
         return GgufBuilder()
             .string("tokenizer.ggml.model", "gpt2")
             .string("tokenizer.ggml.pre", "gpt-2")
             .build();
       },
       kInvalid, "vocabulary is empty"},
      {"an empty vocabulary", [] { return TokenizerFile().build(); }, kInvalid,
       "vocabulary is empty"},
      {"tokens that are numbers",
       [] {
         return GgufBuilder()
             .string("tokenizer.ggml.model", "gpt2")
             .string("tokenizer.ggml.pre", "gpt-2")
             .array<int32_t>("tokenizer.ggml.tokens", {1})
             .build();
       },
       kInvalid, "tokenizer.ggml.tokens"},
      {"a type too few", with([](TokenizerFile& f) { f.types.pop_back(); }), kInvalid,
       "263 elements"},
      {"a type too many", with([](TokenizerFile& f) { f.types.push_back(1); }), kInvalid,
       "265 elements"},
      {"type 0", with([](TokenizerFile& f) { f.types[3] = 0; }), kInvalid,
       "Token 3 has the type 0"},
      {"type 7", with([](TokenizerFile& f) { f.types[3] = 7; }), kInvalid,
       "Token 3 has the type 7"},
      {"type -1", with([](TokenizerFile& f) { f.types[3] = -1; }), kInvalid,
       "Token 3 has the type -1"},
      {"types that are floats", without_types([](GgufBuilder& b) {
         b.array("tokenizer.ggml.token_type", std::vector<float>{1});
       }),
       kInvalid, "an array of 1 F32 elements"},
      {"types that are one number",
       without_types([](GgufBuilder& b) { b.u32("tokenizer.ggml.token_type", 1); }), kInvalid,
       "\"tokenizer.ggml.token_type\""},
      {"BOS out of range", with_id("tokenizer.ggml.bos_token_id"), kInvalid, "bos_token_id"},
      {"EOS out of range", with_id("tokenizer.ggml.eos_token_id"), kInvalid, "is 264"},
      {"EOT out of range", with_id("tokenizer.ggml.eot_token_id"), kInvalid, "only 264 tokens"},
      {"EOM out of range", with_id("tokenizer.ggml.eom_token_id"), kInvalid, "eom_token_id"},
      {"a token of fill-in-the-middle out of range", with_id("tokenizer.ggml.fim_pad_token_id"),
       kInvalid, "\"tokenizer.ggml.fim_pad_token_id\" is 264"},
      {"an id below 0", with([](TokenizerFile& f) {
         f.more = GgufBuilder();
         f.more.i32("tokenizer.ggml.bos_token_id", -1);
       }),
       kInvalid, "bos_token_id"},
      {"an id that is a text", with([](TokenizerFile& f) {
         f.more = GgufBuilder();
         f.more.string("tokenizer.ggml.bos_token_id", "<s>");
       }),
       kInvalid, "bos_token_id"},
      {"BOS missing", with([](TokenizerFile& f) {
         f.more = GgufBuilder();
         f.more.boolean("tokenizer.ggml.add_bos_token", true);
       }),
       kInvalid, "add_bos_token"},
      {"EOS missing", with([](TokenizerFile& f) {
         f.more = GgufBuilder();
         f.more.boolean("tokenizer.ggml.add_eos_token", true);
       }),
       kInvalid, "add_eos_token"},
      {"add_bos_token is no bool",
       with([](TokenizerFile& f) { f.more.u32("tokenizer.ggml.add_bos_token", 1); }), kInvalid,
       "add_bos_token"},
      {"no merges",
       [] {
         return GgufBuilder()
             .string("tokenizer.ggml.model", "gpt2")
             .string("tokenizer.ggml.pre", "gpt-2")
             .strings("tokenizer.ggml.tokens", {"a"})
             .build();
       },
       kInvalid, "tokenizer.ggml.merges"},
      {"merges that are numbers",
       [] {
         return GgufBuilder()
             .string("tokenizer.ggml.model", "gpt2")
             .string("tokenizer.ggml.pre", "gpt-2")
             .strings("tokenizer.ggml.tokens", {"a"})
             .array<int32_t>("tokenizer.ggml.merges", {0, 0})
             .build();
       },
       kInvalid, "\"tokenizer.ggml.merges\""},
      {"a special token so long that a search for it at every byte takes hours",
       with([](TokenizerFile& f) {
         f.add(std::string(kMaxSpecialTokenBytes + 1, 'x'), TokenType::kUserDefined);
       }),
       StatusCode::kLimitExceeded, "513 bytes"},
      {"texts that all have one hash", with([](TokenizerFile& f) {
         for (const std::string& text : texts_of_one_hash(kMaxProbes + 1)) f.add(text);
       }),
       StatusCode::kLimitExceeded, "tokenizer.ggml.tokens"},
      {"the same in the merges", with([](TokenizerFile& f) {
         for (const std::string& text : texts_of_one_hash(kMaxProbes + 1)) {
           f.merges.push_back(text + " x");
         }
       }),
       StatusCode::kLimitExceeded, "tokenizer.ggml.merges"},
      {"a merge without a space", with([](TokenizerFile& f) { f.merges.push_back("ab"); }),
       kInvalid, "Merge 1 of"},
      {"an empty merge", with([](TokenizerFile& f) { f.merges.push_back(""); }), kInvalid,
       "Merge 1"},
      {"nothing to the right", with([](TokenizerFile& f) { f.merges.push_back("a "); }), kInvalid,
       "Merge 1"},
      {"nothing to the left", with([](TokenizerFile& f) { f.merges.push_back(" a"); }), kInvalid,
       "Merge 1"},
  };
  for (const Case& c : cases) {
    const auto loaded = load_tokenizer(c.file());
    ASSERT_FALSE(loaded.ok()) << c.name;
    EXPECT_EQ(loaded.status().code(), c.code) << c.name;
    EXPECT_NE(loaded.status().message().find(c.says), std::string::npos)
        << c.name << ": " << loaded.status().message();
  }
}

// What a flipped bit makes of a vocabulary is refused with a reason or works.
TEST(Tokenizer, NoBitFlipDoesHarm) {
  TokenizerFile pieces = TokenizerFile::of_pieces();
  pieces.piece("\u2581a");
  pieces.piece("b");
  TokenizerFile words = TokenizerFile::of_words();
  for (const char* text : {"\u2581a", "a", "ab", "\u2581中", "\u2581["}) words.add(text);
  const std::string text = "ab <s>[SEP]\xff中 a\u0301 <|im_end|>  é";
  for (const TokenizerFile& whole : {special_file(), pieces, words}) {
    std::vector<uint8_t> file = whole.build();
    ASSERT_TRUE(load_tokenizer(file).ok()) << whole.model;
    size_t n_refused = 0;
    for (size_t i = 0; i < file.size(); ++i) {
      const auto bit = static_cast<uint8_t>(1u << i % 8);
      file[i] ^= bit;
      const auto loaded = load_tokenizer(file);
      file[i] ^= bit;
      if (!loaded.ok()) {
        ++n_refused;
        EXPECT_FALSE(loaded.status().message().empty()) << whole.model << ", byte " << i;
        continue;
      }
      const Tokenizer& tokenizer = *loaded->tokenizer;
      for (const Token id : ids_of(tokenizer, text, {.parse_special = true})) {
        ASSERT_TRUE(id >= 0 && id < tokenizer.n_vocab()) << whole.model << ", byte " << i;
      }
    }
    EXPECT_GT(n_refused, 0u) << whole.model;
    EXPECT_LT(n_refused, file.size()) << whole.model;
  }
}

TEST(Tokenizer, TypesAreOptional) {
  const auto loaded = load_tokenizer(GgufBuilder()
                                         .string("tokenizer.ggml.model", "gpt2")
                                         .string("tokenizer.ggml.pre", "gpt-2")
                                         .strings("tokenizer.ggml.tokens", {"a", "b"})
                                         .strings("tokenizer.ggml.merges", {})
                                         .build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "ba"), (Ids{1, 0}));
  EXPECT_EQ(loaded->tokenizer->type(0), TokenType::kNormal);
}

TEST(Tokenizer, EveryFailedAllocationIsAnError) {
  TokenizerFile file = special_file();
  file.merges.push_back("c d");  // whose result is no token
  const auto gguf = testing::parse_gguf(file.build());
  ASSERT_TRUE(gguf.ok());
  const std::string text = std::string(100, 'a') + "\xff  <s>ab";
  constexpr int kMoreThanThereAre = 200;
  int n_failed = 0;
  for (int n = 0; n <= kMoreThanThereAre; ++n) {
    fail_allocation_after(n);
    const auto tokenizer = Tokenizer::create(**gguf);
    Status status = tokenizer.status();
    if (tokenizer.ok()) {
      const auto ids = (*tokenizer)->encode(text, {.parse_special = true});
      status = ids.status();
      Array<char> bytes;
      if (ids.ok()) status = (*tokenizer)->append_bytes((*ids)[0], true, bytes);
    }
    fail_allocation_after(-1);
    if (status.ok()) continue;  // an array may do with less than it asked for first
    ASSERT_EQ(status.code(), StatusCode::kOutOfMemory) << n;
    ASSERT_LT(n, kMoreThanThereAre);
    ++n_failed;
  }
  EXPECT_GT(n_failed, 10);
}

}  // namespace
}  // namespace pipit
