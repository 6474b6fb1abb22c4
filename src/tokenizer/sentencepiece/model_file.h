// sentencepiece's own files (tokenizer.model) as what a GGUF file would say of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "gguf/gguf.h"
#include "pipit/status.h"

namespace pipit {

// A header of tokenizer.ggml.* keys, as llama.cpp's converter writes them. Errors: kInvalidFile (no
// such file), kUnsupported (a kind other than BPE), kLimitExceeded, kOutOfMemory.
Result<std::unique_ptr<Gguf>> read_sentencepiece_file(std::span<const uint8_t> bytes);

}  // namespace pipit
