// Words, each in lower case and without accents, and of every word the longest pieces from the
// left. The ids are llama.cpp's (llm_tokenizer_wpm in src/llama-vocab.cpp).
#include "tokenizer/wordpiece_tokenizer.h"

#include <algorithm>
#include <initializer_list>
#include <new>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/piece_table.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace pipit {
namespace {

class WordPieceTokenizer final : public VocabularyTokenizer {
 public:
  // What becomes of a text's characters before they are looked up.
  struct Normalizer {
    bool lowercase;
    bool strips_accents;
  };

  // `pieces`: every token by its id, of which the hidden ones are not findable.
  WordPieceTokenizer(Parts parts, PieceTable pieces, Token unknown, Normalizer normalizer)
      : VocabularyTokenizer(std::move(parts)),
        pieces_(std::move(pieces)),
        unknown_(unknown),
        normalizer_(normalizer) {}

  bool adds_space_prefix() const override { return true; }

 private:
  Status append_plain(std::string_view text, bool, Array<Token>& out) const override;
  Status append_normal(std::string_view text, Array<char>& out) const override {
    return append_with_spaces(text, out);
  }
  Status append_word(Array<char>& word, Array<Token>& out) const;

  PieceTable pieces_;
  Token unknown_;
  Normalizer normalizer_;
};

// The blocks that are words character by character, in all languages that use them. Extension E
// begins at U+2B820, but Hugging Face's tokenizers and llama.cpp have it begin here.
bool is_chinese(uint32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

// A symbol of ASCII is punctuation here.
bool is_word(uint32_t c, CharClass cls) {
  return cls == CharClass::kPunctuation || (cls == CharClass::kOther && c < 0x7f) || is_chinese(c);
}

Status WordPieceTokenizer::append_plain(std::string_view text, bool, Array<Token>& out) const {
  Array<char> word;  // with U+2581 in front, unless it is empty
  while (!text.empty()) {
    const Utf8Char character = decode_utf8(text);
    text.remove_prefix(character.n_bytes);
    uint32_t c = character.code_point;
    if (normalizer_.strips_accents) c = first_of_nfd(c);
    const CharClass cls = char_class(c);
    if (cls == CharClass::kControl || c == kReplacementCharacter) continue;
    if (cls == CharClass::kMark && normalizer_.strips_accents) continue;
    const bool stands_alone = is_word(c, cls);
    if (cls == CharClass::kSpace || stands_alone) PIPIT_RETURN_IF_ERROR(append_word(word, out));
    if (cls == CharClass::kSpace) continue;
    if (word.empty()) PIPIT_RETURN_IF_ERROR(word.append(kSpacePiece));
    PIPIT_RETURN_IF_ERROR(append_utf8(normalizer_.lowercase ? to_lower(c) : c, word));
    if (stands_alone) PIPIT_RETURN_IF_ERROR(append_word(word, out));
  }
  return append_word(word, out);
}

// Appends the tokens of a word, which is then empty: one unknown token where no piece goes on.
Status WordPieceTokenizer::append_word(Array<char>& word, Array<Token>& out) const {
  const size_t n_before = out.size();
  std::string_view rest(word.data(), word.size());
  while (!rest.empty()) {
    const auto prefix = pieces_.longest_prefix(rest);
    if (!prefix) {
      out.truncate(n_before);
      PIPIT_RETURN_IF_ERROR(out.push_back(unknown_));
      break;
    }
    PIPIT_RETURN_IF_ERROR(out.push_back(static_cast<Token>(prefix->piece)));
    rest.remove_prefix(prefix->n_bytes);
  }
  word.clear();
  return ok_status();
}

// --- The checks of a vocabulary -----------------------------------------------------------------

Result<PieceTable> read_pieces(const Vocabulary& vocabulary) {
  PieceTable pieces;
  PIPIT_RETURN_IF_ERROR(pieces.reserve(static_cast<uint64_t>(vocabulary.size())));
  for (Token id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.text(id);
    if (text.size() > PieceTable::kMaxPrefixBytes) {
      return Status(StatusCode::kLimitExceeded,
                    str_cat("Token ", id, " has ", text.size(), " bytes; pipit accepts at most ",
                            PieceTable::kMaxPrefixBytes,
                            " in a WordPiece vocabulary. The file is damaged or not a model."));
    }
    PIPIT_RETURN_IF_ERROR(pieces.append(text, !vocabulary.is_hidden(id) && !text.empty()));
  }
  return pieces;
}

// The token of the first of `keys` that the file has, else BERT's own, as in llama.cpp.
Result<Token> find_special(const Vocabulary& vocabulary,
                           std::initializer_list<std::string_view> keys, Token of_bert) {
  for (const std::string_view key : keys) {
    PIPIT_ASSIGN_OR_RETURN(const std::optional<Token> id, vocabulary.read_id(key));
    if (id) return *id;
  }
  if (of_bert < vocabulary.size()) return of_bert;
  return Status(StatusCode::kInvalidFile,
                str_cat("The metadata's ", quote(*keys.begin()), " is missing, and BERT's ",
                        of_bert, " is out of range: the vocabulary has only ", vocabulary.size(),
                        " tokens. Convert the model again."));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> create_wordpiece_tokenizer(const Gguf& gguf) {
  PIPIT_ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::create(gguf, /*adds_bos=*/true));
  PIPIT_ASSIGN_OR_RETURN(PieceTable pieces, read_pieces(vocabulary));
  PIPIT_ASSIGN_OR_RETURN(
      const Token cls,
      find_special(vocabulary, {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.cls_token_id"},
                   101));
  PIPIT_ASSIGN_OR_RETURN(  // the key is misspelt in all files
      const Token sep, find_special(vocabulary, {"tokenizer.ggml.seperator_token_id"}, 102));
  PIPIT_ASSIGN_OR_RETURN(const Token unknown,
                         find_special(vocabulary, {"tokenizer.ggml.unknown_token_id"}, 100));
  vocabulary.enclose_texts(cls, sep);
  PIPIT_ASSIGN_OR_RETURN(const bool lowercase,
                         gguf.get_bool("tokenizer.ggml.normalizer.lowercase", true));
  PIPIT_ASSIGN_OR_RETURN(const bool strips_accents,
                         gguf.get_bool("tokenizer.ggml.normalizer.strip_accents", lowercase));
  PIPIT_ASSIGN_OR_RETURN(auto parts,
                         VocabularyTokenizer::Parts::create("wordpiece", std::move(vocabulary)));
  std::unique_ptr<Tokenizer> tokenizer(new (std::nothrow) WordPieceTokenizer(
      std::move(parts), std::move(pieces), unknown,
      {.lowercase = lowercase, .strips_accents = strips_accents}));
  if (tokenizer == nullptr) {
    return Status(StatusCode::kOutOfMemory, "Not enough memory for the tokenizer.");
  }
  return tokenizer;
}

}  // namespace pipit
