// Recognises the files that people most often give in place of a GGUF file.
#include "gguf/foreign_file.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/quote.h"
#include "base/str_cat.h"

namespace pipit {
namespace {

struct Signature {
  std::string_view front;
  const char* sentence;
};

constexpr const char* kConvert =
    "Convert the folder that it is in with `npx pipit convert FOLDER OUT`.";

constexpr Signature kSignatures[] = {
    {"PK\x03\x04",
     "This is a ZIP archive (PyTorch checkpoints are); unpack it or convert the model to GGUF."},
    {"\x80\x02",
     "This is a pickled PyTorch checkpoint, not GGUF; convert the model to GGUF first."},
    {"\x80\x04",
     "This is a pickled PyTorch checkpoint, not GGUF; convert the model to GGUF first."},
    {"\x1f\x8b", "This is a gzip archive, not GGUF; unpack it first."},
    {"lmgg",
     "This is a GGML file, GGUF's predecessor, which pipit does not read; get the model as GGUF."},
    {"fmgg",
     "This is a GGMF file, GGUF's predecessor, which pipit does not read; get the model as GGUF."},
    {"tjgg",
     "This is a GGJT file, GGUF's predecessor, which pipit does not read; get the model as GGUF."},
    {"version https://",
     "This is a Git LFS pointer, not the model; run `git lfs pull` or download the file itself."},
};

bool is_text(std::span<const uint8_t> front) {
  return std::all_of(front.begin(), front.end(), [](uint8_t byte) {
    return byte >= 0x20 ? byte != 0x7f : byte == '\t' || byte == '\n' || byte == '\r';
  });
}

// safetensors: the length of a JSON object as u64, then the object.
bool is_safetensors(std::span<const uint8_t> front) {
  if (front.size() < 9 || front[8] != '{') return false;
  uint64_t length;
  std::memcpy(&length, front.data(), sizeof(length));
  return length < (uint64_t{1} << 27);
}

}  // namespace

std::string describe_foreign_file(std::span<const uint8_t> front) {
  const std::string_view text(reinterpret_cast<const char*>(front.data()), front.size());
  for (const Signature& signature : kSignatures) {
    if (text.starts_with(signature.front)) return signature.sentence;
  }
  if (is_safetensors(front)) return str_cat("This is a safetensors file, not GGUF. ", kConvert);
  if (is_text(front)) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '<') {
      return "This is an HTML or XML page, not GGUF: the server probably answered with an error or "
             "a login page. Check the address and download the model again.";
    }
    return str_cat("This is a text file that begins with ", quote(text),
                   ", not GGUF. Check the path or address.");
  }
  return str_cat("This is not a GGUF file: it begins with ", quote(text.substr(0, 4)),
                 " where \"GGUF\" was expected. Check the path, or download the model again.");
}

}  // namespace pipit
