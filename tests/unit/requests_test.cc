// JSON requests from JavaScript: what is read, and what is refused with which words.
#include "wasm/requests.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/str_cat.h"

namespace pipit {
namespace {

TEST(LoadRequest, ReadsEveryField) {
  const auto request = parse_load_request(
      R"({"file_size": 8589934592, "header_only": true, "kernels": "reference",
          "kv_type": "f16", "n_threads": 3})");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->file_size, 8589934592u);
  EXPECT_TRUE(request->header_only);
  EXPECT_EQ(request->options.kernels, "reference");
  EXPECT_EQ(request->options.kv_type, "f16");
  EXPECT_EQ(request->options.n_threads, 3u);
}

TEST(GenerateRequest, ReadsEveryField) {
  const auto request =
      parse_generate_request(R"({"tokens": [1, 2, 3], "max_tokens": 7, "logprobs": 5,
      "stop": ["a", "\u00e4"], "ignore_eos": true, "temperature": 0.5, "top_k": 3, "top_p": 0.25, "min_p": 0.125,
      "repeat_penalty": 1.5, "presence_penalty": -0.5, "frequency_penalty": 2, "penalty_last_n": -1,
      "seed": 9007199254740991, "logit_bias": [[5, 1.5], [6, null]]})");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(std::vector<int32_t>(request->tokens.begin(), request->tokens.end()),
            (std::vector<int32_t>{1, 2, 3}));
  const GenerateOptions& generate = request->options;
  EXPECT_EQ(generate.logprobs, 5);
  EXPECT_EQ(generate.max_tokens, 7);
  EXPECT_EQ(generate.stop, (std::vector<std::string>{"a", "\xc3\xa4"}));
  EXPECT_TRUE(generate.ignore_eos);
  const SamplingOptions& sampling = generate.sampling;
  EXPECT_EQ(sampling.temperature, 0.5f);
  EXPECT_EQ(sampling.top_k, 3);
  EXPECT_EQ(sampling.top_p, 0.25f);
  EXPECT_EQ(sampling.min_p, 0.125f);
  EXPECT_EQ(sampling.repeat_penalty, 1.5f);
  EXPECT_EQ(sampling.presence_penalty, -0.5f);
  EXPECT_EQ(sampling.frequency_penalty, 2.0f);
  EXPECT_EQ(sampling.penalty_last_n, -1);
  EXPECT_EQ(sampling.seed, 9007199254740991u);
  ASSERT_EQ(sampling.logit_bias.size(), 2u);
  EXPECT_EQ(sampling.logit_bias[0].token, 5);
  EXPECT_EQ(sampling.logit_bias[0].bias, 1.5f);
  EXPECT_EQ(sampling.logit_bias[1].bias, -INFINITY);
}

TEST(SessionRequest, ReadsEveryField) {
  const auto request =
      parse_session_request(R"({"n_ctx": 512, "when_full": "slide", "keep_tokens": 4})");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->n_ctx, 512u);
  EXPECT_EQ(request->when_full, WhenFull::kSlide);
  EXPECT_EQ(request->keep_tokens, 4);
  EXPECT_EQ(parse_session_request(R"({"when_full": "stop"})")->when_full, WhenFull::kStop);
}

TEST(ScoreRequest, ReadsEveryField) {
  const auto request = parse_score_request(R"({"tokens": [1, 2], "candidates": [[3], [4, 5]]})");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->tokens.size(), 2u);
  EXPECT_EQ(request->candidates, (std::vector<std::vector<int32_t>>{{3}, {4, 5}}));
}

TEST(EmbedRequest, ReadsEveryField) {
  const auto request = parse_embed_request(R"({"tokens": [1, 2], "pooling": "cls"})");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->tokens.size(), 2u);
  EXPECT_EQ(request->options.pooling, Pooling::kCls);
  EXPECT_EQ(parse_embed_request(R"({"pooling": "auto"})")->options.pooling, std::nullopt);
  EXPECT_EQ(parse_embed_request(R"({"pooling": "max"})").status().message(),
            "'pooling' is \"max\"; it must be \"auto\", \"mean\", \"cls\" or \"last\".");
}

