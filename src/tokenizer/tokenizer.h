// Tokenizer: text to token ids and back, as the model's GGUF metadata (tokenizer.ggml.*) says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/array.h"
#include "gguf/gguf.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

using Token = int32_t;

// tokenizer.ggml.token_type; the numbers are the file's (and sentencepiece's).
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Chooses by tokenizer.ggml.model and .pre. `gguf` must outlive the tokenizer.
  // Errors: kInvalidFile, kUnsupported (named, with what works), kLimitExceeded, kOutOfMemory.
  static Result<std::unique_ptr<Tokenizer>> create(const Gguf& gguf);

  // Text (any bytes; invalid UTF-8 becomes U+FFFD as in the WHATWG Encoding Standard) to ids.
  // Without `parse_special` no control token comes from the text, and an unknown one only for what
  // has no other; user-defined ones always do. Time: O(n log n). Errors: kLimitExceeded (more than
  // 1 GiB of text), kOutOfMemory.
  virtual Result<Array<Token>> encode(std::string_view text,
                                      const EncodeOptions& options) const = 0;

  // The bytes a token stands for, perhaps a part of a character; none for control and unknown
  // tokens unless `special`. `id` must be in [0, n_vocab), here and below.
  virtual Status append_bytes(Token id, bool special, Array<char>& out) const = 0;

  // The bytes of a sequence, without the space that encode() puts in front of a text.
  Result<Array<char>> decode(std::span<const Token> ids, bool special) const;

  virtual int32_t n_vocab() const = 0;
  // As in the file, but kControl where the text is a well-known control token's (vocabulary.cc).
  virtual TokenType type(Token id) const = 0;
  // The file's end-of-sequence, -turn and -message tokens, and those with a well-known text.
  virtual bool is_end_of_generation(Token id) const = 0;
  virtual std::optional<Token> bos() const = 0;
  virtual std::optional<Token> eos() const = 0;
  virtual bool adds_bos() const = 0;  // encode() with add_special begins with bos()
  // encode() with add_space_prefix puts a space in front of a text; it always does so behind
  // special tokens.
  virtual bool adds_space_prefix() const { return false; }
  virtual std::string_view name() const = 0;  // "bpe/smollm", "sentencepiece", "wordpiece"
};

}  // namespace pipit
