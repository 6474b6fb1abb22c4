// What a loaded model consists of.
#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "gguf/gguf.h"
#include "kernels/kernel_set.h"
#include "kernels/stream_choice.h"
#include "model/architecture.h"
#include "model/transformer.h"
#include "pipit/engine.h"
#include "tokenizer/tokenizer.h"

namespace pipit {

struct Model::Parts {
  std::unique_ptr<Gguf> gguf;
  std::unique_ptr<Tokenizer> tokenizer;  // refers to *gguf
  const KernelSet* kernels = nullptr;
  KvType kv_type = KvType::kF32;  // of the sessions' caches
  std::unique_ptr<ThreadPool> pool;
  mutable StreamChoice streams;  // learns whenever a session computes
  const Architecture* architecture = nullptr;
  Config config;
  Weights weights;
  ModelInfo info;
};

}  // namespace pipit
