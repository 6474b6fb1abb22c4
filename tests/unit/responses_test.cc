// The JSON that JavaScript gets, to the letter where code depends on it.
#include "wasm/responses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/tiny_llama.h"

namespace pipit {
namespace {

using testing::load_bytes;
using testing::TinyLlama;

TEST(StepJson, EveryPhase) {
  const auto model = load_bytes(TinyLlama().file());
  const TokenLogprob logprobs[] = {{5, -0.5f}, {TinyLlama::kEos, -INFINITY}};
  const struct {
    GenerationStep step;
    const char* expected;
  } cases[] = {
      {{.phase = GenerationPhase::kPrefill, .n_done = 32, .n_total = 70},
       R"({"phase":"prefill","done":32,"total":70})"},
      {{.phase = GenerationPhase::kDecode, .token = 5, .text = "\"\xc3\xa4\n"},
       "{\"phase\":\"decode\",\"token\":5,\"text\":\"\\\"\xc3\xa4\\n\"}"},
      {{.phase = GenerationPhase::kDecode, .token = 5, .text = "&", .logprobs = logprobs},
       R"({"phase":"decode","token":5,"text":"&","logprobs":[)"
       R"({"token":5,"bytes":[38],"logprob":-0.5},)"
       R"({"token":95,"bytes":[60,124,101,110,100,124,62],"logprob":null}]})"},
      {{.phase = GenerationPhase::kSlide}, R"({"phase":"slide"})"},
      {{.phase = GenerationPhase::kEnd, .stop_reason = StopReason::kEndOfGeneration},
       R"({"phase":"end","text":"","stop_reason":"eos","stop":null})"},
      {{.phase = GenerationPhase::kEnd, .text = "x", .stop_reason = StopReason::kMaxTokens},
       R"({"phase":"end","text":"x","stop_reason":"length","stop":null})"},
      {{.phase = GenerationPhase::kEnd, .stop_reason = StopReason::kContextFull},
       R"({"phase":"end","text":"","stop_reason":"context","stop":null})"},
      {{.phase = GenerationPhase::kEnd, .stop_reason = StopReason::kStopString, .stop_index = 1},
       R"({"phase":"end","text":"","stop_reason":"stop","stop":"b"})"},
  };
  for (const auto& c : cases) EXPECT_EQ(step_json(c.step, {"a", "b"}, **model), c.expected);
}

TEST(ModelInfoJson, HoldsWhatTheClientShows) {
  const auto model = load_bytes(TinyLlama().file());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::string json = model_info_json(**model);
  for (const char* part :
       {R"("architecture":"llama")", R"("n_vocab":96)", R"("eos_token":"<|end|>")",
        R"("eos_id":95)", R"("chat_template":null)", R"("n_threads":1)", R"("kernel_trials":[{)"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
}

TEST(HeaderJson, ShowsEveryPairAndTensor) {
  TinyLlama tiny;
  tiny.add = [](auto& b) {
    b.array("test.long", std::vector<int32_t>(1000, -7));
    b.boolean("test.bool", true);
    b.string("test.bytes", "\xff");
    b.f32("test.float", 0.5f);
  };
  const auto model = load_bytes(tiny.file());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::string json = header_json((*model)->gguf());
  for (
      const char* part : {
          R"({"key":"test.long","type":"array of i32","length":1000,"value":[-7,-7,-7,-7,-7,-7,-7,-7]})",
          R"({"key":"test.bool","type":"bool","value":true})",
          "{\"key\":\"test.bytes\",\"type\":\"string\",\"value\":\"\xef\xbf\xbd\"}",
          R"({"key":"test.float","type":"f32","value":0.5})",
          R"({"name":"token_embd.weight","type":"F32","shape":[32,96],"bytes":12288,"offset":)",
      }) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
  }
}

}  // namespace
}  // namespace pipit
