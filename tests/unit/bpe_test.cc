// Byte-pair merging: against a plain oracle, and where vocabulary and merges do not fit together.
#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory.h"
#include "support/tokenizer_files.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/piece_table.h"

namespace pipit {
namespace {

using testing::byte_level;
using testing::ids_of;
using testing::load_tokenizer;
using testing::TokenizerFile;

// The definition: while two neighbours merge, the pair of lowest rank, of equals the leftmost.
std::vector<std::string> merge_plainly(
    const std::vector<std::pair<std::string, std::string>>& merges, std::string_view word) {
  std::map<std::pair<std::string, std::string>, size_t> ranks;
  for (size_t rank = 0; rank < merges.size(); ++rank) ranks.emplace(merges[rank], rank);
  std::vector<std::string> pieces;
  for (const char c : word) pieces.emplace_back(1, c);
  while (true) {
    size_t best = merges.size();
    size_t at = 0;
    for (size_t i = 0; i + 1 < pieces.size(); ++i) {
      const auto rank = ranks.find({pieces[i], pieces[i + 1]});
      if (rank == ranks.end() || rank->second >= best) continue;
      best = rank->second;
      at = i;
    }
    if (best == merges.size()) return pieces;
    pieces[at] += pieces[at + 1];
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(Bpe, RandomMergesAgreeWithThePlainOracle) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    // Merges of texts that exist, in random order: a rank may well be lower than those of its
    // parts.
    std::vector<std::string> texts = {"a", "b", "c", "d"};
    std::vector<std::pair<std::string, std::string>> merges;
    while (merges.size() < 40) {
      const std::pair<std::string, std::string> merge = {texts[random() % texts.size()],
                                                         texts[random() % texts.size()]};
      merges.push_back(merge);  // perhaps for the second time: then the first counts
      texts.push_back(merge.first + merge.second);
    }
    std::shuffle(merges.begin(), merges.end(), random);
    TokenizerFile file = TokenizerFile::of_bytes();
    std::map<std::string, Token> ids;
    for (Token c = 'a'; c <= 'd'; ++c) ids[std::string(1, static_cast<char>(c))] = c;
    for (const auto& [left, right] : merges) {
      file.merges.push_back(std::string(left).append(" ").append(right));
      if (!ids.contains(left + right)) ids[left + right] = file.add(left + right);
    }
    const auto loaded = load_tokenizer(file.build());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();

    // Lengths on both sides of the bound between short and long words.
    for (const size_t n : {1, 2, 3, 8, 31, 32, 33, 34, 100, 300}) {
      std::string word;
      while (word.size() < n) word += texts[random() % texts.size()];
      word.resize(n);
      std::vector<Token> expected;
      for (const std::string& piece : merge_plainly(merges, word))
        expected.push_back(ids.at(piece));
      ASSERT_EQ(ids_of(*loaded->tokenizer, word), expected) << round << " " << word;
    }
  }
}

TEST(Bpe, MergesOfTextsThatAreNoTokens) {
  TokenizerFile file = TokenizerFile::of_bytes();
  const auto merge = [&](std::string_view left, std::string_view right) {
    file.merges.push_back(byte_level(left) + " " + byte_level(right));
  };
  merge("a", "b");   // "ab" is no token,
  merge("ab", "c");  // but "abc" is
  merge(" ", "x");   // " x" is no token
  merge("zz", "y");  // "zz" never comes about
  const Token abc = file.add("abc");
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const Tokenizer& tokenizer = *loaded->tokenizer;
  EXPECT_EQ(ids_of(tokenizer, "abc"), std::vector<Token>{abc});
  EXPECT_EQ(ids_of(tokenizer, "ab"), (std::vector<Token>{'a', 'b'})) << "falls back to its bytes";
  EXPECT_EQ(ids_of(tokenizer, " x"), (std::vector<Token>{'x'})) << "as llama.cpp: ASCII remains";
  EXPECT_EQ(ids_of(tokenizer, "zzy"), (std::vector<Token>{'z', 'z', 'y'}));
}

TEST(Bpe, FarMoreTextsThanTokens) {
  TokenizerFile file = TokenizerFile::of_bytes();
  for (char a = 'a'; a <= 'p'; ++a) {
    for (char b = 'a'; b <= 'p'; ++b) {
      file.merges.push_back({a, ' ', b});
      for (char c = 'a'; c <= 'p'; ++c) file.merges.push_back({a, b, ' ', c});
    }
  }
  const Token mop = file.add("mop");
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "mop"), std::vector<Token>{mop});
  EXPECT_EQ(ids_of(*loaded->tokenizer, "map"), (std::vector<Token>{'m', 'a', 'p'}));
}

TEST(Bpe, BytesWithoutATokenAreLeftOut) {
  TokenizerFile file;
  const Token a = file.add("a");
  const Token ab = file.merge("a", "b");  // though "b" is no token
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "ab"), std::vector<Token>{ab});
  EXPECT_EQ(ids_of(*loaded->tokenizer, "ba"), std::vector<Token>{a});
  EXPECT_EQ(ids_of(*loaded->tokenizer, "b \u00e9\n"), std::vector<Token>{});
}

