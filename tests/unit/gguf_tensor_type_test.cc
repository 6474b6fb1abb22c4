// The table of tensor types against GGML_QUANT_SIZES of Python's gguf package and the
// static_asserts of ggml-common.h.
#include <gtest/gtest.h>

#include <set>

#include "gguf/tensor_type.h"

namespace pipit {
namespace {

struct Row {
  uint32_t number;
  const char* name;
  uint32_t block_size;
  uint32_t block_bytes;
};

constexpr Row kRows[] = {
    {0, "F32", 1, 4},
    {1, "F16", 1, 2},
    {2, "Q4_0", 32, 2 + 16},
    {3, "Q4_1", 32, 4 + 16},
    {6, "Q5_0", 32, 6 + 16},
    {7, "Q5_1", 32, 8 + 16},
    {8, "Q8_0", 32, 2 + 32},
    {9, "Q8_1", 32, 4 + 32},  // Python has 40: two floats, as it was
                              // before 2024
    {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144},
    {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},
    {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},
    {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1},
    {25, "I16", 1, 2},
    {26, "I32", 1, 4},
    {27, "I64", 1, 8},
    {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
    {39, "MXFP4", 32, 17},
};

TEST(TensorType, EveryTypeHasItsSizes) {
  for (const Row& row : kRows) {
    const TensorTypeInfo* info = tensor_type_info(static_cast<TensorType>(row.number));
    ASSERT_NE(info, nullptr) << row.name;
    EXPECT_STREQ(info->name, row.name);
    EXPECT_EQ(info->block_size, row.block_size) << row.name;
    EXPECT_EQ(info->block_bytes, row.block_bytes) << row.name;
  }
}

TEST(TensorType, OtherNumbersAreNoTypes) {
  std::set<uint32_t> numbers;
  for (const Row& row : kRows) numbers.insert(row.number);
  for (uint32_t number = 0; number < 300; ++number) {
    EXPECT_EQ(tensor_type_info(static_cast<TensorType>(number)) != nullptr,
              numbers.count(number) == 1)
        << number;
  }
  EXPECT_EQ(tensor_type_info(static_cast<TensorType>(~0u)), nullptr);
}

}  // namespace
}  // namespace pipit
