// Special tokens first, then pieces by the pre-tokenizer's rule, then merges; and back by the
// byte-level alphabet.
#include "tokenizer/bpe_tokenizer.h"

#include <new>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocabulary.h"

namespace pipit {
namespace {

class BpeTokenizer final : public Tokenizer {
 public:
  BpeTokenizer(const PreTokenizer& pre, Vocabulary vocabulary, Bpe bpe, SpecialTokens special,
               SpecialTokens user_defined)
      : pre_(pre),
        name_(str_cat("bpe/", pre.name)),
        vocabulary_(std::move(vocabulary)),
        bpe_(std::move(bpe)),
        special_(std::move(special)),
        user_defined_(std::move(user_defined)) {}

  Result<Array<Token>> encode(std::string_view text, const EncodeOptions& options) const override;
  Status append_bytes(Token id, bool special, Array<char>& out) const override;

  int32_t n_vocab() const override { return vocabulary_.size(); }
  TokenType type(Token id) const override { return vocabulary_.type(id); }
  bool is_end_of_generation(Token id) const override {
    return vocabulary_.is_end_of_generation(id);
  }
  std::optional<Token> bos() const override { return vocabulary_.bos(); }
  std::optional<Token> eos() const override { return vocabulary_.eos(); }
  bool adds_bos() const override { return vocabulary_.adds_bos(); }
  std::string_view name() const override { return name_; }

 private:
  // Appends the tokens of valid UTF-8.
  Status append_text(std::string_view text, bool parse_special, Array<Token>& out) const;
  Status append_plain(std::string_view text, Bpe::Scratch& scratch, Array<Token>& out) const;

  PreTokenizer pre_;
  std::string name_;
  Vocabulary vocabulary_;
  Bpe bpe_;
  SpecialTokens special_;       // control, unknown and user-defined tokens
  SpecialTokens user_defined_;  // these alone
};

Result<Array<Token>> BpeTokenizer::encode(std::string_view text,
                                          const EncodeOptions& options) const {
  if (text.size() > Bpe::kMaxWordBytes) {
    return Status(StatusCode::kLimitExceeded,
                  str_cat("The text has ", text.size(), " bytes; at most ", Bpe::kMaxWordBytes,
                          " can be tokenized at once."));
  }
  Array<Token> tokens;
  if (const auto bos = vocabulary_.bos(); bos && options.add_special && vocabulary_.adds_bos()) {
    PIPIT_RETURN_IF_ERROR(tokens.push_back(*bos));
  }
  if (is_valid_utf8(text)) {
    PIPIT_RETURN_IF_ERROR(append_text(text, options.parse_special, tokens));
  } else {
    Array<char> valid;
    PIPIT_ASSIGN_OR_RETURN(const size_t n_used, append_valid_utf8(text, valid));
    if (n_used < text.size()) PIPIT_RETURN_IF_ERROR(valid.append(kReplacementUtf8));
    PIPIT_RETURN_IF_ERROR(append_text({valid.data(), valid.size()}, options.parse_special, tokens));
  }
  if (const auto eos = vocabulary_.eos(); eos && options.add_special && vocabulary_.adds_eos()) {
    PIPIT_RETURN_IF_ERROR(tokens.push_back(*eos));
  }
  return tokens;
}

Status BpeTokenizer::append_text(std::string_view text, bool parse_special,
                                 Array<Token>& out) const {
  const SpecialTokens& special = parse_special ? special_ : user_defined_;
  Bpe::Scratch scratch;
  size_t begin = 0;
  while (begin < text.size()) {
    const SpecialTokens::Match match = special.find(text, begin);
    PIPIT_RETURN_IF_ERROR(append_plain(text.substr(begin, match.begin - begin), scratch, out));
    if (match.n_bytes > 0) PIPIT_RETURN_IF_ERROR(out.push_back(match.id));
    begin = match.begin + match.n_bytes;
  }
  return ok_status();
}

Status BpeTokenizer::append_plain(std::string_view text, Bpe::Scratch& scratch,
                                  Array<Token>& out) const {
  while (!text.empty()) {
    const size_t n = first_piece(pre_.rule, text);
    PIPIT_RETURN_IF_ERROR(bpe_.append_tokens(text.substr(0, n), scratch, out));
    text.remove_prefix(n);
  }
  return ok_status();
}

// The byte of a text such as "<0x0A>".
std::optional<uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  uint32_t byte = 0;
  for (const char c : text.substr(3, 2)) {
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = c >= 'A' && c <= 'F';
    if (!is_digit && !is_letter) return std::nullopt;
    byte = byte << 4 | static_cast<uint32_t>(is_digit ? c - '0' : c - 'A' + 10);
  }
  return static_cast<uint8_t>(byte);
}

Status BpeTokenizer::append_bytes(Token id, bool special, Array<char>& out) const {
  std::string_view text = vocabulary_.text(id);
  switch (vocabulary_.type(id)) {
    case TokenType::kControl:
    case TokenType::kUnknown:
      return special ? out.append(text) : ok_status();
    case TokenType::kUserDefined:
      return out.append(text);
    case TokenType::kUnused:
      return ok_status();
    case TokenType::kByte:
      if (const auto byte = parse_byte_token(text)) return out.push_back(static_cast<char>(*byte));
      break;
    case TokenType::kNormal:
      break;
  }
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
  PIPIT_ASSIGN_OR_RETURN(SpecialTokens special, SpecialTokens::create(vocabulary, /*hidden=*/true));
  PIPIT_ASSIGN_OR_RETURN(SpecialTokens user_defined,
                         SpecialTokens::create(vocabulary, /*hidden=*/false));
  std::unique_ptr<Tokenizer> tokenizer(new (std::nothrow) BpeTokenizer(
      *pre, std::move(vocabulary), std::move(bpe), std::move(special), std::move(user_defined)));
  if (tokenizer == nullptr) {
    return Status(StatusCode::kOutOfMemory, "Not enough memory for the tokenizer.");
  }
  return tokenizer;
}

}  // namespace pipit
