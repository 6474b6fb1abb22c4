// The only file of the core that is compiled with exceptions (CMakeLists.txt).
#include "tokenizer/sentencepiece/model.h"

#include <bpe_model.h>
#include <builtin_pb/sentencepiece_model.pb.h>
#include <google/protobuf/arena.h>

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "base/quote.h"
#include "base/str_cat.h"

// What the library parses its command lines with is not compiled.
namespace absl {

void CleanupFlags() {}

}  // namespace absl

namespace pipit {
namespace {

using google::protobuf::Arena;
using sentencepiece::ModelProto;
using Type = ModelProto::SentencePiece::Type;

Status out_of_memory() {
  return {StatusCode::kOutOfMemory,
          "Not enough memory for the tokenizer (sentencepiece). Close other tabs, or choose a "
          "smaller model or a "
          "shorter text."};
}

// Control tokens are no pieces for the library. User-defined ones are cut out of a text before, so
// that all it needs to know is that merges may reach them; unused ones too, as in llama.cpp (the
// library would undo such merges).
Type type_of(const Vocabulary& vocabulary, Token id, Token unknown) {
  if (id == unknown) return ModelProto::SentencePiece::UNKNOWN;
  switch (vocabulary.type(id)) {
    case TokenType::kNormal:
    case TokenType::kUserDefined:
    case TokenType::kUnused:
      return ModelProto::SentencePiece::NORMAL;
    case TokenType::kByte:
      return ModelProto::SentencePiece::BYTE;
    case TokenType::kControl:
    case TokenType::kUnknown:
      break;
  }
  return ModelProto::SentencePiece::CONTROL;
}

// Pieces are many and small: one by one, each would have an allocator's words around it, twice.
google::protobuf::ArenaOptions arena_options() {
  google::protobuf::ArenaOptions options;
  options.max_block_size = size_t{1} << 16;
  return options;
}

void add_pieces(const Vocabulary& vocabulary, std::span<const float> scores, Token unknown,
                ModelProto& proto) {
  proto.mutable_pieces()->Reserve(vocabulary.size());
  for (Token id = 0; id < vocabulary.size(); ++id) {
    ModelProto::SentencePiece& piece = *proto.add_pieces();
    const std::string_view text = vocabulary.text(id);
    piece.set_piece(text.data(), text.size());
    piece.set_score(scores[static_cast<size_t>(id)]);
    piece.set_type(type_of(vocabulary, id, unknown));
  }
}

// Why the library refuses a vocabulary whose every token by itself is right.
Status find_duplicates(const ModelProto& proto, const std::string& reason) {
  const auto key = [&](int id) {  // the library looks up normal pieces apart from the others
    const ModelProto::SentencePiece& piece = proto.pieces(id);
    return std::pair(piece.type() == ModelProto::SentencePiece::NORMAL,
                     std::string_view(piece.piece()));
  };
  std::vector<int> ids(static_cast<size_t>(proto.pieces_size()));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int>(i);
  std::sort(ids.begin(), ids.end(),
            [&](int a, int b) { return std::pair(key(a), a) < std::pair(key(b), b); });
  const auto same =
      std::adjacent_find(ids.begin(), ids.end(), [&](int a, int b) { return key(a) == key(b); });
  if (same == ids.end())
    return {StatusCode::kInvalidFile,
            str_cat("sentencepiece refuses the vocabulary: ", quote(reason), ".")};
  return {StatusCode::kInvalidFile,
          str_cat("The tokens ", same[0], " and ", same[1], " have the same text, ",
                  quote(proto.pieces(*same).piece()), ". Convert the model again.")};
}

}  // namespace

struct SentencePieceModel::Library {
  explicit Library(std::unique_ptr<Arena> pieces, const ModelProto& proto)
      : arena(std::move(pieces)), model(proto) {}

  std::unique_ptr<Arena> arena;  // of the proto, which the model refers to
  sentencepiece::bpe::Model model;
};

SentencePieceModel::SentencePieceModel(std::unique_ptr<Library> library)
    : library_(std::move(library)) {}
SentencePieceModel::SentencePieceModel(SentencePieceModel&&) noexcept = default;
SentencePieceModel& SentencePieceModel::operator=(SentencePieceModel&&) noexcept = default;
SentencePieceModel::~SentencePieceModel() = default;

Result<SentencePieceModel> SentencePieceModel::create(const Vocabulary& vocabulary,
                                                      std::span<const float> scores, Token unknown,
                                                      bool has_bytes) try {
  auto arena = std::make_unique<Arena>(arena_options());
  ModelProto& proto = *Arena::CreateMessage<ModelProto>(arena.get());
  proto.mutable_trainer_spec()->set_model_type(sentencepiece::TrainerSpec::BPE);
  proto.mutable_trainer_spec()->set_byte_fallback(has_bytes);
  add_pieces(vocabulary, scores, unknown, proto);
  auto library = std::make_unique<Library>(std::move(arena), proto);
  const auto status = library->model.status();
  if (!status.ok()) return find_duplicates(proto, status.ToString());
  return SentencePieceModel(std::move(library));
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

Status SentencePieceModel::encode(std::string_view text, Array<Match>& out) const try {
  const auto pieces = library_->model.Encode(text);
  out.clear();
  PIPIT_RETURN_IF_ERROR(out.reserve(pieces.size()));
  for (const auto& [piece, id] : pieces) {
    PIPIT_RETURN_IF_ERROR(
        out.push_back({static_cast<Token>(id), static_cast<uint32_t>(piece.size())}));
  }
  return ok_status();
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace pipit
