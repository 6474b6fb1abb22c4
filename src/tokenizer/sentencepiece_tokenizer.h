// The sentencepiece tokenizer of Llama 2, Gemma and their descendants (tokenizer.ggml.model
// "llama").
#pragma once

#include <memory>

#include "gguf/gguf.h"
#include "pipit/status.h"
#include "tokenizer/tokenizer.h"

namespace pipit {

// As Tokenizer::create(), for a file whose tokenizer.ggml.model is "llama".
Result<std::unique_ptr<Tokenizer>> create_sentencepiece_tokenizer(const Gguf& gguf);

}  // namespace pipit
