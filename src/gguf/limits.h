// Every limit on what a GGUF file may claim. Real files stay far below; hostile ones stop here,
// before any allocation.
#pragma once

#include <cstdint>

namespace pipit::limits {

inline constexpr uint64_t kMaxMetadataPairs = 4096;
inline constexpr uint64_t kMaxTensors = 65536;
inline constexpr uint64_t kMaxKeyBytes = 65535;          // the format text's own limit
inline constexpr uint64_t kMaxTensorNameBytes = 64;      // the format text's own limit
inline constexpr uint64_t kMaxStringBytes = 1u << 20;    // chat templates: about 20 KB
inline constexpr uint64_t kMaxArrayElements = 1u << 22;  // vocabularies and merges: about 2^19
inline constexpr uint64_t kMaxHeaderBytes = 1u << 28;    // all metadata and the tensor directory
inline constexpr uint32_t kMaxDimensions = 4;
inline constexpr uint64_t kMaxAlignment = 1u << 20;
inline constexpr uint64_t kMaxFileBytes = uint64_t{1} << 40;

}  // namespace pipit::limits
