// The seam to the library sentencepiece, which takes its memory with `new` and may throw: nothing
// but a Status gets out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/array.h"
#include "pipit/status.h"
#include "tokenizer/vocabulary.h"

namespace pipit {

class SentencePieceModel {
 public:
  struct Match {
    Token id;
    uint32_t n_bytes;  // of the text
  };

  // A BPE model of the vocabulary's normal, user-defined and byte tokens: of the pairs that make a
  // piece, the one whose piece has the highest score merges first. `unknown` stands for characters
  // that are no piece. Errors: kInvalidFile (two pieces with the same text), kOutOfMemory.
  static Result<SentencePieceModel> create(const Vocabulary& vocabulary,
                                           std::span<const float> scores, Token unknown,
                                           bool has_bytes);
  SentencePieceModel(SentencePieceModel&&) noexcept;
  SentencePieceModel& operator=(SentencePieceModel&&) noexcept;
  ~SentencePieceModel();

  // Replaces `out` with the pieces of valid UTF-8 that has U+2581 for spaces: O(n log n). Errors:
  // kOutOfMemory.
  Status encode(std::string_view text, Array<Match>& out) const;

 private:
  struct Library;
  explicit SentencePieceModel(std::unique_ptr<Library> library);

  std::unique_ptr<Library> library_;
};

}  // namespace pipit
