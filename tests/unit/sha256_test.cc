#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace pipit {
namespace {

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string hex(Sha256 hash) {
  std::string text;
  for (const uint8_t byte : hash.digest()) {
    for (const int nibble : {byte >> 4, byte & 15}) text += "0123456789abcdef"[nibble];
  }
  return text;
}

// NIST's examples.
TEST(Sha256, KnownDigests) {
  const struct {
    std::string text;
    const char* digest;
  } cases[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& [text, digest] : cases) {
    Sha256 hash;
    hash.update(bytes_of(text));
    EXPECT_EQ(hex(hash), digest) << text.size() << " bytes";
  }
}

// All lengths around the ends of blocks, cut in two at every place.
TEST(Sha256, PiecesOfAnyLength) {
  for (size_t n = 0; n <= 130; ++n) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += static_cast<char>(i * 7);
    Sha256 whole;
    whole.update(bytes_of(text));
    const std::string expected = hex(whole);
    for (size_t cut = 0; cut <= n; ++cut) {
      Sha256 hash;
      hash.update(bytes_of(text).first(cut));
      hash.update(bytes_of(text).subspan(cut));
      EXPECT_EQ(hex(hash), expected) << n << " bytes, cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace pipit
