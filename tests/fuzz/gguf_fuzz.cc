// libFuzzer target: any bytes as a GGUF file in any chunks, then every tensor decoded. It must not
// crash, leak, allocate more than promised, nor let the chunks matter.
//
//     cmake --preset fuzz && cmake --build --preset fuzz
//     ASAN_OPTIONS=quarantine_size_mb=1 build/fuzz/gguf_fuzz -dict=tests/fuzz/gguf.dict
//         -max_len=4096 CORPUS tests/fuzz/seeds
//
// The seeds are two small files of GgufBuilder: every metadata type, every tensor format. The small
// quarantine makes it three times as fast: the parser's pools take 1 MiB at a time.
//
// Input: a byte whose lowest bit tells whether the parser knows the file's size, 7 sizes of chunks
// (used in turn; 0 is an empty chunk), then the file.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/memory.h"
#include "gguf/gguf.h"
#include "quant/format.h"

namespace pipit {
namespace {

constexpr size_t kChunkSizes = 7;
constexpr uint64_t kMaxDecoded = 1 << 16;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

// In chunks of these sizes, in turn, until as many empty ones in a row as there are sizes; then all
// that is left.
Result<std::unique_ptr<Gguf>> parse(std::span<const uint8_t> file, uint64_t file_size,
                                    std::span<const uint8_t> chunk_sizes) {
  GgufParser parser(file_size);
  size_t at = 0;
  size_t empty = 0;
  for (size_t i = 0; at < file.size() && !parser.done() && empty < chunk_sizes.size(); ++i) {
    const size_t n = std::min<size_t>(chunk_sizes[i % chunk_sizes.size()], file.size() - at);
    PIPIT_ASSIGN_OR_RETURN(const size_t used, parser.feed(file.subspan(at, n)));
    check(used == n || parser.done());
    at += used;
    empty = n == 0 ? empty + 1 : 0;
  }
  PIPIT_RETURN_IF_ERROR(parser.feed(file.subspan(at)).status());
  return parser.finish();
}

void read_metadata(const Gguf& gguf) {
  for (size_t i = 0; i < gguf.n_pairs(); ++i) {
    const std::string_view key = gguf.key(i);
    const GgufValue& value = gguf.value(i);
    check(gguf.find(key) == &value);
    for (uint64_t k = 0; k < value.n; ++k) {
      if (value.type == GgufType::kString) {
        const std::string_view text = gguf.string(value, k);
        check(std::string(text).size() == text.size());  // reads every byte
      } else {
        (void)gguf.number(value, k);
      }
    }
    (void)gguf.get_u32(key);
    (void)gguf.get_f32(key);
    (void)gguf.get_bool(key, false);
    (void)gguf.get_string(key);
    (void)gguf.get_array(key, GgufType::kString);
  }
}

void decode_tensors(const Gguf& gguf, std::span<const uint8_t> file) {
  std::vector<float> values;
  for (const TensorInfo& tensor : gguf.tensors()) {
    check(gguf.find_tensor(tensor.name) == &tensor);
    const Format* format = find_format(tensor.type);
    if (format == nullptr || tensor.offset + tensor.n_bytes > file.size()) continue;
    const uint8_t* blocks = file.data() + tensor.offset;
    const uint64_t n = std::min(tensor.n_elements(), kMaxDecoded);
    values.resize(n);
    format->decode(blocks, n, values.data());
    if (format->decode_group == nullptr) continue;
    IntegerGroup group;
    for (size_t i = 0; i < n / kGroupSize; ++i) format->decode_group(blocks, i, group);
  }
}

}  // namespace
}  // namespace pipit

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pipit;
  if (size < 1 + kChunkSizes) return 0;
  const std::span<const uint8_t> chunk_sizes(data + 1, kChunkSizes);
  const std::span<const uint8_t> file(data + 1 + kChunkSizes, size - 1 - kChunkSizes);
  const uint64_t file_size = (data[0] & 1) != 0 ? file.size() : 0;

  const uint64_t before = total_allocated();
  const Result<std::unique_ptr<Gguf>> gguf = parse(file, file_size, chunk_sizes);
  check(total_allocated() - before <= 2 * file.size() + (16 << 20));

  const Result<std::unique_ptr<Gguf>> whole = parse(file, file_size, {});
  check(gguf.status().code() == whole.status().code());
  check(gguf.status().message() == whole.status().message());
  check(gguf.ok() || !gguf.status().message().empty());
  if (gguf.ok()) {
    check((*gguf)->n_pairs() == (*whole)->n_pairs());
    read_metadata(**gguf);
    decode_tensors(**gguf, file);
  }
  return 0;
}
