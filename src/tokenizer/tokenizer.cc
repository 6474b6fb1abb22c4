// The kinds of tokenizers, by tokenizer.ggml.model.
#include "tokenizer/tokenizer.h"

#include <cstring>

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/wordpiece_tokenizer.h"

namespace pipit {

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(const Gguf& gguf) {
  PIPIT_ASSIGN_OR_RETURN(const std::string_view model, gguf.get_string("tokenizer.ggml.model"));
  if (model == "gpt2") return create_bpe_tokenizer(gguf);
  if (model == "llama") return create_sentencepiece_tokenizer(gguf);
  if (model == "bert") return create_wordpiece_tokenizer(gguf);
  return Status(StatusCode::kUnsupported,
                str_cat("pipit does not know the tokenizer ", quote(model),
                        " (\"tokenizer.ggml.model\"). It knows \"gpt2\" (byte-level BPE), "
                        "\"llama\" (sentencepiece) and \"bert\" (WordPiece)."));
}

// The space is the first token's, as in llama.cpp.
Result<Array<char>> Tokenizer::decode(std::span<const Token> ids, bool special) const {
  Array<char> bytes;
  for (size_t i = 0; i < ids.size(); ++i) {
    PIPIT_RETURN_IF_ERROR(append_bytes(ids[i], special, bytes));
    if (i > 0 || !adds_space_prefix() || bytes.empty() || bytes[0] != ' ') continue;
    std::memmove(bytes.data(), bytes.data() + 1, bytes.size() - 1);
    bytes.pop_back();
  }
  return bytes;
}

}  // namespace pipit
