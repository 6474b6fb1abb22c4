// quote("…"): untrusted text made fit for an error message.
#pragma once

#include <string>
#include <string_view>

namespace pipit {

// `text` in double quotes; bytes that are not printable ASCII, quotes and backslashes as \xNN; cut
// after `max_bytes`.
std::string quote(std::string_view text, size_t max_bytes = 64);

}  // namespace pipit
