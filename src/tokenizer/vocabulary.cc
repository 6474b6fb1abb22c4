// Reading and checking a vocabulary; which tokens end a text.
#include "tokenizer/vocabulary.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/quote.h"
#include "base/str_cat.h"

namespace pipit {
namespace {

// Converters often leave out which tokens end a text, and some mark control tokens as normal ones,
// so llama.cpp goes by these texts (src/llama-vocab.cpp), and so do we. Left out are its exceptions
// for models that pipit does not know (gpt-oss, Solar Open, Gemma 4).
constexpr std::string_view kEndOfGeneration[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "[e~[",
};

// The tokens of fill-in-the-middle prompts: the key's, or the first with one of the texts. A model
// that writes one that ends generation has left its answer for another file.
struct FillInRole {
  std::string_view key;
  bool ends_generation;
  std::array<std::string_view, 8> texts;
};

constexpr FillInRole kFillInRoles[] = {
    {"tokenizer.ggml.fim_pre_token_id",
     false,
     {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<\uff5cfim\u2581begin\uff5c>", "<PRE>",
      "\u2581<PRE>", "<|code_prefix|>", "<|prefix|>"}},
    {"tokenizer.ggml.fim_suf_token_id",
     false,
     {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<\uff5cfim\u2581hole\uff5c>", "<SUF>",
      "\u2581<SUF>", "<|code_suffix|>", "<|suffix|>"}},
    {"tokenizer.ggml.fim_mid_token_id",
     false,
     {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<\uff5cfim\u2581end\uff5c>", "<MID>",
      "\u2581<MID>", "<|code_middle|>", "<|middle|>"}},
    {"tokenizer.ggml.fim_pad_token_id",
     true,
     {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}},
    {"tokenizer.ggml.fim_rep_token_id",
     true,
     {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}},
    {"tokenizer.ggml.fim_sep_token_id", true, {"<|file_sep|>"}},
};

// Whether `text` begins like one of the texts above; spares nearly all tokens the search.
bool looks_special(std::string_view text) {
  return text.starts_with('<') || text.starts_with('[') || text.starts_with('_') ||
         text.starts_with("\u2581<");
}

bool contains(std::span<const std::string_view> texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

Result<Vocabulary> Vocabulary::create(const Gguf& gguf, bool adds_bos) {
  Vocabulary vocabulary;
  vocabulary.gguf_ = &gguf;
  PIPIT_ASSIGN_OR_RETURN(vocabulary.tokens_,
                         gguf.get_array("tokenizer.ggml.tokens", GgufType::kString));
  if (vocabulary.tokens_ == nullptr || vocabulary.tokens_->n == 0) {
    return Status(StatusCode::kInvalidFile,
                  "The vocabulary is empty: the metadata's \"tokenizer.ggml.tokens\" is missing or "
                  "has no elements. Use a GGUF file of a complete language model.");
  }
  PIPIT_RETURN_IF_ERROR(vocabulary.read_types());
  PIPIT_RETURN_IF_ERROR(vocabulary.ends_generation_.resize(vocabulary.types_.size()));
  PIPIT_RETURN_IF_ERROR(vocabulary.read_special_ids(adds_bos));
  PIPIT_RETURN_IF_ERROR(vocabulary.find_control_tokens());
  return vocabulary;
}

Status Vocabulary::read_types() {
  PIPIT_RETURN_IF_ERROR(types_.resize(tokens_->n));
  PIPIT_ASSIGN_OR_RETURN(const GgufValue* types,
                         gguf_->get_array("tokenizer.ggml.token_type", GgufType::kI32));
  if (types != nullptr && types->n != tokens_->n) {
    return {StatusCode::kInvalidFile,
            str_cat("The metadata's \"tokenizer.ggml.token_type\" has ", types->n,
                    " elements, but there are ", tokens_->n, " tokens.")};
  }
  for (size_t i = 0; i < types_.size(); ++i) {
    const int64_t type = types == nullptr ? 1 : gguf_->integer(*types, i);
    if (type < 1 || type > 6) {
      return {StatusCode::kInvalidFile,
              str_cat("Token ", i, " has the type ", type,
                      " in \"tokenizer.ggml.token_type\"; types are 1 to 6.")};
    }
    types_[i] = static_cast<TokenType>(type);
  }
  return ok_status();
}

Result<std::optional<Token>> Vocabulary::read_id(std::string_view key) const {
  if (gguf_->find(key) == nullptr) return std::optional<Token>();
  PIPIT_ASSIGN_OR_RETURN(const uint32_t id, gguf_->get_u32(key));
  if (id >= types_.size()) {
    return Status(StatusCode::kInvalidFile,
                  str_cat("The metadata's ", quote(key), " is ", id,
                          ", but the vocabulary has only ", types_.size(), " tokens."));
  }
  return std::optional<Token>(static_cast<Token>(id));
}

Result<bool> Vocabulary::read_adds(std::string_view key, bool fallback,
                                   std::optional<Token> id) const {
  PIPIT_ASSIGN_OR_RETURN(const bool adds, gguf_->get_bool(key, false));
  if (adds && !id) {
    return Status(
        StatusCode::kInvalidFile,
        str_cat("The metadata's ", quote(key), " is true, but the id of that token is missing."));
  }
  return gguf_->find(key) == nullptr ? fallback && id.has_value() : adds;
}

Status Vocabulary::read_special_ids(bool adds_bos) {
  PIPIT_ASSIGN_OR_RETURN(bos_, read_id("tokenizer.ggml.bos_token_id"));
  PIPIT_ASSIGN_OR_RETURN(eos_, read_id("tokenizer.ggml.eos_token_id"));
  PIPIT_ASSIGN_OR_RETURN(adds_bos_, read_adds("tokenizer.ggml.add_bos_token", adds_bos, bos_));
  PIPIT_ASSIGN_OR_RETURN(adds_eos_, read_adds("tokenizer.ggml.add_eos_token", false, eos_));
  if (eos_) ends_generation_[static_cast<size_t>(*eos_)] = true;
  for (const std::string_view key :
       {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    PIPIT_ASSIGN_OR_RETURN(const std::optional<Token> id, read_id(key));
    if (id) ends_generation_[static_cast<size_t>(*id)] = true;
  }
  return ok_status();
}

Status Vocabulary::find_control_tokens() {
  std::array<std::optional<Token>, std::size(kFillInRoles)> fill_in;
  std::array<bool, std::size(kFillInRoles)> is_given;
  for (size_t role = 0; role < fill_in.size(); ++role) {
    PIPIT_ASSIGN_OR_RETURN(fill_in[role], read_id(kFillInRoles[role].key));
    is_given[role] = fill_in[role].has_value();
  }
  for (Token id = 0; id < size(); ++id) {
    if (!looks_special(text(id))) continue;
    const auto i = static_cast<size_t>(id);
    if (contains(kEndOfGeneration, text(id))) {
      types_[i] = TokenType::kControl;
      ends_generation_[i] = true;
    }
    for (size_t role = 0; role < fill_in.size(); ++role) {
      if (!fill_in[role] && contains(kFillInRoles[role].texts, text(id))) fill_in[role] = id;
    }
  }
  for (size_t role = 0; role < fill_in.size(); ++role) {
    const std::optional<Token> id = fill_in[role];
    if (!id) continue;
    const auto i = static_cast<size_t>(*id);
    if (!is_given[role]) types_[i] = TokenType::kControl;
    if (kFillInRoles[role].ends_generation) ends_generation_[i] = true;
  }
  return ok_status();
}

std::optional<uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  uint32_t byte = 0;
  for (const char c : text.substr(3, 2)) {
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = c >= 'A' && c <= 'F';
    if (!is_digit && !is_letter) return std::nullopt;
    byte = byte << 4 | static_cast<uint32_t>(is_digit ? c - '0' : c - 'A' + 10);
  }
  return static_cast<uint8_t>(byte);
}

}  // namespace pipit
