// Vocabulary: the tokens of a GGUF file (tokenizer.ggml.tokens, .token_type and the *_token_id
// keys), checked. Every kind of tokenizer stands on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/array.h"
#include "gguf/gguf.h"
#include "pipit/status.h"
#include "tokenizer/tokenizer.h"

namespace pipit {

class Vocabulary {
 public:
  // `adds_bos` holds where the file has no tokenizer.ggml.add_bos_token. `gguf` must outlive the
  // vocabulary. Errors: kInvalidFile (no tokens; another number of types; an unknown type; a
  // special token's id out of range, or needed and missing), kOutOfMemory. Two tokens with the same
  // text are allowed.
  static Result<Vocabulary> create(const Gguf& gguf, bool adds_bos);

  // The id that the metadata has under `key`, if any. Errors: kInvalidFile (out of range).
  Result<std::optional<Token>> read_id(std::string_view key) const;

  // Every text begins with `bos` and ends with `eos`, whatever the file says.
  void enclose_texts(Token bos, Token eos) {
    bos_ = bos;
    eos_ = eos;
    adds_bos_ = adds_eos_ = true;
  }

  int32_t size() const { return static_cast<int32_t>(types_.size()); }
  // As in the file: any bytes, perhaps none.
  std::string_view text(Token id) const {
    return gguf_->string(*tokens_, static_cast<uint64_t>(id));
  }
  // As in the file, but kControl where the text is a well-known control token's.
  TokenType type(Token id) const { return types_[static_cast<size_t>(id)]; }
  // Neither ever comes from user text.
  bool is_hidden(Token id) const {
    return type(id) == TokenType::kControl || type(id) == TokenType::kUnknown;
  }
  bool is_end_of_generation(Token id) const { return ends_generation_[static_cast<size_t>(id)]; }
  std::optional<Token> bos() const { return bos_; }
  std::optional<Token> eos() const { return eos_; }
  bool adds_bos() const { return adds_bos_; }  // then there is a bos()
  bool adds_eos() const { return adds_eos_; }  // then there is an eos()

 private:
  Status read_types();
  Status read_special_ids(bool adds_bos);
  Status find_control_tokens();
  // Whether to add a token of id `id`, which needs one.
  Result<bool> read_adds(std::string_view key, bool fallback, std::optional<Token> id) const;

  const Gguf* gguf_ = nullptr;
  const GgufValue* tokens_ = nullptr;  // strings[n_vocab]
  Array<TokenType> types_;             // [n_vocab]
  Array<bool> ends_generation_;        // [n_vocab]
  std::optional<Token> bos_;
  std::optional<Token> eos_;
  bool adds_bos_ = false;
  bool adds_eos_ = false;
};

// The byte of a text such as "<0x0A>".
std::optional<uint8_t> parse_byte_token(std::string_view text);

}  // namespace pipit