TEST(GenerateRequest, MissingFieldsKeepTheirDefaults) {
  const auto request = parse_generate_request("{}");
  ASSERT_TRUE(request.ok());
  EXPECT_TRUE(request->tokens.empty());
  EXPECT_EQ(request->options.max_tokens, GenerateOptions().max_tokens);
  EXPECT_EQ(request->options.sampling.top_k, SamplingOptions().top_k);
}

// A recursive reader or writer would run out of stack, of which Wasm has little and guards none.
TEST(Requests, AnyDepthIsRefused) {
  for (const char* field : {"tokens", "stop", "temperature", "logit_bias", "unknown"}) {
    const std::string json =
        str_cat("{\"", field, "\":", std::string(1 << 20, '['), std::string(1 << 20, ']'), "}");
    const auto request = parse_generate_request(json);
    ASSERT_FALSE(request.ok()) << field;
    EXPECT_EQ(request.status().code(), StatusCode::kInvalidArgument);
    EXPECT_LT(request.status().message().size(), 400u);
  }
}

TEST(Requests, SayWhatIsWrong) {
  const struct {
    const char* json;
    const char* message_part;
  } cases[] = {
      {"", "no JSON object"},
      {"{", "no JSON object"},
      {"[1]", "no JSON object"},
      {"{\"tokens\": \xff}", "no JSON object"},
      {R"({"temprature": 1})", "\"temprature\""},
      {R"({"\u001b[2J": 1})", "\"\\x1b[2J\""},
      {R"({"temprature": 1})", "temperature"},
      {R"({"tokens": 5})", "list of token ids"},
      {R"({"tokens": [1, "x"]})", "\"x\""},
      {R"({"tokens": [2147483648]})", "2147483647"},
      {R"({"tokens": [1.5]})", "1.5"},
      {R"({"n_ctx": 5})", "\"n_ctx\""},
      {R"({"max_tokens": -2147483649})", "-2147483648"},
      {R"({"seed": -1})", "'seed'"},
      {R"({"stop": "a"})", "list of texts"},
      {R"({"stop": [1]})", "a text"},
      {R"({"ignore_eos": 1})", "true or false"},
      {R"({"temperature": "hot"})", "'temperature' is \"hot\""},
      {R"({"temperature": null})", "null"},
      {R"({"temperature": [1]})", "'temperature' is an array"},
      {R"({"temperature": {"x": 1}})", "'temperature' is an object"},
      {R"({"logit_bias": {"5": 1}})", "pairs"},
      {R"({"logit_bias": [[5]]})", "pairs"},
      {R"({"logit_bias": [[5, "x"]]})", "a number"},
      {R"({"logit_bias": [["a", 1]]})", "whole number"},
  };
  for (const auto& c : cases) {
    const auto request = parse_generate_request(c.json);
    ASSERT_FALSE(request.ok()) << c.json;
    EXPECT_EQ(request.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(request.status().message().find(c.message_part), std::string::npos)
        << c.json << ": " << request.status().message();
    EXPECT_LT(request.status().message().size(), 400u);
  }
  const struct {
    const char* json;
    const char* message_part;
  } session_cases[] = {
      {R"({"n_ctx": -1})", "whole number from 0"},
      {R"({"n_ctx": 4294967296})", "4294967295"},
      {R"({"keep_tokens": -2147483649})", "-2147483648"},
      {R"({"when_full": "explode"})", "\"stop\" or \"slide\""},
      {R"({"when_full": 1})", "\"stop\" or \"slide\""},
  };
  for (const auto& c : session_cases) {
    const auto request = parse_session_request(c.json);
    ASSERT_FALSE(request.ok()) << c.json;
    EXPECT_NE(request.status().message().find(c.message_part), std::string::npos)
        << c.json << ": " << request.status().message();
  }
  for (const char* candidates : {"5", "[5]", "[[1], 5]", "[[\"x\"]]"}) {
    EXPECT_FALSE(parse_score_request(str_cat(R"({"candidates": )", candidates, "}")).ok())
        << candidates;
  }
  EXPECT_FALSE(parse_logits_request(R"({"temperature": 1})").ok());
  EXPECT_FALSE(parse_load_request(R"({"tokens": []})").ok());
  EXPECT_FALSE(parse_load_request(R"({"file_size": 1.5})").ok());
}

}  // namespace
}  // namespace pipit
