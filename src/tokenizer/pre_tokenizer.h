// Pre-tokenizers: the rules by which text is cut into pieces before byte-pair merging, as
// tokenizer.ggml.pre names them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pipit {

// Each rule is a regular expression (pre_tokenizer.cc) whose matches, and the text between them,
// are the pieces.
enum class SplitRule : uint8_t {
  kGpt2,
  kSmolLm,
  kLlama3,
  kQwen2,
  kQwen35,
  kTekken,
  kGpt4o,
  kDeepSeekCoder,
  kDefault,
};

struct PreTokenizer {
  std::string_view name;  // tokenizer.ggml.pre
  SplitRule rule;
  bool ignores_merges;  // a piece that is a token as a whole is that token, whatever the merges say
  bool adds_bos;        // unless tokenizer.ggml.add_bos_token says otherwise
};

// nullptr: pipit does not know it.
const PreTokenizer* find_pre_tokenizer(std::string_view name);

// The names that find_pre_tokenizer() knows, for a message: "gpt-2, phi-2, …".
std::string pre_tokenizer_names();

// Bytes of the first piece of `text`: at least 1, unless the text is empty. Pieces do not depend on
// what stands before them. Cutting a whole text piece by piece takes linear time.
size_t first_piece(SplitRule rule, std::string_view text);

}  // namespace pipit
