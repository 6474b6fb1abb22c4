// The UTF-8 decoder (WHATWG Encoding Standard, § 8.1.1; Unicode 15.1, table 3-7).
#include "tokenizer/utf8.h"

namespace pipit {
namespace {

Utf8Char not_a_character(size_t n_bytes, Utf8State state) {
  return {kReplacementCharacter, static_cast<uint32_t>(n_bytes), state};
}

}  // namespace

Utf8Char decode_utf8(std::string_view text) {
  if (text.empty()) return not_a_character(0, Utf8State::kIncomplete);
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1, Utf8State::kComplete};

  size_t n_bytes;
  uint32_t code_point;
  // What the second byte may be: some leads exclude overlong forms, surrogates and what lies beyond
  // U+10FFFF.
  uint8_t lower = 0x80;
  uint8_t upper = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    n_bytes = 2;
    code_point = lead & 0x1fu;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    n_bytes = 3;
    code_point = lead & 0x0fu;
    if (lead == 0xe0) lower = 0xa0;
    if (lead == 0xed) upper = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    n_bytes = 4;
    code_point = lead & 0x07u;
    if (lead == 0xf0) lower = 0x90;
    if (lead == 0xf4) upper = 0x8f;
  } else {
    return not_a_character(1, Utf8State::kInvalid);
  }

  for (size_t i = 1; i < n_bytes; ++i) {
    if (i == text.size()) return not_a_character(i, Utf8State::kIncomplete);
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte < lower || byte > upper) return not_a_character(i, Utf8State::kInvalid);
    code_point = code_point << 6 | (byte & 0x3fu);
    lower = 0x80;
    upper = 0xbf;
  }
  return {code_point, static_cast<uint32_t>(n_bytes), Utf8State::kComplete};
}

Status append_utf8(uint32_t code_point, Array<char>& out) {
  if (code_point < 0x80) return out.push_back(static_cast<char>(code_point));
  const uint32_t n_tail = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  const uint32_t lead = 0xff00u >> (n_tail + 1) & 0xffu;  // as many ones as there are bytes
  PIPIT_RETURN_IF_ERROR(out.push_back(static_cast<char>(lead | code_point >> 6 * n_tail)));
  for (uint32_t i = n_tail; i-- > 0;) {
    PIPIT_RETURN_IF_ERROR(out.push_back(static_cast<char>(0x80u | (code_point >> 6 * i & 0x3fu))));
  }
  return ok_status();
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char character = decode_utf8(text);
    if (character.state != Utf8State::kComplete) return false;
    text.remove_prefix(character.n_bytes);
  }
  return true;
}

Result<size_t> append_valid_utf8(std::string_view text, Array<char>& out) {
  size_t begin = 0;  // of the characters that are not appended yet
  size_t end = 0;
  while (end < text.size()) {
    const Utf8Char character = decode_utf8(text.substr(end));
    if (character.state == Utf8State::kIncomplete) break;
    if (character.state == Utf8State::kInvalid) {
      PIPIT_RETURN_IF_ERROR(out.append(text.substr(begin, end - begin)));
      PIPIT_RETURN_IF_ERROR(out.append(kReplacementUtf8));
      begin = end + character.n_bytes;
    }
    end += character.n_bytes;
  }
  PIPIT_RETURN_IF_ERROR(out.append(text.substr(begin, end - begin)));
  return end;
}

}  // namespace pipit
