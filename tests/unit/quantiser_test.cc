// The Quantiser: which type each tensor gets, the file it writes, whatever the chunks, and what it
// refuses.
#include "quant/quantiser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "support/gguf_builder.h"

namespace pipit {
namespace {

using testing::GgufBuilder;

std::vector<float> random_values(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

struct Outcome {
  Status status;
  std::vector<uint8_t> bytes;
};

// Quantises `file`, given in chunks of `chunk` bytes.
Outcome quantise(const std::vector<uint8_t>& file, std::string_view target, size_t chunk = SIZE_MAX,
                 size_t n_threads = 1) {
  auto quantiser = Quantiser::create(target, file.size(), n_threads);
  if (!quantiser.ok()) return {quantiser.status(), {}};
  Array<uint8_t> out;
  for (std::span<const uint8_t> rest = file; !rest.empty();) {
    const auto part = rest.first(std::min(chunk, rest.size()));
    if (Status status = (*quantiser)->feed(part, out); !status.ok()) return {status, {}};
    rest = rest.subspan(part.size());
  }
  return {(*quantiser)->finish(), {out.begin(), out.end()}};
}

std::unique_ptr<Gguf> parse(const std::vector<uint8_t>& file) {
  GgufParser parser(file.size());
  EXPECT_TRUE(parser.feed(file).ok());
  auto gguf = parser.finish();
  EXPECT_TRUE(gguf.ok()) << gguf.status().message();
  return gguf.ok() ? std::move(*gguf) : nullptr;
}

struct TypeCase {
  const char* tensor;
  std::vector<uint64_t> dims;
  const char* target;
  TensorType expected;
};

// The model has eight layers, and an output head unless the embeddings are what is looked at.
const TypeCase kTypeCases[] = {
    {"blk.0.attn_q.weight", {256, 2}, "Q4_0", TensorType::kQ4_0},
    {"blk.0.attn_q.weight", {256, 2}, "Q4_1", TensorType::kQ4_1},
    {"blk.0.attn_q.weight", {256, 2}, "Q8_0", TensorType::kQ8_0},
    {"blk.0.attn_q.weight", {256, 2}, "Q4_K", TensorType::kQ4_K},
    {"blk.0.attn_q.weight", {256, 2}, "Q6_K", TensorType::kQ6_K},
    {"blk.0.attn_q.weight", {256, 2}, "F16", TensorType::kF16},
    {"blk.0.attn_q.weight", {256, 2}, "BF16", TensorType::kBF16},
    {"blk.0.attn_q.weight", {256, 2}, "F32", TensorType::kF32},
    {"blk.0.attn_q.weight", {32, 2}, "Q4_K", TensorType::kQ5_0},
    {"blk.0.attn_q.weight", {32, 2}, "Q6_K", TensorType::kQ8_0},
    {"blk.0.attn_q.weight", {40, 2}, "Q4_K", TensorType::kF16},
    {"blk.0.attn_q.weight", {40, 2}, "Q4_0", TensorType::kF16},
    {"blk.0.attn_qkv.weight", {256, 2}, "Q4_K", TensorType::kQ5_K},
    {"blk.0.attn_qkv.weight", {32, 2}, "Q4_K", TensorType::kQ5_1},
    {"blk.0.attn_v.weight", {256, 2}, "Q4_K", TensorType::kQ6_K},
    {"blk.1.ffn_down.weight", {256, 2}, "Q4_K", TensorType::kQ4_K},
    {"blk.3.ffn_down.weight", {256, 2}, "Q4_K", TensorType::kQ6_K},
    {"blk.7.ffn_down.weight", {256, 2}, "Q4_K", TensorType::kQ6_K},
    {"blk.7.ffn_down.weight", {256, 2}, "Q4_0", TensorType::kQ4_0},
    {"output.weight", {256, 2}, "Q4_0", TensorType::kQ6_K},
    {"output.weight", {64, 2}, "Q4_0", TensorType::kQ8_0},
    {"output.weight", {256, 2}, "Q8_0", TensorType::kQ8_0},
    {"output.weight", {256, 2}, "F16", TensorType::kF16},
    {"token_embd.weight", {256, 2}, "Q4_0", TensorType::kQ6_K},
    {"blk.0.attn_norm.weight", {256}, "Q4_0", TensorType::kF32},
    {"blk.0.attn_q.bias", {256}, "F16", TensorType::kF32},
    {"blk.0.attn_q_norm.weight", {256, 2}, "Q4_0", TensorType::kF32},
    {"token_types.weight", {256, 2}, "Q4_0", TensorType::kF32},
};

TEST(Quantiser, TypesOfTensors) {
  for (const TypeCase& c : kTypeCases) {
    SCOPED_TRACE(std::string(c.tensor) + ", rows of " + std::to_string(c.dims[0]) + ", " +
                 c.target);
    const uint64_t n = c.dims[0] * (c.dims.size() > 1 ? c.dims[1] : 1);
    GgufBuilder builder;
    builder.raw_tensor(c.tensor, TensorType::kF16, c.dims, std::vector<uint8_t>(2 * n));
    if (std::string_view(c.tensor) != "blk.7.ffn_down.weight") {
      builder.raw_tensor("blk.7.ffn_down.weight", TensorType::kF16, {32}, std::vector<uint8_t>(64));
    }
    if (!std::string_view(c.tensor).starts_with("output") &&
        !std::string_view(c.tensor).starts_with("token_embd")) {
      builder.raw_tensor("output.weight", TensorType::kF16, {32}, std::vector<uint8_t>(64));
    }
    const auto in = parse(builder.build());
    const auto target = find_quantise_target(c.target);
    ASSERT_TRUE(target.ok());
    const auto plan = plan_quantising(*in, (*target)->type);
    ASSERT_TRUE(plan.ok());
    EXPECT_STREQ(tensor_type_info((*plan).span()[0].type)->name,
                 tensor_type_info(c.expected)->name);
  }
}

// Every kind of value, tensors whose data lie in another order than the directory says, a gap, and
// rows that chunks cut anywhere.
std::vector<uint8_t> sample(TensorType type) {
  return GgufBuilder()
      .alignment(64)
      .string("general.architecture", "llama")
      .u32("general.file_type", 1)
      .strings("texts", {"a", "", std::string("\0\xff", 2)})
      .array<float>("floats", {1.5f, -0.0f})
      .array<int8_t>("bytes", {-1, 2})
      .array<bool>("bools", {true, false})
      .scalar<uint64_t>("large", 1ull << 63)
      .scalar<int64_t>("negative", -5)
      .scalar<double>("double", 0.1)
      .tensor("token_embd.weight", type, {96, 5}, random_values(96 * 5, 1))
      .tensor("blk.0.attn_norm.weight", TensorType::kF32, {96}, random_values(96, 2))
      .tensor("blk.0.attn_q.weight", type, {96, 96}, random_values(96 * 96, 3))
      .tensor("blk.0.attn_q.bias", type, {7}, random_values(7, 4))
      .build();
}

TEST(Quantiser, TheFileHoldsTheSameMetadataAndTheEncodedTensors) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16}) {
    SCOPED_TRACE(tensor_type_info(type)->name);
    const std::vector<uint8_t> in_bytes = sample(type);
    const Outcome outcome = quantise(in_bytes, "Q4_1");
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    const auto in = parse(in_bytes);
    const auto out = parse(outcome.bytes);
    ASSERT_NE(out, nullptr);

    EXPECT_EQ(out->n_pairs(), in->n_pairs() + 1);
    EXPECT_EQ(*out->get_u32("general.file_type"), 3u);
    EXPECT_EQ(*out->get_u32("general.quantization_version"), 2u);
    EXPECT_EQ(out->alignment(), 64u);
    for (size_t i = 0; i < in->n_pairs(); ++i) {
      if (in->key(i) == "general.file_type") continue;
      const GgufValue& expected = in->value(i);
      const GgufValue* actual = out->find(in->key(i));
      ASSERT_NE(actual, nullptr) << in->key(i);
      ASSERT_EQ(actual->type, expected.type);
      ASSERT_EQ(actual->is_array, expected.is_array);
      ASSERT_EQ(actual->n, expected.n);
      for (uint64_t k = 0; k < expected.n; ++k) {
        if (expected.type == GgufType::kString) {
          EXPECT_EQ(out->string(*actual, k), in->string(expected, k));
        } else {
          EXPECT_EQ(out->scalar(*actual, k).u64, in->scalar(expected, k).u64) << in->key(i);
        }
      }
    }
    for (size_t i = 0; i < in->tensors().size(); ++i) {
      const TensorInfo& before = in->tensors()[i];
      const TensorInfo& after = out->tensors()[i];
      EXPECT_EQ(after.name, before.name);
      const bool is_embedding = before.name == "token_embd.weight";
      const TensorType wanted = before.n_dims < 2 ? TensorType::kF32
                                : is_embedding    ? TensorType::kQ8_0
                                                  : TensorType::kQ4_1;
      ASSERT_EQ(after.type, wanted) << before.name;
      std::vector<float> values(before.n_elements());
      find_format(before.type)->decode(&in_bytes[before.offset], values.size(), values.data());
      std::vector<uint8_t> expected(after.n_bytes);
      find_format(wanted)->encode(values.data(), values.size(), expected.data());
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), &outcome.bytes[after.offset]));
    }
  }
}

