// Small GGUF files with a tokenizer, for the tests of src/tokenizer.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/gguf_builder.h"
#include "support/gguf_outcome.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/tokenizer.h"

namespace pipit::testing {

// `bytes` in the byte-level alphabet: " a" is "Ġa".
inline std::string byte_level(std::string_view bytes) {
  std::string characters;
  for (const char c : bytes) characters += byte_to_character(static_cast<uint8_t>(c));
  return characters;
}

// A vocabulary with its merges. Well formed unless a test makes it otherwise.
struct TokenizerFile {
  std::string model = "gpt2";
  std::string pre = "gpt-2";
  std::vector<std::string> texts;
  std::vector<int32_t> types;
  std::vector<std::string> merges;
  std::vector<float> scores;  // none: the key is left out
  GgufBuilder more;           // further keys

  // With the 256 bytes as tokens 0 to 255.
  static TokenizerFile of_bytes(std::string_view pre = "gpt-2") {
    TokenizerFile file;
    file.pre = pre;
    for (int byte = 0; byte < 256; ++byte) file.add(byte_to_character(static_cast<uint8_t>(byte)));
    return file;
  }

  // The new token's id.
  Token add(std::string_view text, TokenType type = TokenType::kNormal) {
    texts.emplace_back(text);
    types.push_back(static_cast<int32_t>(type));
    return static_cast<Token>(texts.size() - 1);
  }

  // A merge of two texts, given as bytes, whose result becomes a token. Its id.
  Token merge(std::string_view left, std::string_view right) {
    merges.push_back(byte_level(left) + " " + byte_level(right));
    return add(byte_level(std::string(left) + std::string(right)));
  }

  // Of sentencepiece: <unk>, <s>, </s>, which is what they are in Llama 2, then the 256 bytes.
  static TokenizerFile of_pieces() {
    TokenizerFile file;
    file.model = "llama";
    file.add("<unk>", TokenType::kUnknown);
    file.add("<s>", TokenType::kControl);
    file.add("</s>", TokenType::kControl);
    for (int byte = 0; byte < 256; ++byte) {
      char text[8];
      std::snprintf(text, sizeof(text), "<0x%02X>", static_cast<unsigned>(byte));
      file.add(text, TokenType::kByte);
    }
    file.scores.resize(file.texts.size());
    file.more.u32("tokenizer.ggml.bos_token_id", 1)
        .u32("tokenizer.ggml.eos_token_id", 2)
        .u32("tokenizer.ggml.unknown_token_id", 0);
    return file;
  }

  // Of WordPiece: [UNK], [CLS], [SEP].
  static TokenizerFile of_words() {
    TokenizerFile file;
    file.model = "bert";
    file.add("[UNK]", TokenType::kUnknown);
    file.add("[CLS]", TokenType::kControl);
    file.add("[SEP]", TokenType::kControl);
    file.more.u32("tokenizer.ggml.bos_token_id", 1)
        .u32("tokenizer.ggml.seperator_token_id", 2)
        .u32("tokenizer.ggml.unknown_token_id", 0);
    return file;
  }

  // A new piece's id; pieces that are added earlier merge first.
  Token piece(std::string_view text, TokenType type = TokenType::kNormal) {
    scores.push_back(-static_cast<float>(texts.size()));
    return add(text, type);
  }

  std::vector<uint8_t> build() const {
    GgufBuilder builder = more;
    if (!scores.empty()) builder.array("tokenizer.ggml.scores", scores);
    return builder.string("tokenizer.ggml.model", model)
        .string("tokenizer.ggml.pre", pre)
        .strings("tokenizer.ggml.tokens", texts)
        .array("tokenizer.ggml.token_type", types)
        .strings("tokenizer.ggml.merges", merges)
        .build();
  }
};

// A tokenizer and the header that it refers to.
struct LoadedTokenizer {
  std::unique_ptr<Gguf> gguf;
  std::unique_ptr<Tokenizer> tokenizer;
};

inline Result<LoadedTokenizer> load_tokenizer(const std::vector<uint8_t>& bytes) {
  LoadedTokenizer loaded;
  PIPIT_ASSIGN_OR_RETURN(loaded.gguf, parse_gguf(bytes));
  PIPIT_ASSIGN_OR_RETURN(loaded.tokenizer, Tokenizer::create(*loaded.gguf));
  return loaded;
}

// The same of a file that is right.
inline LoadedTokenizer load_valid(const TokenizerFile& file) {
  auto loaded = load_tokenizer(file.build());
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? std::move(*loaded) : LoadedTokenizer();
}

// The ids of `text`; {-1} where tokenizing fails.
inline std::vector<Token> ids_of(const Tokenizer& tokenizer, std::string_view text,
                                 const EncodeOptions& options = {}) {
  const Result<Array<Token>> ids = tokenizer.encode(text, options);
  return ids.ok() ? std::vector<Token>(ids->begin(), ids->end()) : std::vector<Token>{-1};
}

// The same without the special tokens around a text.
inline std::vector<Token> plain_ids(const LoadedTokenizer& loaded, std::string_view text,
                                    bool parse_special = false) {
  return ids_of(*loaded.tokenizer, text, {.add_special = false, .parse_special = parse_special});
}

// The bytes of `ids`, control tokens included.
inline std::string bytes_of(const Tokenizer& tokenizer, const std::vector<Token>& ids,
                            bool special = true) {
  Array<char> bytes;
  for (const Token id : ids) {
    if (!tokenizer.append_bytes(id, special, bytes).ok()) return "no memory";
  }
  return {bytes.data(), bytes.size()};
}

}  // namespace pipit::testing
