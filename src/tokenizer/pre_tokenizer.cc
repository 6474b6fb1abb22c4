// The pre-tokenizers' regular expressions as scanners. They agree with llama.cpp (src/unicode.cpp,
// src/llama-vocab.cpp).
#include "tokenizer/pre_tokenizer.h"

#include <optional>

#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

namespace pipit {
namespace {

// llama.cpp's names for models that write text; its names for embedding models are left out.
constexpr PreTokenizer kPreTokenizers[] = {
    {"gpt-2", SplitRule::kGpt2, false, false},
    {"phi-2", SplitRule::kGpt2, false, false},
    {"olmo", SplitRule::kGpt2, false, false},
    {"mpt", SplitRule::kGpt2, false, false},
    {"jais", SplitRule::kGpt2, false, false},
    {"exaone4", SplitRule::kGpt2, false, false},
    {"gigachat", SplitRule::kGpt2, false, false},
    {"a.x-4.0", SplitRule::kGpt2, false, false},
    {"mellum", SplitRule::kGpt2, false, false},
    {"trillion", SplitRule::kGpt2, false, false},
    {"granite-docling", SplitRule::kGpt2, false, false},
    {"smollm", SplitRule::kSmolLm, false, false},
    {"starcoder", SplitRule::kSmolLm, false, false},
    {"refact", SplitRule::kSmolLm, false, false},
    {"command-r", SplitRule::kSmolLm, false, false},
    {"codeshell", SplitRule::kSmolLm, false, false},
    {"exaone", SplitRule::kSmolLm, false, false},
    {"minerva-7b", SplitRule::kSmolLm, false, false},
    {"mellum2", SplitRule::kSmolLm, false, false},
    {"llama-bpe", SplitRule::kLlama3, true, true},
    {"llama3", SplitRule::kLlama3, true, true},
    {"llama-v3", SplitRule::kLlama3, true, true},
    {"falcon3", SplitRule::kLlama3, true, true},
    {"falcon-h1", SplitRule::kLlama3, true, true},
    {"pixtral", SplitRule::kLlama3, true, true},
    {"midm-2.0", SplitRule::kLlama3, true, true},
    {"lfm2", SplitRule::kLlama3, true, true},
    {"dbrx", SplitRule::kLlama3, false, false},
    {"smaug-bpe", SplitRule::kLlama3, false, false},
    {"qwen2", SplitRule::kQwen2, false, false},
    {"deepseek-r1-qwen", SplitRule::kQwen2, false, false},
    {"megrez", SplitRule::kQwen2, false, false},
    {"kormo", SplitRule::kQwen2, false, false},
    {"stablelm2", SplitRule::kQwen2, false, false},
    {"hunyuan", SplitRule::kQwen2, false, false},
    {"qwen35", SplitRule::kQwen35, false, false},
    {"tekken", SplitRule::kTekken, true, true},
    {"gpt-4o", SplitRule::kGpt4o, false, false},
    {"llama4", SplitRule::kGpt4o, false, false},
    {"kanana2", SplitRule::kGpt4o, false, false},
    {"deepseek-coder", SplitRule::kDeepSeekCoder, false, false},
    {"default", SplitRule::kDefault, false, false},
};

struct Char {
  uint32_t n_bytes;  // 0: there is none, the text ends here
  CharClass cls;

  bool is(CharClass c) const { return n_bytes > 0 && cls == c; }
};

// The characters that the default rule isolates: [\p{P}$+<=>^~|]
bool is_isolated(uint32_t code_point, CharClass cls) {
  constexpr std::string_view kSymbols = "$+<=>^~|";
  return cls == CharClass::kPunctuation ||
         (code_point < 128 && kSymbols.find(static_cast<char>(code_point)) < kSymbols.size());
}

// What a rule sees of a text. It tells letters, numbers and white space apart and takes marks and
// punctuation for others, unless it says so.
struct Text {
  enum class End : uint8_t { kNever, kNumber, kIsolated };

  std::string_view bytes;
  End end = End::kNever;           // the rule sees no further than the first such character
  bool marks_are_letters = false;  // [\p{L}\p{M}] in place of \p{L}

  Char at(size_t i) const {
    const Utf8Char character = decode_utf8(bytes.substr(i));
    CharClass cls = char_class(character.code_point);
    const bool ends = (end == End::kNumber && cls == CharClass::kNumber) ||
                      (end == End::kIsolated && is_isolated(character.code_point, cls));
    if (marks_are_letters && cls == CharClass::kMark) cls = CharClass::kLetter;
    if (cls > CharClass::kSpace) cls = CharClass::kOther;
    return {ends ? 0 : character.n_bytes, cls};
  }
  bool has(size_t i, char c) const { return i < bytes.size() && bytes[i] == c; }
  bool has_newline(size_t i) const { return has(i, '\r') || has(i, '\n'); }

