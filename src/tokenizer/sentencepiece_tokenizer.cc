// A vocabulary for the library sentencepiece, checked before it gets it, and texts in portions that
// it works on well. The ids are llama.cpp's (llm_tokenizer_spm in src/llama-vocab.cpp).
#include "tokenizer/sentencepiece_tokenizer.h"

#include <array>
#include <cmath>
#include <new>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/sentencepiece/model.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace pipit {
namespace {

// Beyond the first level of cache, the library's queue of merges gets slower.
constexpr size_t kPortionBytes = 2048;

class SentencePieceTokenizer final : public VocabularyTokenizer {
 public:
  using ByteTokens = std::array<Token, 256>;

  // `bytes`: none if the vocabulary has none. `is_divisible`: pieces have U+2581 only at their
  // begin, so that no merge reaches across the begin of a word.
  SentencePieceTokenizer(Parts parts, SentencePieceModel model, Token unknown,
                         std::optional<ByteTokens> bytes, bool is_divisible, bool adds_space_prefix)
      : VocabularyTokenizer(std::move(parts)),
        model_(std::move(model)),
        unknown_(unknown),
        bytes_(bytes),
        is_divisible_(is_divisible),
        adds_space_prefix_(adds_space_prefix) {}

  bool adds_space_prefix() const override { return adds_space_prefix_; }

 private:
  struct Scratch {
    Array<char> portion;  // with U+2581 for spaces
    Array<SentencePieceModel::Match> matches;
  };

  Status append_plain(std::string_view text, bool add_space_prefix,
                      Array<Token>& out) const override;
  Status append_normal(std::string_view text, Array<char>& out) const override {
    return append_with_spaces(text, out);
  }
  Status append_portion(Scratch& scratch, Array<Token>& out) const;

  SentencePieceModel model_;
  Token unknown_;
  std::optional<ByteTokens> bytes_;
  bool is_divisible_;
  bool adds_space_prefix_;
};

Status SentencePieceTokenizer::append_plain(std::string_view text, bool add_space_prefix,
                                            Array<Token>& out) const {
  Scratch scratch;
  Array<char>& portion = scratch.portion;
  if (adds_space_prefix_ && add_space_prefix) PIPIT_RETURN_IF_ERROR(portion.append(kSpacePiece));
  while (!text.empty()) {
    const size_t n_spaces = std::min(text.find_first_not_of(' '), text.size());
    for (size_t i = 0; i < n_spaces; ++i) PIPIT_RETURN_IF_ERROR(portion.append(kSpacePiece));
    text.remove_prefix(n_spaces);
    const size_t n = std::min(text.find(' '), text.size());
    PIPIT_RETURN_IF_ERROR(portion.append(text.substr(0, n)));
    text.remove_prefix(n);
    const bool may_end = is_divisible_ && !text.starts_with(kSpacePiece) &&
                         !std::string_view(portion.data(), portion.size()).ends_with(kSpacePiece);
    if (may_end && portion.size() >= kPortionBytes) {
      PIPIT_RETURN_IF_ERROR(append_portion(scratch, out));
    }
  }
  return append_portion(scratch, out);
}

// Appends the tokens of the portion, which is then empty.
Status SentencePieceTokenizer::append_portion(Scratch& scratch, Array<Token>& out) const {
  Array<char>& portion = scratch.portion;
  PIPIT_RETURN_IF_ERROR(model_.encode({portion.data(), portion.size()}, scratch.matches));
  size_t begin = 0;
  bool follows_unknown = false;
  for (const auto& [id, n_bytes] : scratch.matches) {
    const bool is_unknown = id == unknown_;
    if (is_unknown && bytes_) {
      for (size_t i = begin; i < begin + n_bytes; ++i) {
        PIPIT_RETURN_IF_ERROR(out.push_back((*bytes_)[static_cast<uint8_t>(portion[i])]));
      }
    } else if (!is_unknown || !follows_unknown) {  // one unknown token for a row of them
      PIPIT_RETURN_IF_ERROR(out.push_back(id));
    }
    follows_unknown = is_unknown;
    begin += n_bytes;
  }
  portion.clear();
  return ok_status();
}

// --- The checks of a vocabulary -----------------------------------------------------------------

std::string describe(const Vocabulary& vocabulary, Token id) {
  return str_cat("Token ", id, " (", quote(vocabulary.text(id)), ")");
}

Result<Array<float>> read_scores(const Gguf& gguf, const Vocabulary& vocabulary) {
  constexpr std::string_view kKey = "tokenizer.ggml.scores";
  PIPIT_ASSIGN_OR_RETURN(const GgufValue* values, gguf.get_array(kKey, GgufType::kF32));
  const auto n = static_cast<uint64_t>(vocabulary.size());
  if (values == nullptr || values->n != n) {
    return Status(StatusCode::kInvalidFile,
                  str_cat("A sentencepiece tokenizer needs a score for each of its ", n,
                          " tokens, but the metadata's ", quote(kKey), " ",
                          values == nullptr ? "is missing" : str_cat("has ", values->n),
                          ". Convert the model again."));
  }
  PIPIT_ASSIGN_OR_RETURN(auto scores, Array<float>::make(n));
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i] = static_cast<float>(gguf.number(*values, i));
    if (std::isfinite(scores[i])) continue;
    return Status(StatusCode::kInvalidFile,
                  str_cat(describe(vocabulary, static_cast<Token>(i)), " has the score ",
                          double{scores[i]}, " in ", quote(kKey), "; scores are finite numbers."));
  }
  return scores;
}

