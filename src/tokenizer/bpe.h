// Byte-level byte-pair encoding: one pre-tokenized piece of text to tokens (Sennrich et al. 2016,
// arXiv:1508.07909, on bytes as in GPT-2).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/array.h"
#include "gguf/gguf.h"
#include "pipit/status.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/piece_table.h"
#include "tokenizer/vocabulary.h"

namespace pipit {

class Bpe {
 public:
  // Working memory that many words share.
  struct Scratch {
    struct Symbol {
      Piece piece;
      uint32_t prev;  // symbols' indices; kNoSymbol at the ends
      uint32_t next;
      Merge merge;  // of this symbol with the next
    };
    Array<Symbol> symbols;
    Array<uint64_t> queue;  // heap of rank << 32 | index of the left symbol
    Array<char> characters;
  };

  // Reads tokenizer.ggml.merges. As in llama.cpp, merges go by texts: what they join and make need
  // not be a token. With `ignores_merges`, a word that is a token as a whole is that token. Errors:
  // kInvalidFile (no merges, or one that is not two texts with a space between), kLimitExceeded
  // (kMaxProbes), kOutOfMemory.
  static Result<Bpe> create(const Gguf& gguf, const Vocabulary& vocabulary, bool ignores_merges);

  // Appends the tokens of `word`, at most 2^30 bytes of text. As in llama.cpp, of a piece that is
  // no token only those ASCII characters remain that are tokens by themselves; a vocabulary with
  // all 256 bytes and the results of all its merges loses nothing. Never gives a token that
  // is_hidden().
  Status append_tokens(std::string_view word, Scratch& scratch, Array<Token>& out) const;

 private:
  Status add_tokens(const Vocabulary& vocabulary);
  Status add_bytes();
  Status add_merges(const Gguf& gguf);
  bool is_token(Piece piece) const { return piece < n_vocab_; }
  Result<bool> append_whole(std::string_view word, Scratch& scratch, Array<Token>& out) const;
  Status append_short(std::string_view word, Array<Token>& out) const;
  Status append_long(std::string_view word, Scratch& scratch, Array<Token>& out) const;
  Status append_piece(Piece piece, Array<Token>& out) const;

  PieceTable pieces_;  // the vocabulary, then texts that only merges know
  MergeTable merges_;
  std::array<Piece, 256> bytes_{};
  size_t n_vocab_ = 0;
  size_t max_token_bytes_ = 0;
  bool ignores_merges_ = false;
};

}  // namespace pipit