TEST(Quantiser, ChunksAndThreadsDoNotMatter) {
  const std::vector<uint8_t> file = sample(TensorType::kBF16);
  const Outcome whole = quantise(file, "Q8_0");
  ASSERT_TRUE(whole.status.ok());
  for (const size_t chunk : {1, 3, 64, 1000, 4096}) {
    EXPECT_EQ(quantise(file, "Q8_0", chunk).bytes, whole.bytes) << chunk;
  }
  EXPECT_EQ(quantise(file, "Q8_0", SIZE_MAX, 3).bytes, whole.bytes);
}

TEST(Quantiser, DataInAnotherOrderThanTheDirectory) {
  // The directory has a before b, the data b before a with a gap between.
  testing::ByteWriter out;
  out.prefix(2, 0)
      .tensor("a.weight", {32, 1}, TensorType::kF32, 256)
      .tensor("b.weight", {32, 1}, TensorType::kF32, 0)
      .pad_to(32);
  const std::vector<float> a = random_values(32, 1);
  const std::vector<float> b = random_values(32, 2);
  out.raw(b.data(), 128).raw(std::vector<uint8_t>(128, 0xaa).data(), 128).raw(a.data(), 128);
  const Outcome outcome = quantise(out.bytes, "F32", 5);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  const auto gguf = parse(outcome.bytes);
  EXPECT_EQ(std::memcmp(&outcome.bytes[gguf->find_tensor("a.weight")->offset], a.data(), 128), 0);
  EXPECT_EQ(std::memcmp(&outcome.bytes[gguf->find_tensor("b.weight")->offset], b.data(), 128), 0);
  EXPECT_LT(gguf->find_tensor("b.weight")->offset, gguf->find_tensor("a.weight")->offset);
}