  // The end of the characters of class `cls` that begin at `i`.
  size_t skip(size_t i, CharClass cls) const {
    for (Char c = at(i); c.is(cls); c = at(i)) i += c.n_bytes;
    return i;
  }
};

// 's|'t|'re|'ve|'m|'ll|'d at the front of `text`: its bytes, or 0.
size_t contraction(const Text& text, bool any_case) {
  const auto letter = [&](size_t i) {
    const char c = i < text.bytes.size() ? text.bytes[i] : '\0';
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  if (!text.has(0, '\'')) return 0;
  const char first = letter(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const char second = letter(2);
  const bool is_match = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
                        (first == 'l' && second == 'l');
  return is_match ? 3 : 0;
}

// \s+(?!\S)|\s+ : white space, but for its last character where something follows, unless that is
// all there is.
size_t white_space(const Text& text) {
  size_t end = 0;
  size_t last = 0;
  Char c = text.at(end);
  while (c.is(CharClass::kSpace)) {
    last = end;
    end += c.n_bytes;
    c = text.at(end);
  }
  const bool is_followed = c.n_bytes > 0;
  return is_followed && last > 0 ? last : end;
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t gpt2_piece(const Text& text) {
  if (const size_t n = contraction(text, /*any_case=*/false); n > 0) return n;
  const size_t begin = text.has(0, ' ') ? 1 : 0;
  const Char c = text.at(begin);
  if (c.n_bytes > 0 && c.cls != CharClass::kSpace) return text.skip(begin, c.cls);
  return white_space(text);
}

// \p{N}, and what lies between by GPT-2's expression: white space before a number keeps its last
// character.
size_t smollm_piece(std::string_view bytes) {
  const Char c = Text{bytes}.at(0);
  if (c.is(CharClass::kNumber)) return c.n_bytes;
  return gpt2_piece({bytes, Text::End::kNumber});
}

// [\p{P}$+<=>^~|]+, between them by GPT-2's expression, of which \p{N}+ and in that [0-9]{3} stand
// alone.
size_t default_piece(std::string_view bytes) {
  const auto is_digit = [&](size_t i) {
    return i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '9';
  };
  const Text text{bytes, Text::End::kIsolated};
  size_t end = 0;
  for (Utf8Char c = decode_utf8(bytes);
       c.n_bytes > 0 && is_isolated(c.code_point, char_class(c.code_point));
       c = decode_utf8(bytes.substr(end))) {
    end += c.n_bytes;
  }
  if (end > 0) return end;
  if (text.has(0, ' ') && text.at(1).is(CharClass::kNumber)) return 1;
  if (!text.at(0).is(CharClass::kNumber)) return gpt2_piece(text);
  if (is_digit(0) && is_digit(1) && is_digit(2)) return 3;
  for (Char c = text.at(end); c.is(CharClass::kNumber); c = text.at(end)) {
    if (end > 0 && is_digit(end) && is_digit(end + 1) && is_digit(end + 2)) break;
    end += c.n_bytes;
  }
  return end;
}

// \p{N}{1,max_digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ , with [\r\n/]* if
// `takes_slashes`
size_t piece_without_letters(const Text& text, int max_digits, bool takes_slashes) {
  if (text.at(0).is(CharClass::kNumber)) {
    size_t end = 0;
    Char c = text.at(end);
    for (int n = 0; n < max_digits && c.is(CharClass::kNumber); ++n) {
      end += c.n_bytes;
      c = text.at(end);
    }
    return end;
  }
  const size_t begin = text.has(0, ' ') ? 1 : 0;
  if (text.at(begin).is(CharClass::kOther)) {
    size_t end = text.skip(begin, CharClass::kOther);
    while (text.has_newline(end) || (takes_slashes && text.has(end, '/'))) ++end;
    return end;
  }
  size_t newlines_end = 0;
  size_t end = 0;
  for (Char c = text.at(end); c.is(CharClass::kSpace); c = text.at(end)) {
    end += c.n_bytes;
    if (text.has_newline(end - 1)) newlines_end = end;
  }
  return newlines_end > 0 ? newlines_end : white_space(text);
}

// Where a word's letters begin, by [^\r\n\p{L}\p{N}]? and then a letter; none: nullopt.
std::optional<size_t> word_begin(const Text& text) {
  const Char first = text.at(0);
  if (first.is(CharClass::kNumber) || text.has_newline(0)) return std::nullopt;
  const size_t begin = first.is(CharClass::kLetter) ? 0 : first.n_bytes;
  return text.at(begin).is(CharClass::kLetter) ? std::optional(begin) : std::nullopt;
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
//   | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// Qwen 2 has \p{N} instead of \p{N}{1,3}.
size_t llama3_piece(const Text& text, int max_digits) {
  if (const size_t n = contraction(text, /*any_case=*/true); n > 0) return n;
  if (const auto begin = word_begin(text)) return text.skip(*begin, CharClass::kLetter);
  return piece_without_letters(text, max_digits, /*takes_slashes=*/false);
}

// Where a word ends whose letters begin at `begin`: [^a-z]*[^A-Z]+|[^a-z]+[^A-Z]*, of letters. As
// llama.cpp has it, cases are those of ASCII, and other letters are of both.
size_t cased_word_end(const Text& text, size_t begin) {
  const auto is_between = [&](size_t i, char first, char last) {
    return text.bytes[i] >= first && text.bytes[i] <= last;
  };
  size_t end = begin;
  size_t both_end = begin;  // behind the last letter of both cases
  Char c = text.at(end);
  for (; c.is(CharClass::kLetter) && !is_between(end, 'a', 'z'); c = text.at(end)) {
    const bool is_upper = is_between(end, 'A', 'Z');
    end += c.n_bytes;
    if (!is_upper) both_end = end;
  }
  if (!c.is(CharClass::kLetter)) return both_end > begin ? both_end : end;
  for (; c.is(CharClass::kLetter) && !is_between(end, 'A', 'Z'); c = text.at(end)) end += c.n_bytes;
  return end;
}

// [^\r\n\p{L}\p{N}]? and a word by cases|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
// GPT-4o has (?i:'s|'t|'re|'ve|'m|'ll|'d)? behind a word and \p{N}{1,3}.
size_t cased_piece(const Text& text, bool is_gpt4o) {
  if (const auto begin = word_begin(text)) {
    const size_t end = cased_word_end(text, *begin);
    return is_gpt4o ? end + contraction({text.bytes.substr(end)}, /*any_case=*/true) : end;
  }
  return piece_without_letters(text, is_gpt4o ? 3 : 1, /*takes_slashes=*/true);
}

// [\r\n], in what remains \s?\p{L}+, then \s?\p{P}+, then in all pieces [一-龥ࠀ-一가-퟿]+,
// then
// \p{N}
size_t deepseek_coder_piece(std::string_view bytes) {
  const auto cls_at = [&](size_t i) { return char_class(decode_utf8(bytes.substr(i)).code_point); };
  const auto size_at = [&](size_t i) { return decode_utf8(bytes.substr(i)).n_bytes; };
  const auto is_run = [&](size_t i) {
    return i < bytes.size() &&
           (cls_at(i) == CharClass::kLetter || cls_at(i) == CharClass::kPunctuation);
  };
  const auto stands_alone = [&](size_t i) {
    return bytes[i] == '\r' || bytes[i] == '\n' || cls_at(i) == CharClass::kNumber;
  };
  const auto is_cjk = [&](size_t i) {
    const uint32_t c = decode_utf8(bytes.substr(i)).code_point;
    return ((c >= 0x800 && c <= 0x9fa5) || (c >= 0xac00 && c <= 0xd7ff)) &&
           cls_at(i) != CharClass::kSpace;
  };
  if (bytes.empty() || stands_alone(0)) return size_at(0);
  const auto begins_run = [&](size_t i) {
    return is_run(i) || (cls_at(i) == CharClass::kSpace && is_run(i + size_at(i)));
  };
  size_t end = size_at(0);
  const bool is_cjk_piece = is_cjk(0);
  const bool is_of_run = begins_run(0);
  const CharClass cls = is_of_run ? cls_at(is_run(0) ? 0 : end) : CharClass::kOther;
  while (end < bytes.size() && is_cjk(end) == is_cjk_piece && !stands_alone(end)) {
    if (is_of_run ? cls_at(end) != cls : begins_run(end)) break;
    end += size_at(end);
  }
  return end;
}

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& pre : kPreTokenizers) {
    if (pre.name == name) return &pre;
  }
  return nullptr;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const PreTokenizer& pre : kPreTokenizers) {
    if (!names.empty()) names += ", ";
    names += pre.name;
  }
  return names;
}

size_t first_piece(SplitRule rule, std::string_view text) {
  switch (rule) {
    case SplitRule::kGpt2:
      return gpt2_piece({text});
    case SplitRule::kSmolLm:
      return smollm_piece(text);
    case SplitRule::kLlama3:
      return llama3_piece({text}, 3);
    case SplitRule::kQwen2:
      return llama3_piece({text}, 1);
    case SplitRule::kQwen35:
      return llama3_piece({text, Text::End::kNever, /*marks_are_letters=*/true}, 1);
    case SplitRule::kTekken:
      return cased_piece({text}, /*is_gpt4o=*/false);
    case SplitRule::kGpt4o:
      return cased_piece({text}, /*is_gpt4o=*/true);
    case SplitRule::kDeepSeekCoder:
      return deepseek_coder_piece(text);
    case SplitRule::kDefault:
      return default_piece(text);
  }
  return text.size();
}

}  // namespace pipit