// The token for what is no piece: the file's, else llama.cpp's default. The type is not looked at:
// converters write "control" where sentencepiece has "unknown".
Result<Token> find_unknown(const Vocabulary& vocabulary) {
  PIPIT_ASSIGN_OR_RETURN(const std::optional<Token> id,
                         vocabulary.read_id("tokenizer.ggml.unknown_token_id"));
  const Token unknown = id.value_or(0);
  if (vocabulary.is_hidden(unknown)) return unknown;
  return Status(StatusCode::kInvalidFile,
                str_cat(describe(vocabulary, unknown),
                        " is \"tokenizer.ggml.unknown_token_id\", but its type is neither unknown "
                        "(2) nor control (3)."));
}

// The tokens of all 256 bytes, or none.
Result<std::optional<SentencePieceTokenizer::ByteTokens>> find_bytes(const Vocabulary& vocabulary) {
  constexpr Token kNone = -1;
  SentencePieceTokenizer::ByteTokens bytes;
  bytes.fill(kNone);
  size_t n = 0;
  for (Token id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.type(id) != TokenType::kByte) continue;
    const auto byte = parse_byte_token(vocabulary.text(id));
    if (!byte || bytes[*byte] != kNone) {
      return Status(
          StatusCode::kInvalidFile,
          str_cat(describe(vocabulary, id), " has the type byte (6), but ",
                  byte ? "another one is the same byte" : "its text is not like \"<0x0A>\"", "."));
    }
    bytes[*byte] = id;
    ++n;
  }
  if (n == 0) return std::optional<SentencePieceTokenizer::ByteTokens>();
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    if (bytes[byte] != kNone) continue;
    return Status(StatusCode::kInvalidFile,
                  str_cat("The vocabulary has ", n, " of 256 byte tokens; the one for byte ", byte,
                          " is missing. Convert the model again."));
  }
  return std::optional(bytes);
}

// Whether pieces have U+2581 only at their begin. Errors: kInvalidFile (an empty token).
Result<bool> check_texts(const Vocabulary& vocabulary) {
  bool is_divisible = true;
  for (Token id = 0; id < vocabulary.size(); ++id) {
    std::string_view text = vocabulary.text(id);
    if (text.empty()) {
      return Status(StatusCode::kInvalidFile,
                    str_cat("Token ", id,
                            " is empty, which sentencepiece does not allow. Convert "
                            "the model again."));
    }
    if (vocabulary.is_hidden(id)) continue;
    while (text.starts_with(kSpacePiece)) text.remove_prefix(kSpacePiece.size());
    is_divisible = is_divisible && text.find(kSpacePiece) == std::string_view::npos;
  }
  return is_divisible;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> create_sentencepiece_tokenizer(const Gguf& gguf) {
  PIPIT_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::create(gguf, /*adds_bos=*/true));
  PIPIT_ASSIGN_OR_RETURN(const bool is_divisible, check_texts(vocabulary));
  PIPIT_ASSIGN_OR_RETURN(const Array<float> scores, read_scores(gguf, vocabulary));
  PIPIT_ASSIGN_OR_RETURN(const Token unknown, find_unknown(vocabulary));
  PIPIT_ASSIGN_OR_RETURN(const auto bytes, find_bytes(vocabulary));
  PIPIT_ASSIGN_OR_RETURN(const bool adds_space_prefix,
                         gguf.get_bool("tokenizer.ggml.add_space_prefix", true));
  PIPIT_ASSIGN_OR_RETURN(
      SentencePieceModel model,
      SentencePieceModel::create(vocabulary, scores.span(), unknown, bytes.has_value()));
  PIPIT_ASSIGN_OR_RETURN(
      auto parts, VocabularyTokenizer::Parts::create("sentencepiece", std::move(vocabulary)));
  std::unique_ptr<Tokenizer> tokenizer(new (std::nothrow) SentencePieceTokenizer(
      std::move(parts), std::move(model), unknown, bytes, is_divisible, adds_space_prefix));
  if (tokenizer == nullptr) {
    return Status(StatusCode::kOutOfMemory, "Not enough memory for the tokenizer.");
  }
  return tokenizer;
}

}  // namespace pipit
