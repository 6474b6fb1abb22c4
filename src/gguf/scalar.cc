// The table of value types.
#include "gguf/scalar.h"

#include <bit>
#include <cstring>

namespace pipit {

static_assert(std::endian::native == std::endian::little, "numbers are read in the file's order");

namespace {

constexpr GgufTypeInfo kTypes[] = {
    {GgufType::kU8, "U8", GgufKind::kUnsigned, 1},
    {GgufType::kI8, "I8", GgufKind::kSigned, 1},
    {GgufType::kU16, "U16", GgufKind::kUnsigned, 2},
    {GgufType::kI16, "I16", GgufKind::kSigned, 2},
    {GgufType::kU32, "U32", GgufKind::kUnsigned, 4},
    {GgufType::kI32, "I32", GgufKind::kSigned, 4},
    {GgufType::kF32, "F32", GgufKind::kFloat, 4},
    {GgufType::kBool, "BOOL", GgufKind::kBool, 1},
    {GgufType::kString, "STRING", GgufKind::kString, 0},
    {GgufType::kArray, "ARRAY", GgufKind::kArray, 0},
    {GgufType::kU64, "U64", GgufKind::kUnsigned, 8},
    {GgufType::kI64, "I64", GgufKind::kSigned, 8},
    {GgufType::kF64, "F64", GgufKind::kFloat, 8},
};

template <typename T>
T load(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <typename T, typename Widened>
size_t store(Widened widened, char* bytes) {
  const auto value = static_cast<T>(widened);
  std::memcpy(bytes, &value, sizeof(value));
  return sizeof(value);
}

}  // namespace

const GgufTypeInfo* gguf_type_info(GgufType type) {
  for (const GgufTypeInfo& info : kTypes) {
    if (info.type == type) return &info;
  }
  return nullptr;
}

GgufScalar load_scalar(GgufType type, const char* bytes) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kBool:
      return {.u64 = load<uint8_t>(bytes)};
    case GgufType::kI8:
      return {.i64 = load<int8_t>(bytes)};
    case GgufType::kU16:
      return {.u64 = load<uint16_t>(bytes)};
    case GgufType::kI16:
      return {.i64 = load<int16_t>(bytes)};
    case GgufType::kU32:
      return {.u64 = load<uint32_t>(bytes)};
    case GgufType::kI32:
      return {.i64 = load<int32_t>(bytes)};
    case GgufType::kF32:
      return {.f64 = load<float>(bytes)};
    case GgufType::kU64:
      return {.u64 = load<uint64_t>(bytes)};
    case GgufType::kI64:
      return {.i64 = load<int64_t>(bytes)};
    case GgufType::kF64:
      return {.f64 = load<double>(bytes)};
    case GgufType::kString:
    case GgufType::kArray:
      break;
  }
  return {.u64 = 0};
}

size_t store_scalar(GgufType type, GgufScalar scalar, char* bytes) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kBool:
      return store<uint8_t>(scalar.u64, bytes);
    case GgufType::kI8:
      return store<int8_t>(scalar.i64, bytes);
    case GgufType::kU16:
      return store<uint16_t>(scalar.u64, bytes);
    case GgufType::kI16:
      return store<int16_t>(scalar.i64, bytes);
    case GgufType::kU32:
      return store<uint32_t>(scalar.u64, bytes);
    case GgufType::kI32:
      return store<int32_t>(scalar.i64, bytes);
    case GgufType::kF32:
      return store<float>(scalar.f64, bytes);
    case GgufType::kU64:
      return store<uint64_t>(scalar.u64, bytes);
    case GgufType::kI64:
      return store<int64_t>(scalar.i64, bytes);
    case GgufType::kF64:
      return store<double>(scalar.f64, bytes);
    case GgufType::kString:
    case GgufType::kArray:
      break;
  }
  return 0;
}

}  // namespace pipit
