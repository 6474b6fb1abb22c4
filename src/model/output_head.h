// The output head in two steps: of a large vocabulary only the logits that a sampler can draw.
#pragma once

#include <cstdint>

#include "base/array.h"
#include "base/thread_pool.h"
#include "kernels/kernel_set.h"
#include "pipit/options.h"
#include "pipit/status.h"

namespace pipit {

enum class HeadResult {
  kTwoSteps,
  kFull,        // nobody asked for less
  kTooMany,     // of the panels would have to be finished for it to be worth while
  kAboveBound,  // a logit was above its bound: the matrix is not what the bounds are made for
};

// The scratch of compute_top_logits().
struct HeadScratch {
  Array<float> energy;                    // [n_embd / kGroupSize]
  Array<float> largest;                   // [n_panels] of each panel's bounds
  Array<float> sorted;                    // largest, or the logits of the panels finished first
  Array<uint8_t> is_finished;             // [n_panels]
  Array<uint32_t> panels;                 // those to finish, in the order of their coming
  HeadResult result = HeadResult::kFull;  // of the last pass with logits

  // Errors: kOutOfMemory.
  Status resize(const PackedMatrix& w);
};

// Writes to `logits` [w.n_rows] those that `top` asks for, to the same bits as matmul(), and
// -infinity in place of the others. `x` is one token, prepared; `w` is halved. Unless the result is
// kTwoSteps, the logits still have to be computed.
HeadResult compute_top_logits(const PackedMatrix& w, const KernelSet& kernels, ThreadPool& pool,
                              const Activations& x, const TopLogits& top, HeadScratch& scratch,
                              float* logits);

}  // namespace pipit