TEST(Quantiser, EveryTruncationIsAnError) {
  const std::vector<uint8_t> file = sample(TensorType::kF16);
  // The padding behind the last tensor is not missed.
  const size_t end = file.size() - 1;
  for (size_t n = 0; n < end; n += n < 600 ? 1 : 97) {
    auto quantiser = Quantiser::create("Q8_0", 0, 1);
    ASSERT_TRUE(quantiser.ok());
    Array<uint8_t> out;
    ASSERT_TRUE((*quantiser)->feed(std::span(file).first(n), out).ok()) << n;
    const Status status = (*quantiser)->finish();
    EXPECT_EQ(status.code(), StatusCode::kTruncated) << n << status.message();
  }
}

struct RefusedCase {
  const char* name;
  std::vector<uint8_t> file;
  const char* target;
  StatusCode code;
  const char* message;  // a part of it
};

TEST(Quantiser, Refuses) {
  const auto one = [](TensorType type, float value) {
    return GgufBuilder()
        .tensor("blk.0.attn_q.weight", type, {32, 1}, std::vector<float>(32, value))
        .build();
  };
  const RefusedCase cases[] = {
      {"another type", sample(TensorType::kF32), "q4", StatusCode::kInvalidArgument,
       "There are: Q4_0, Q4_1, Q8_0, Q4_K, Q6_K, F16, BF16, F32."},
      {"what is quantised", one(TensorType::kQ8_0, 1), "Q4_0", StatusCode::kUnsupported,
       "\"blk.0.attn_q.weight\" is Q8_0 already"},
      {"a part of a split model", GgufBuilder().scalar<uint16_t>("split.count", 3).build(), "Q4_0",
       StatusCode::kUnsupported, "one of the 3 files of a split model"},
      {"NaN", one(TensorType::kF32, NAN), "Q4_0", StatusCode::kInvalidFile,
       "\"blk.0.attn_q.weight\" holds a value that is no number"},
      {"infinity", one(TensorType::kF32, INFINITY), "F32", StatusCode::kInvalidFile, "no number"},
      {"too large for F16", one(TensorType::kBF16, 1e5f), "F16", StatusCode::kInvalidFile,
       "too large for F16"},
      {"a ZIP archive",
       {'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
       "Q4_0",
       StatusCode::kInvalidFile,
       "ZIP archive"},
  };
  for (const RefusedCase& c : cases) {
    SCOPED_TRACE(c.name);
    const Status status = quantise(c.file, c.target).status;
    EXPECT_EQ(status.code(), c.code);
    EXPECT_NE(status.message().find(c.message), std::string::npos) << status.message();
  }
  EXPECT_TRUE(quantise(one(TensorType::kBF16, 1e5f), "BF16").status.ok());
}

}  // namespace
}  // namespace pipit
