// What tokenizers of every kind do alike: special tokens, begin and end, invalid UTF-8, and back to
// bytes.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/special_tokens.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocabulary.h"

namespace pipit {

inline constexpr std::string_view kSpacePiece = "\u2581";  // stands for " " in pieces

class VocabularyTokenizer : public Tokenizer {
 public:
  // The parts that every kind has, from a checked vocabulary. Errors: those of SpecialTokens.
  struct Parts {
    std::string name;
    Vocabulary vocabulary;
    SpecialTokens special;       // control, unknown and user-defined tokens
    SpecialTokens user_defined;  // these alone

    static Result<Parts> create(std::string name, Vocabulary vocabulary);
  };

  explicit VocabularyTokenizer(Parts parts) : parts_(std::move(parts)) {}

  Result<Array<Token>> encode(std::string_view text, const EncodeOptions& options) const final;
  Status append_bytes(Token id, bool special, Array<char>& out) const final;

  int32_t n_vocab() const final { return parts_.vocabulary.size(); }
  TokenType type(Token id) const final { return parts_.vocabulary.type(id); }
  bool is_end_of_generation(Token id) const final {
    return parts_.vocabulary.is_end_of_generation(id);
  }
  std::optional<Token> bos() const final { return parts_.vocabulary.bos(); }
  std::optional<Token> eos() const final { return parts_.vocabulary.eos(); }
  bool adds_bos() const final { return parts_.vocabulary.adds_bos(); }
  std::string_view name() const final { return parts_.name; }

 protected:
  // Appends the tokens of valid UTF-8 that is not empty and has no special tokens. It begins the
  // whole text or follows a special token. `add_space_prefix`: where the model wants it.
  virtual Status append_plain(std::string_view text, bool add_space_prefix,
                              Array<Token>& out) const = 0;

  // Appends what the text of a normal token stands for.
  virtual Status append_normal(std::string_view text, Array<char>& out) const = 0;

  // append_normal() of the kinds whose pieces have U+2581 for spaces.
  static Status append_with_spaces(std::string_view text, Array<char>& out);

  const Vocabulary& vocabulary() const { return parts_.vocabulary; }

 private:
  Status append_text(std::string_view text, const EncodeOptions& options, Array<Token>& out) const;

  Parts parts_;
};

}  // namespace pipit
