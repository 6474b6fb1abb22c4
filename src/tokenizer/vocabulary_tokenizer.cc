// Special tokens first, then what lies between them by the kind's own rule.
#include "tokenizer/vocabulary_tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/str_cat.h"
#include "tokenizer/utf8.h"

namespace pipit {

// A symbol's index has 32 bits.
constexpr size_t kMaxTextBytes = size_t{1} << 30;

Result<VocabularyTokenizer::Parts> VocabularyTokenizer::Parts::create(std::string name,
                                                                      Vocabulary vocabulary) {
  PIPIT_ASSIGN_OR_RETURN(SpecialTokens special, SpecialTokens::create(vocabulary, /*hidden=*/true));
  PIPIT_ASSIGN_OR_RETURN(SpecialTokens user_defined,
                         SpecialTokens::create(vocabulary, /*hidden=*/false));
  return Parts{std::move(name), std::move(vocabulary), std::move(special), std::move(user_defined)};
}

Result<Array<Token>> VocabularyTokenizer::encode(std::string_view text,
                                                 const EncodeOptions& options) const {
  if (text.size() > kMaxTextBytes) {
    return Status(StatusCode::kLimitExceeded,
                  str_cat("The text has ", text.size(), " bytes; at most ", kMaxTextBytes,
                          " can be tokenized at once."));
  }
  const Vocabulary& vocabulary = parts_.vocabulary;
  Array<Token> tokens;
  if (const auto bos = vocabulary.bos(); bos && options.add_special && vocabulary.adds_bos()) {
    PIPIT_RETURN_IF_ERROR(tokens.push_back(*bos));
  }
  if (is_valid_utf8(text)) {
    PIPIT_RETURN_IF_ERROR(append_text(text, options, tokens));
  } else {
    Array<char> valid;
    PIPIT_ASSIGN_OR_RETURN(const size_t n_used, append_valid_utf8(text, valid));
    if (n_used < text.size()) PIPIT_RETURN_IF_ERROR(valid.append(kReplacementUtf8));
    PIPIT_RETURN_IF_ERROR(append_text({valid.data(), valid.size()}, options, tokens));
  }
  if (const auto eos = vocabulary.eos(); eos && options.add_special && vocabulary.adds_eos()) {
    PIPIT_RETURN_IF_ERROR(tokens.push_back(*eos));
  }
  return tokens;
}

Status VocabularyTokenizer::append_text(std::string_view text, const EncodeOptions& options,
                                        Array<Token>& out) const {
  const SpecialTokens& special = options.parse_special ? parts_.special : parts_.user_defined;
  size_t begin = 0;
  while (begin < text.size()) {
    const SpecialTokens::Match match = special.find(text, begin);
    if (match.begin > begin) {
      const std::string_view plain = text.substr(begin, match.begin - begin);
      PIPIT_RETURN_IF_ERROR(append_plain(plain, options.add_space_prefix || begin > 0, out));
    }
    if (match.n_bytes > 0) PIPIT_RETURN_IF_ERROR(out.push_back(match.id));
    begin = match.begin + match.n_bytes;
  }
  return ok_status();
}

Status VocabularyTokenizer::append_with_spaces(std::string_view text, Array<char>& out) {
  while (!text.empty()) {
    const size_t n = std::min(text.find(kSpacePiece), text.size());
    PIPIT_RETURN_IF_ERROR(out.append(text.substr(0, n)));
    text.remove_prefix(n);
    if (text.empty()) break;
    PIPIT_RETURN_IF_ERROR(out.push_back(' '));
    text.remove_prefix(kSpacePiece.size());
  }
  return ok_status();
}

Status VocabularyTokenizer::append_bytes(Token id, bool special, Array<char>& out) const {
  const std::string_view text = parts_.vocabulary.text(id);
  switch (parts_.vocabulary.type(id)) {
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
  return append_normal(text, out);
}

}  // namespace pipit
