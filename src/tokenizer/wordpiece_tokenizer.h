// The WordPiece tokenizer of BERT and other embedding models (tokenizer.ggml.model "bert").
#pragma once

#include <memory>

#include "gguf/gguf.h"
#include "pipit/status.h"
#include "tokenizer/tokenizer.h"

namespace pipit {

// As Tokenizer::create(), for a file whose tokenizer.ggml.model is "bert".
Result<std::unique_ptr<Tokenizer>> create_wordpiece_tokenizer(const Gguf& gguf);

}  // namespace pipit
