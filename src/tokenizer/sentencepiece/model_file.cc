// Reads sentencepiece's protobuf and writes a GGUF header, so that both ways to a vocabulary share
// all that follows, with its checks. Compiled with exceptions, as model.cc.
#include "tokenizer/sentencepiece/model_file.h"

#include <builtin_pb/sentencepiece_model.pb.h>

#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <string_view>

#include "base/str_cat.h"

namespace pipit {
namespace {

using sentencepiece::ModelProto;

class HeaderWriter {
 public:
  void boolean(std::string_view key, bool value) {
    pair(key, GgufType::kBool);
    put<uint8_t>(value ? 1 : 0);
  }
  void u32(std::string_view key, uint32_t value) {
    pair(key, GgufType::kU32);
    put(value);
  }
  void string(std::string_view key, std::string_view value) {
    pair(key, GgufType::kString);
    put(value);
  }

  // An array of `n` elements, each put by put_element(i).
  template <typename PutElement>
  void array(std::string_view key, GgufType type, int n, const PutElement& put_element) {
    pair(key, GgufType::kArray);
    put(static_cast<uint32_t>(type));
    put(static_cast<uint64_t>(n));
    for (int i = 0; i < n; ++i) put_element(i);
  }

  template <typename T>
  void put(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    pairs_.append(bytes, sizeof(T));
  }
  void put(std::string_view text) {
    put(static_cast<uint64_t>(text.size()));
    pairs_.append(text);
  }

  Result<std::unique_ptr<Gguf>> parse() const {
    std::string head = "GGUF";
    const auto add = [&](auto value) {
      head.append(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    add(uint32_t{3});
    add(uint64_t{0});  // tensors
    add(n_pairs_);
    GgufParser parser;
    for (const std::string_view part : {std::string_view(head), std::string_view(pairs_)}) {
      const auto* bytes = reinterpret_cast<const uint8_t*>(part.data());
      PIPIT_RETURN_IF_ERROR(parser.feed({bytes, part.size()}).status());
    }
    return parser.finish();
  }

 private:
  void pair(std::string_view key, GgufType type) {
    put(key);
    put(static_cast<uint32_t>(type));
    ++n_pairs_;
  }

  std::string pairs_;
  uint64_t n_pairs_ = 0;
};

void write_pieces(const ModelProto& proto, HeaderWriter& writer) {
  const int n = proto.pieces_size();
  writer.array("tokenizer.ggml.tokens", GgufType::kString, n,
               [&](int i) { writer.put(std::string_view(proto.pieces(i).piece())); });
  writer.array("tokenizer.ggml.scores", GgufType::kF32, n,
               [&](int i) { writer.put(proto.pieces(i).score()); });
  writer.array("tokenizer.ggml.token_type", GgufType::kI32, n,  // the numbers are the same
               [&](int i) { writer.put(static_cast<int32_t>(proto.pieces(i).type())); });
}

void write_ids(const sentencepiece::TrainerSpec& spec, HeaderWriter& writer) {
  const auto write = [&](std::string_view key, int32_t id) {
    if (id >= 0) writer.u32(key, static_cast<uint32_t>(id));  // -1: there is none
  };
  write("tokenizer.ggml.bos_token_id", spec.bos_id());
  write("tokenizer.ggml.eos_token_id", spec.eos_id());
  write("tokenizer.ggml.unknown_token_id", spec.unk_id());
}

}  // namespace

Result<std::unique_ptr<Gguf>> read_sentencepiece_file(std::span<const uint8_t> bytes) try {
  ModelProto proto;
  const bool fits = bytes.size() <= static_cast<size_t>(std::numeric_limits<int>::max());
  if (!fits || !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      proto.pieces_size() == 0) {
    return Status(StatusCode::kInvalidFile,
                  str_cat("The tokenizer's ", bytes.size(),
                          " bytes are no vocabulary of sentencepiece. Give the tokenizer.model "
                          "that belongs to the model."));
  }
  if (proto.trainer_spec().model_type() != sentencepiece::TrainerSpec::BPE) {
    return Status(StatusCode::kUnsupported,
                  str_cat("The tokenizer is of sentencepiece's kind ",
                          static_cast<int>(proto.trainer_spec().model_type()),
                          " (1: unigram, 3: word, 4: char); pipit knows BPE (2)."));
  }
  HeaderWriter writer;
  writer.string("tokenizer.ggml.model", "llama");
  writer.boolean("tokenizer.ggml.add_space_prefix", proto.normalizer_spec().add_dummy_prefix());
  write_pieces(proto, writer);
  write_ids(proto.trainer_spec(), writer);
  return writer.parse();
} catch (const std::bad_alloc&) {
  return Status(StatusCode::kOutOfMemory,
                "Not enough memory for the tokenizer.model. Close other tabs.");
}

}  // namespace pipit
