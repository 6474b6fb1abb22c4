// The byte-level BPE tokenizer of GPT-2 and its descendants (tokenizer.ggml.model "gpt2").
#pragma once

#include <memory>

#include "gguf/gguf.h"
#include "pipit/status.h"
#include "tokenizer/tokenizer.h"

namespace pipit {

// As Tokenizer::create(), for a file whose tokenizer.ggml.model is "gpt2".
Result<std::unique_ptr<Tokenizer>> create_bpe_tokenizer(const Gguf& gguf);

}  // namespace pipit
