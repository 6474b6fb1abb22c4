// sentencepiece's own files: the same vocabulary as a GGUF file that says the same, and files that
// are none.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "support/tiny_llama.h"
#include "support/tokenizer_files.h"
#include "tokenizer/sentencepiece/model_file.h"

namespace pipit {
namespace {

using testing::ids_of;
using testing::load_tokenizer;
using testing::TinyLlama;
using testing::TokenizerFile;

// Protobuf: a field of bytes with a length below 128, and one of a small number.
std::string field(int number, std::string_view content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} +
         std::string(content);
}
std::string field(int number, int value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

constexpr int kUnigram = 1;
constexpr int kBpe = 2;

std::string model_file(const TokenizerFile& file, int model_type = kBpe,
                       bool add_dummy_prefix = true) {
  std::string bytes;
  for (size_t i = 0; i < file.texts.size(); ++i) {
    std::string score(5, static_cast<char>(2 << 3 | 5));
    std::memcpy(score.data() + 1, &file.scores[i], 4);
    bytes += field(1, field(1, file.texts[i]) + score + field(3, file.types[i]));
  }
  return bytes + field(2, field(3, model_type)) + field(3, field(3, add_dummy_prefix ? 1 : 0));
}

Result<std::unique_ptr<Gguf>> read(std::string_view bytes) {
  return read_sentencepiece_file({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

TokenizerFile some_pieces() {
  TokenizerFile file = TokenizerFile::of_pieces();
  for (const char* text : {"ab", "\u2581ab", "\u2581", "a", "b"}) file.piece(text);
  file.piece("<tag>", TokenType::kUserDefined);
  return file;
}

TEST(SentencePieceFile, GivesTheIdsOfTheSameVocabulary) {
  for (const bool add_dummy_prefix : {true, false}) {
    TokenizerFile file = some_pieces();
    const auto gguf = read(model_file(file, kBpe, add_dummy_prefix));
    ASSERT_TRUE(gguf.ok()) << gguf.status().message();
    const auto tokenizer = Tokenizer::create(**gguf);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    file.more.boolean("tokenizer.ggml.add_space_prefix", add_dummy_prefix);
    const auto expected = load_tokenizer(file.build());
    ASSERT_TRUE(expected.ok()) << expected.status().message();
    EXPECT_EQ((*tokenizer)->bos(), expected->tokenizer->bos());
    EXPECT_EQ((*tokenizer)->eos(), expected->tokenizer->eos());
    for (const char* text : {"", "ab ab", "ba<tag>é", "\u2581a"}) {
      EXPECT_EQ(ids_of(**tokenizer, text), ids_of(*expected->tokenizer, text)) << text;
    }
  }
}

TEST(SentencePieceFile, FilesThatAreWrong) {
  const std::string whole = model_file(some_pieces());
  struct Case {
    const char* name;
    std::string bytes;
    StatusCode code;
    const char* part;
  };
  const Case cases[] = {
      {"nothing", "", StatusCode::kInvalidFile, "0 bytes are no vocabulary"},
      {"text", "{\"model\": 1}", StatusCode::kInvalidFile, "tokenizer.model"},
      {"a part", whole.substr(0, whole.size() - 3), StatusCode::kInvalidFile, "no vocabulary"},
      {"no pieces", field(2, field(3, kBpe)), StatusCode::kInvalidFile, "no vocabulary"},
      {"another kind", model_file(some_pieces(), kUnigram), StatusCode::kUnsupported, "unigram"},
  };
  for (const Case& c : cases) {
    const Status status = read(c.bytes).status();
    EXPECT_EQ(status.code(), c.code) << c.name;
    EXPECT_NE(status.message().find(c.part), std::string::npos) << c.name << status.message();
  }
}

TEST(SentencePieceFile, MustHaveAsManyPiecesAsTheModel) {
  auto loader = ModelLoader::create({}, 0);
  ASSERT_TRUE(loader.ok());
  const std::string bytes = model_file(some_pieces());
  ASSERT_TRUE(
      loader->use_tokenizer({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}).ok());
  const Status status = loader->feed(TinyLlama().file());
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.message();
  EXPECT_NE(status.message().find("The given tokenizer has 265 tokens"), std::string::npos)
      << status.message();
}

}  // namespace
}  // namespace pipit
