// The JSON that JavaScript gets: what a model is, what its file holds, how a generation goes on.
#pragma once

#include <string>

#include "pipit/engine.h"
#include "quant/quantise_plan.h"

namespace pipit {

std::string model_info_json(const Model& model);

// Metadata and tensor directory, for `inspect`. Of long arrays only the first elements.
std::string header_json(const Gguf& gguf);

std::string generation_json(const Generation& generation);

// `stops` are the generation's stop strings, `model` the one that generates.
std::string step_json(const GenerationStep& step, const std::vector<std::string>& stops,
                      const Model& model);

// `done` is what the scoring's step said.
std::string scoring_json(const Scoring& scoring, bool done);

// What became of each tensor.
std::string quantised_json(std::span<const TensorPlan> tensors);

}  // namespace pipit
