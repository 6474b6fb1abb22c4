// The table of formats: a new one is a file beside this one and a line here.
#include <bit>

#include "quant/block_format.h"

namespace pipit {

static_assert(std::endian::native == std::endian::little, "blocks are read in the file's order");

namespace {

constexpr const Format* kFormats[] = {
    &kF32Format,  &kF16Format,  &kQ4_0Format,   &kQ4_1Format,   &kQ5_0Format,
    &kQ5_1Format, &kQ8_0Format, &kQ2_KFormat,   &kQ3_KFormat,   &kQ4_KFormat,
    &kQ5_KFormat, &kQ6_KFormat, &kIQ4_NLFormat, &kIQ4_XSFormat, &kBF16Format,
};

}  // namespace

const Format* find_format(TensorType type) {
  for (const Format* format : kFormats) {
    if (format->type == type) return format;
  }
  return nullptr;
}

std::span<const Format* const> all_formats() { return kFormats; }

size_t find_infinite_block(const Format& format, std::span<const uint8_t> blocks) {
  constexpr uint16_t kExponent = 0x7c00;
  const size_t block_bytes = tensor_type_info(format.type)->block_bytes;
  const size_t n = blocks.size() / block_bytes;
  if (format.decode_group == nullptr) return n;
  size_t first = n;
  for (const size_t at : format.half_at) {
    for (size_t i = 0; i < first; ++i) {
      if ((load_u16(&blocks[i * block_bytes + at]) & kExponent) == kExponent) first = i;
    }
    if (format.half_at[1] == format.half_at[0]) break;
  }
  return first;
}

std::string supported_format_names() {
  std::string names;
  for (const Format* format : kFormats) {
    if (!names.empty()) names += ", ";
    names += tensor_type_info(format->type)->name;
  }
  return names;
}

}  // namespace pipit
