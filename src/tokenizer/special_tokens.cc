// A sorted list stands for a trie: the texts that share a prefix are neighbours.
#include "tokenizer/special_tokens.h"

#include <algorithm>

#include "base/str_cat.h"

namespace pipit {

Result<SpecialTokens> SpecialTokens::create(const Vocabulary& vocabulary, bool hidden) {
  SpecialTokens special;
  for (Token id = 0; id < vocabulary.size(); ++id) {
    const bool is_special =
        vocabulary.type(id) == TokenType::kUserDefined || (hidden && vocabulary.is_hidden(id));
    const Entry entry = {vocabulary.text(id), id};
    if (!is_special || entry.text.empty()) continue;
    if (entry.text.size() > kMaxSpecialTokenBytes) {
      return Status(StatusCode::kLimitExceeded,
                    str_cat("The special token ", id, " has ", entry.text.size(),
                            " bytes; pipit accepts at most ", kMaxSpecialTokenBytes,
                            ". The file is damaged or not a model."));
    }
    PIPIT_RETURN_IF_ERROR(special.entries_.push_back(entry));
  }
  Array<Entry>& entries = special.entries_;
  // Of several tokens with one text the last counts, as for normal tokens.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.text != b.text ? a.text < b.text : a.id > b.id;
  });
  const Entry* end = std::unique(entries.begin(), entries.end(),
                                 [](const Entry& a, const Entry& b) { return a.text == b.text; });
  entries.truncate(static_cast<size_t>(end - entries.begin()));
  for (const Entry& entry : entries)
    ++special.first_byte_[static_cast<uint8_t>(entry.text[0]) + 1u];
  for (size_t b = 1; b < special.first_byte_.size(); ++b) {
    special.first_byte_[b] += special.first_byte_[b - 1];
  }
  return special;
}

SpecialTokens::Match SpecialTokens::find(std::string_view text, size_t from) const {
  for (size_t begin = from; begin < text.size() && !entries_.empty(); ++begin) {
    const auto byte = static_cast<uint8_t>(text[begin]);
    if (first_byte_[byte] == first_byte_[byte + 1u]) continue;
    const Match match = longest_at(text, begin);
    if (match.n_bytes > 0) return match;
  }
  return {text.size(), 0, 0};
}

SpecialTokens::Match SpecialTokens::longest_at(std::string_view text, size_t begin) const {
  Match longest = {begin, 0, 0};
  const auto first = static_cast<uint8_t>(text[begin]);
  // [low, high): the entries that begin with the `length` bytes of the text from `begin`.
  const Entry* low = entries_.begin() + first_byte_[first];
  const Entry* high = entries_.begin() + first_byte_[first + 1u];
  for (size_t length = 1; low < high; ++length) {
    if (low->text.size() == length) {
      longest = {begin, length, low->id};
      ++low;
    }
    if (begin + length == text.size()) break;
    const auto next = static_cast<uint8_t>(text[begin + length]);
    const auto byte = [length](const Entry& entry) {
      return static_cast<uint8_t>(entry.text[length]);
    };
    low = std::partition_point(low, high, [&](const Entry& e) { return byte(e) < next; });
    high = std::partition_point(low, high, [&](const Entry& e) { return byte(e) == next; });
  }
  return longest;
}

}  // namespace pipit
