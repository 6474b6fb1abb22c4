// SHA-256, a block at a time.
#include "base/sha256.h"

#include <algorithm>
#include <bit>

namespace pipit {
namespace {

constexpr int kRounds = 64;

constexpr std::array<uint32_t, kRounds> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t load_big_endian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

uint32_t xor_turned(uint32_t x, int a, int b) { return std::rotr(x, a) ^ std::rotr(x, b); }

}  // namespace

void Sha256::update(std::span<const uint8_t> bytes) {
  const size_t n_waiting = n_bytes_ % kBlockBytes;
  n_bytes_ += bytes.size();
  if (n_waiting > 0) {
    const size_t n = std::min(kBlockBytes - n_waiting, bytes.size());
    std::copy_n(bytes.begin(), n, block_.begin() + n_waiting);
    bytes = bytes.subspan(n);
    if (n_waiting + n < kBlockBytes) return;
    compress(block_.data());
  }
  for (; bytes.size() >= kBlockBytes; bytes = bytes.subspan(kBlockBytes)) compress(bytes.data());
  std::copy(bytes.begin(), bytes.end(), block_.begin());
}

std::array<uint8_t, 32> Sha256::digest() {
  const uint64_t n_bits = n_bytes_ * 8;
  const size_t end = n_bytes_ % kBlockBytes;
  std::array<uint8_t, 2 * kBlockBytes> padding = {0x80};
  const size_t n_padding = (end < kBlockBytes - 8 ? 1 : 2) * kBlockBytes - end;
  for (size_t i = 0; i < 8; ++i) {
    padding[n_padding - 1 - i] = static_cast<uint8_t>(n_bits >> (8 * i));
  }
  update(std::span(padding).first(n_padding));
  std::array<uint8_t, 32> digest;
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

void Sha256::compress(const uint8_t* block) {
  std::array<uint32_t, kRounds> w;  // the message schedule
  for (size_t i = 0; i < 16; ++i) w[i] = load_big_endian(block + 4 * i);
  // Whole, so that the schedule's and the state's places are constants: 1.5 times as fast.
#pragma clang loop unroll(full)
  for (size_t i = 16; i < kRounds; ++i) {
    const uint32_t s0 = xor_turned(w[i - 15], 7, 18) ^ (w[i - 15] >> 3);
    const uint32_t s1 = xor_turned(w[i - 2], 17, 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + w[i - 7] + s0 + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < kRounds; ++i) {
    const uint32_t s1 = xor_turned(e, 6, 11) ^ std::rotr(e, 25);
    const uint32_t t1 = h + s1 + (g ^ (e & (f ^ g))) + kRoundConstants[i] + w[i];
    const uint32_t s0 = xor_turned(a, 2, 13) ^ std::rotr(a, 22);
    const uint32_t t2 = s0 + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const std::array<uint32_t, 8> news = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < news.size(); ++i) state_[i] += news[i];
}

}  // namespace pipit
