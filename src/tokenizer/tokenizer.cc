// The kinds of tokenizers, by tokenizer.ggml.model.
#include "tokenizer/tokenizer.h"

#include "base/quote.h"
#include "base/str_cat.h"
#include "tokenizer/bpe_tokenizer.h"

namespace pipit {

Result<std::unique_ptr<Tokenizer>> Tokenizer::create(const Gguf& gguf) {
  PIPIT_ASSIGN_OR_RETURN(const std::string_view model, gguf.get_string("tokenizer.ggml.model"));
  if (model == "gpt2") return create_bpe_tokenizer(gguf);
  return Status(StatusCode::kUnsupported,
                str_cat("pipit does not know the tokenizer ", quote(model),
                        " (\"tokenizer.ggml.model\"). It knows \"gpt2\" (byte-level BPE)."));
}

}  // namespace pipit
