// Pieces by the pre-tokenizer's rule, then merges; and back by the byte-level alphabet.
#include "tokenizer/bpe_tokenizer.h"

#include <new>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace pipit {
namespace {

class BpeTokenizer final : public VocabularyTokenizer {
 public:
  BpeTokenizer(Parts parts, SplitRule rule, Bpe bpe)
      : VocabularyTokenizer(std::move(parts)), rule_(rule), bpe_(std::move(bpe)) {}

 private:
  Status append_plain(std::string_view text, bool, Array<Token>& out) const override;
  Status append_normal(std::string_view text, Array<char>& out) const override;

  SplitRule rule_;
  Bpe bpe_;
};

Status BpeTokenizer::append_plain(std::string_view text, bool, Array<Token>& out) const {
  Bpe::Scratch scratch;
  while (!text.empty()) {
    const size_t n = first_piece(rule_, text);
    PIPIT_RETURN_IF_ERROR(bpe_.append_tokens(text.substr(0, n), scratch, out));
    text.remove_prefix(n);
  }
  return ok_status();
}

Status BpeTokenizer::append_normal(std::string_view text, Array<char>& out) const {
  while (!text.empty()) {
    const Utf8Char character = decode_utf8(text);
    if (const auto byte = character_to_byte(character.code_point)) {
      PIPIT_RETURN_IF_ERROR(out.push_back(static_cast<char>(*byte)));
    } else {  // not of the alphabet: stands for itself
      PIPIT_RETURN_IF_ERROR(out.append(text.substr(0, character.n_bytes)));
    }
    text.remove_prefix(character.n_bytes);
  }
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> create_bpe_tokenizer(const Gguf& gguf) {
  PIPIT_ASSIGN_OR_RETURN(const std::string_view name, gguf.get_string("tokenizer.ggml.pre", ""));
  const PreTokenizer* pre = find_pre_tokenizer(name);
  if (pre == nullptr) {
    return Status(StatusCode::kUnsupported,
                  str_cat("pipit does not know the pre-tokenizer ", quote(name),
                          " (\"tokenizer.ggml.pre\"). It knows ", pre_tokenizer_names(), "."));
  }
  PIPIT_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::create(gguf, pre->adds_bos));
  PIPIT_ASSIGN_OR_RETURN(Bpe bpe, Bpe::create(gguf, vocabulary, pre->ignores_merges));
  PIPIT_ASSIGN_OR_RETURN(
      auto parts, VocabularyTokenizer::Parts::create(str_cat("bpe/", name), std::move(vocabulary)));
  std::unique_ptr<Tokenizer> tokenizer(
      new (std::nothrow) BpeTokenizer(std::move(parts), pre->rule, std::move(bpe)));
  if (tokenizer == nullptr) {
    return Status(StatusCode::kOutOfMemory, "Not enough memory for the tokenizer.");
  }
  return tokenizer;
}

}  // namespace pipit
