// The streaming side of utf8.h.
#include "tokenizer/utf8_stream.h"

#include <cstring>

#include "tokenizer/utf8.h"

namespace pipit {

Result<std::string_view> Utf8Stream::push(std::string_view bytes) {
  text_.clear();
  PIPIT_RETURN_IF_ERROR(pending_.append(bytes));
  PIPIT_ASSIGN_OR_RETURN(const size_t n_used,
                         append_valid_utf8({pending_.data(), pending_.size()}, text_));
  const size_t n_left = pending_.size() - n_used;
  if (n_left > 0) std::memmove(pending_.data(), pending_.data() + n_used, n_left);
  pending_.truncate(n_left);
  return std::string_view(text_.data(), text_.size());
}

Result<std::string_view> Utf8Stream::flush() {
  text_.clear();
  if (!pending_.empty()) PIPIT_RETURN_IF_ERROR(text_.append(kReplacementUtf8));
  pending_.clear();
  return std::string_view(text_.data(), text_.size());
}

}  // namespace pipit
