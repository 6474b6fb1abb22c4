// Look-ups in a parsed header.
#include "gguf/gguf.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/quote.h"
#include "base/str_cat.h"
#include "gguf/name_index.h"
#include "gguf/scalar.h"

namespace pipit {
namespace {

GgufKind kind_of(GgufType type) { return gguf_type_info(type)->kind; }

bool is_integer(GgufKind kind) { return kind == GgufKind::kUnsigned || kind == GgufKind::kSigned; }

bool same_kind(GgufType a, GgufType b) {
  const GgufKind x = kind_of(a);
  const GgufKind y = kind_of(b);
  return x == y || (is_integer(x) && is_integer(y));
}

Status missing(std::string_view key) {
  return {
      StatusCode::kInvalidFile,
      str_cat(
          "The metadata has no ", quote(key),
          ", which is needed to run this model. Use a GGUF file of a complete language model.")};
}

}  // namespace

const TensorInfo* Gguf::find_tensor(std::string_view name) const {
  const auto i =
      find_by_name(tensors_by_name_, name, [this](size_t k) { return tensors_[k].name; });
  return i ? &tensors_[*i] : nullptr;
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto i = find_by_name(pairs_by_key_, key, [this](size_t k) { return pairs_[k].key; });
  return i ? &pairs_[*i].value : nullptr;
}

std::string_view Gguf::string(const GgufValue& value, uint64_t i) const {
  assert(value.type == GgufType::kString && i < value.n);
  return *strings_.at(value.first + i);
}

GgufScalar Gguf::scalar(const GgufValue& value, uint64_t i) const {
  assert(i < value.n);
  if (!value.is_array) return value.scalar;
  return load_scalar(value.type, bytes_.at(value.first + i * gguf_type_info(value.type)->bytes));
}

double Gguf::number(const GgufValue& value, uint64_t i) const {
  const GgufScalar number = scalar(value, i);
  switch (kind_of(value.type)) {
    case GgufKind::kFloat:
      return number.f64;
    case GgufKind::kSigned:
      return static_cast<double>(number.i64);
    default:
      return static_cast<double>(number.u64);
  }
}

int64_t Gguf::integer(const GgufValue& value, uint64_t i) const {
  assert(is_integer(kind_of(value.type)) || value.type == GgufType::kBool);
  const GgufScalar number = scalar(value, i);
  if (kind_of(value.type) == GgufKind::kSigned) return number.i64;
  constexpr auto kMax = uint64_t{std::numeric_limits<int64_t>::max()};
  return static_cast<int64_t>(std::min(number.u64, kMax));
}

std::string Gguf::describe(const GgufValue& value) const {
  const GgufTypeInfo& info = *gguf_type_info(value.type);
  if (value.is_array) return str_cat("an array of ", value.n, " ", info.name, " elements");
  switch (info.kind) {
    case GgufKind::kString:
      return str_cat("the string ", quote(string(value)));
    case GgufKind::kBool:
      return value.scalar.u64 != 0 ? "the bool true" : "the bool false";
    case GgufKind::kSigned:
      return str_cat(info.name, " ", value.scalar.i64);
    case GgufKind::kFloat:
      return str_cat(info.name, " ", value.scalar.f64);
    default:
      return str_cat(info.name, " ", value.scalar.u64);
  }
}

Status Gguf::wrong_type(std::string_view key, const GgufValue& value, const char* expected) const {
  return {StatusCode::kInvalidFile, str_cat("The metadata's ", quote(key), " holds ",
                                            describe(value), ", but ", expected, " was expected.")};
}

Result<uint32_t> Gguf::get_u32(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array && is_integer(kind_of(value->type))) {
    const int64_t number = integer(*value);
    if (number >= 0 && number <= std::numeric_limits<uint32_t>::max()) {
      return static_cast<uint32_t>(number);
    }
  }
  return wrong_type(key, *value, "an integer from 0 to 4294967295");
}

Result<uint32_t> Gguf::get_u32(std::string_view key, uint32_t fallback) const {
  return find(key) == nullptr ? fallback : get_u32(key);
}

Result<float> Gguf::get_f32(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array && kind_of(value->type) == GgufKind::kFloat) {
    const double number = value->scalar.f64;
    if (!std::isfinite(number) || std::fabs(number) <= double{std::numeric_limits<float>::max()}) {
      return static_cast<float>(number);
    }
  }
  return wrong_type(key, *value, "a single-precision float");
}

Result<float> Gguf::get_f32(std::string_view key, float fallback) const {
  return find(key) == nullptr ? fallback : get_f32(key);
}

Result<bool> Gguf::get_bool(std::string_view key, bool fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_array && value->type == GgufType::kBool) return value->scalar.u64 != 0;
  return wrong_type(key, *value, "a bool");
}

Result<std::string_view> Gguf::get_string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return missing(key);
  if (!value->is_array && value->type == GgufType::kString) return string(*value);
  return wrong_type(key, *value, "a string");
}

Result<std::string_view> Gguf::get_string(std::string_view key, std::string_view fallback) const {
  return find(key) == nullptr ? fallback : get_string(key);
}

Result<const GgufValue*> Gguf::get_array(std::string_view key, GgufType element_type) const {
  const GgufValue* value = find(key);
  if (value == nullptr || (value->is_array && same_kind(value->type, element_type))) return value;
  const GgufKind kind = kind_of(element_type);
  return wrong_type(key, *value,
                    kind == GgufKind::kString  ? "an array of strings"
                    : kind == GgufKind::kFloat ? "an array of floats"
                    : kind == GgufKind::kBool  ? "an array of bools"
                                               : "an array of integers");
}

}  // namespace pipit
