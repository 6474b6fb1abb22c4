// Merging: always the pair of lowest rank, of equals the leftmost, until no two neighbours merge.
#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/byte_level.h"

namespace pipit {
namespace {

constexpr uint32_t kNoSymbol = UINT32_MAX;
constexpr Merge kNoMerge = {Merge::kNone, 0};

// Up to here, looking through all pairs for the best one beats a heap.
constexpr size_t kMaxShortWord = 32;

}  // namespace

Result<Bpe> Bpe::create(const Gguf& gguf, const Vocabulary& vocabulary, bool ignores_merges) {
  Bpe bpe;
  bpe.ignores_merges_ = ignores_merges;
  PIPIT_RETURN_IF_ERROR(bpe.add_tokens(vocabulary));
  PIPIT_RETURN_IF_ERROR(bpe.add_bytes());
  PIPIT_RETURN_IF_ERROR(bpe.add_merges(gguf));
  return bpe;
}

Status Bpe::add_tokens(const Vocabulary& vocabulary) {
  n_vocab_ = static_cast<size_t>(vocabulary.size());
  PIPIT_RETURN_IF_ERROR(pieces_.reserve(n_vocab_ + bytes_.size()));
  for (Token id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.text(id);
    const bool is_findable = !vocabulary.is_hidden(id) && !text.empty();
    max_token_bytes_ = std::max(max_token_bytes_, text.size());
    PIPIT_RETURN_IF_ERROR(pieces_.append(text, is_findable));
  }
  return ok_status();
}

Status Bpe::add_bytes() {
  for (size_t byte = 0; byte < bytes_.size(); ++byte) {
    const std::string_view character = byte_to_character(static_cast<uint8_t>(byte));
    PIPIT_ASSIGN_OR_RETURN(bytes_[byte], pieces_.intern(character));
  }
  return ok_status();
}

Status Bpe::add_merges(const Gguf& gguf) {
  constexpr std::string_view kKey = "tokenizer.ggml.merges";
  PIPIT_ASSIGN_OR_RETURN(const GgufValue* merges, gguf.get_array(kKey, GgufType::kString));
  if (merges == nullptr) {
    return {StatusCode::kInvalidFile,
            str_cat("The metadata has no ", quote(kKey),
                    ", which a byte-level BPE tokenizer needs. Convert the model again.")};
  }
  PIPIT_ASSIGN_OR_RETURN(merges_, MergeTable::create(merges->n));
  for (uint64_t rank = 0; rank < merges->n; ++rank) {
    const std::string_view merge = gguf.string(*merges, rank);
    const size_t space = merge.find(' ', 1);  // the left part is not empty
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      return {StatusCode::kInvalidFile,
              str_cat("Merge ", rank, " of ", quote(kKey), " is ", quote(merge),
                      ", but two texts with a space between were expected.")};
    }
    PIPIT_ASSIGN_OR_RETURN(const Piece left, pieces_.intern(merge.substr(0, space)));
    PIPIT_ASSIGN_OR_RETURN(const Piece right, pieces_.intern(merge.substr(space + 1)));
    PIPIT_ASSIGN_OR_RETURN(const Piece result, pieces_.intern({merge, space}));
    PIPIT_RETURN_IF_ERROR(merges_.insert(left, right, {static_cast<uint32_t>(rank), result}));
  }
  return ok_status();
}

Status Bpe::append_tokens(std::string_view word, Scratch& scratch, Array<Token>& out) const {
  if (ignores_merges_) {
    PIPIT_ASSIGN_OR_RETURN(const bool is_done, append_whole(word, scratch, out));
    if (is_done) return ok_status();
  }
  return word.size() <= kMaxShortWord ? append_short(word, out) : append_long(word, scratch, out);
}

// True if the word is a token, which is then appended.
Result<bool> Bpe::append_whole(std::string_view word, Scratch& scratch, Array<Token>& out) const {
  if (word.size() > max_token_bytes_) return false;
  scratch.characters.clear();
  for (const char c : word) {
    PIPIT_RETURN_IF_ERROR(scratch.characters.append(byte_to_character(static_cast<uint8_t>(c))));
  }
  const auto piece =
      pieces_.find(std::string_view(scratch.characters.data(), scratch.characters.size()));
  if (!piece || !is_token(*piece)) return false;
  PIPIT_RETURN_IF_ERROR(out.push_back(static_cast<Token>(*piece)));
  return true;
}