TEST(Bpe, OfTokensWithOneTextTheLastCounts) {
  TokenizerFile file = TokenizerFile::of_bytes();
  file.merge("a", "b");
  const Token last = file.add("ab");
  file.add("");
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "ab"), std::vector<Token>{last});
}

TEST(Bpe, OfMergesOfOnePairTheFirstCounts) {
  TokenizerFile file = TokenizerFile::of_bytes();
  const Token ab = file.merge("a", "b");
  file.merge("b", "c");
  file.merges.emplace_back("a b");
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "abc"), (std::vector<Token>{ab, 'c'}));
}

TEST(Bpe, WholeWordsGoFirstForLlama3Alone) {
  for (const bool ignores_merges : {false, true}) {
    TokenizerFile file = TokenizerFile::of_bytes(ignores_merges ? "llama-bpe" : "smaug-bpe");
    const Token word = file.add(byte_level(" word"));  // that no merges make
    const Token longest = file.add("alltogether");
    file.add("hide", TokenType::kControl);
    const Token ab = file.merge("a", "b");
    const auto loaded = load_tokenizer(file.build());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    const Tokenizer& tokenizer = *loaded->tokenizer;
    const Token space = ' ';
    const std::vector<Token> bytes = {space, 'w', 'o', 'r', 'd'};
    EXPECT_EQ(ids_of(tokenizer, " word"), ignores_merges ? std::vector<Token>{word} : bytes);
    EXPECT_EQ(ids_of(tokenizer, "ab"), std::vector<Token>{ab});
    EXPECT_EQ(ids_of(tokenizer, "alltogether").front(), ignores_merges ? longest : 'a');
    EXPECT_EQ(ids_of(tokenizer, "hide"), (std::vector<Token>{'h', 'i', 'd', 'e'}));
  }
}

TEST(Bpe, NoMergeMakesAControlToken) {
  TokenizerFile file = TokenizerFile::of_bytes();
  file.add("<s>", TokenType::kControl);
  file.add("xy", TokenType::kUnknown);
  file.merges = {"< s", "<s >", "x y"};
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(ids_of(*loaded->tokenizer, "xy"), (std::vector<Token>{'x', 'y'}));
  EXPECT_EQ(ids_of(*loaded->tokenizer, "<s>"), (std::vector<Token>{'<', 's', '>'}));
}

TEST(PieceTable, AnAppendThatFailedLeavesTheTableAsItWas) {
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back("text " + std::to_string(i));
  int n_failed = 0;
  for (int failing = 0; failing < 10; ++failing) {
    PieceTable table;
    ASSERT_TRUE(table.reserve(2).ok());
    fail_allocation_after(failing);
    size_t n = 0;
    while (n < texts.size() && table.append(std::string_view(texts[n]), true).ok()) ++n;
    fail_allocation_after(-1);
    n_failed += n < texts.size() ? 1 : 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto piece = table.find(std::string_view(texts[i]));
      ASSERT_EQ(piece, i < n ? std::optional<Piece>(i) : std::nullopt) << failing;
    }
  }
  EXPECT_GT(n_failed, 5);
}

// Pairs that all belong to one slot would make each look-up as slow as the table is large.
TEST(MergeTable, RefusesPairsThatAllFallTogether) {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15u;  // of the table's hash
  uint64_t inverse = kFactor;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kFactor * inverse;
  const auto key = [&](uint64_t number) { return inverse * ((uint64_t{7} << 53) + number); };
  const auto left = [&](uint64_t number) { return static_cast<Piece>(key(number) >> 32); };
  const auto right = [&](uint64_t number) { return static_cast<Piece>(key(number)); };

  auto table = MergeTable::create(1000);
  ASSERT_TRUE(table.ok());
  for (uint32_t i = 0; i < kMaxProbes; ++i) {
    ASSERT_TRUE(table->insert(left(i), right(i), {i, i}).ok()) << i;
  }
  EXPECT_EQ(table->insert(left(kMaxProbes), right(kMaxProbes), {1, 1}).code(),
            StatusCode::kLimitExceeded);
  EXPECT_EQ(table->find(left(kMaxProbes), right(kMaxProbes)).rank, Merge::kNone);
  for (uint32_t i = 0; i < kMaxProbes; ++i) EXPECT_EQ(table->find(left(i), right(i)).rank, i);
}

// With a heap: a fraction of a second. By looking for the best pair each time: hours.
TEST(Bpe, ALongWordIsNotQuadratic) {
  TokenizerFile file = TokenizerFile::of_bytes();
  std::string run = "a";
  for (int i = 0; i < 5; ++i) {
    file.merge(run, run);
    run += run;
  }
  const auto loaded = load_tokenizer(file.build());
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const std::vector<Token> ids = ids_of(*loaded->tokenizer, std::string(1 << 20, 'a'));
  EXPECT_EQ(ids, std::vector<Token>((1 << 20) / 32, 256 + 4));
}

}  // namespace
}  // namespace pipit
