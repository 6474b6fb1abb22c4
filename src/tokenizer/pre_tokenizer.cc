// The pre-tokenizers' regular expressions as scanners. They agree with llama.cpp (src/unicode.cpp,
// src/llama-vocab.cpp).
#include "tokenizer/pre_tokenizer.h"

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
};

struct Char {
  uint32_t n_bytes;  // 0: there is none, the text ends here
  CharClass cls;

  bool is(CharClass c) const { return n_bytes > 0 && cls == c; }
};

struct Text {
  std::string_view bytes;
  bool ends_at_number = false;  // the rule sees no further than the first \p{N}

  Char at(size_t i) const {
    const Utf8Char character = decode_utf8(bytes.substr(i));
    const CharClass cls = char_class(character.code_point);
    const bool ends = ends_at_number && cls == CharClass::kNumber;
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
  return gpt2_piece({bytes, /*ends_at_number=*/true});
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
//   | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// Qwen 2 has \p{N} instead of \p{N}{1,3}.
size_t llama3_piece(const Text& text, int max_digits) {
  if (const size_t n = contraction(text, /*any_case=*/true); n > 0) return n;
  const Char first = text.at(0);
  if (first.is(CharClass::kNumber)) {
    size_t end = 0;
    Char c = first;
    for (int n = 0; n < max_digits && c.is(CharClass::kNumber); ++n) {
      end += c.n_bytes;
      c = text.at(end);
    }
    return end;
  }
  if (!text.has_newline(0)) {
    const size_t begin = first.is(CharClass::kLetter) ? 0 : first.n_bytes;
    if (text.at(begin).is(CharClass::kLetter)) return text.skip(begin, CharClass::kLetter);
  }
  const size_t begin = text.has(0, ' ') ? 1 : 0;
  if (text.at(begin).is(CharClass::kOther)) {
    size_t end = text.skip(begin, CharClass::kOther);
    while (text.has_newline(end)) ++end;
    return end;
  }
  size_t newlines_end = 0;
  size_t end = 0;
  for (Char c = first; c.is(CharClass::kSpace); c = text.at(end)) {
    end += c.n_bytes;
    if (text.has_newline(end - 1)) newlines_end = end;
  }
  return newlines_end > 0 ? newlines_end : white_space(text);
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
  }
  return text.size();
}

}  // namespace pipit