Status Bpe::append_short(std::string_view word, Array<Token>& out) const {
  std::array<Piece, kMaxShortWord> pieces;
  std::array<Merge, kMaxShortWord> merges;  // merges[i]: of pieces[i] with pieces[i + 1]
  size_t n = word.size();
  for (size_t i = 0; i < n; ++i) pieces[i] = bytes_[static_cast<uint8_t>(word[i])];
  for (size_t i = 0; i + 1 < n; ++i) merges[i] = merges_.find(pieces[i], pieces[i + 1]);

  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == Merge::kNone) break;
    pieces[best] = merges[best].result;
    --n;
    for (size_t i = best + 1; i < n; ++i) pieces[i] = pieces[i + 1];
    for (size_t i = best; i + 1 < n; ++i) merges[i] = merges[i + 1];
    if (best > 0) merges[best - 1] = merges_.find(pieces[best - 1], pieces[best]);
    if (best + 1 < n) merges[best] = merges_.find(pieces[best], pieces[best + 1]);
  }
  for (size_t i = 0; i < n; ++i) PIPIT_RETURN_IF_ERROR(append_piece(pieces[i], out));
  return ok_status();
}

// The symbols are a linked list; a heap holds the pairs that merge. A pair whose symbols have
// changed since stays in the heap until it comes up. O(n log n).
Status Bpe::append_long(std::string_view word, Scratch& scratch, Array<Token>& out) const {
  Array<Scratch::Symbol>& symbols = scratch.symbols;
  Array<uint64_t>& queue = scratch.queue;
  const std::greater<> lowest_first;
  const auto entry = [](Merge merge, uint32_t left) { return uint64_t{merge.rank} << 32 | left; };

  symbols.clear();
  queue.clear();
  PIPIT_RETURN_IF_ERROR(symbols.resize(word.size()));
  const auto n = static_cast<uint32_t>(word.size());
  for (uint32_t i = 0; i < n; ++i) {
    symbols[i] = {bytes_[static_cast<uint8_t>(word[i])], i - 1, i + 1, kNoMerge};
  }
  symbols[0].prev = kNoSymbol;
  symbols.back().next = kNoSymbol;
  for (uint32_t i = 0; i + 1 < n; ++i) {
    symbols[i].merge = merges_.find(symbols[i].piece, symbols[i + 1].piece);
    if (symbols[i].merge.rank == Merge::kNone) continue;
    PIPIT_RETURN_IF_ERROR(queue.push_back(entry(symbols[i].merge, i)));
  }
  std::make_heap(queue.begin(), queue.end(), lowest_first);

  const auto update = [&](uint32_t left) {  // the pair that begins at `left`, and the heap
    Scratch::Symbol& symbol = symbols[left];
    symbol.merge = symbol.next == kNoSymbol
                       ? kNoMerge
                       : merges_.find(symbol.piece, symbols[symbol.next].piece);
    if (symbol.merge.rank == Merge::kNone) return ok_status();
    PIPIT_RETURN_IF_ERROR(queue.push_back(entry(symbol.merge, left)));
    std::push_heap(queue.begin(), queue.end(), lowest_first);
    return ok_status();
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), lowest_first);
    const uint64_t best = queue.back();
    queue.pop_back();
    const auto left = static_cast<uint32_t>(best);
    Scratch::Symbol& symbol = symbols[left];
    if (entry(symbol.merge, left) != best) continue;  // no longer the pair that it was

    Scratch::Symbol& right = symbols[symbol.next];
    symbol.piece = symbol.merge.result;
    symbol.next = right.next;
    right.merge = kNoMerge;
    if (symbol.next != kNoSymbol) symbols[symbol.next].prev = left;
    PIPIT_RETURN_IF_ERROR(update(left));
    if (symbol.prev != kNoSymbol) PIPIT_RETURN_IF_ERROR(update(symbol.prev));
  }
  for (uint32_t i = 0; i != kNoSymbol; i = symbols[i].next) {
    PIPIT_RETURN_IF_ERROR(append_piece(symbols[i].piece, out));
  }
  return ok_status();
}

Status Bpe::append_piece(Piece piece, Array<Token>& out) const {
  if (is_token(piece)) return out.push_back(static_cast<Token>(piece));
  const PieceText text = pieces_.text(piece);
  for (uint32_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto token = pieces_.find(std::string_view(&c, 1));
    if (token && is_token(*token)) PIPIT_RETURN_IF_ERROR(out.push_back(static_cast<Token>(*token)));
  }
  return ok_status();
}

}  // namespace pipit
