// The paged KV cache.
#include "model/kv_cache.h"

#include <cstring>

namespace pipit {

KvCache::KvCache(const Config& config, KvType type)
    : n_layer_(config.n_layer),
      n_head_kv_(config.n_head_kv),
      layout_({.type = type, .head_dim = config.head_dim, .head_dim_v = config.head_dim_v}),
      page_bytes_(uint64_t{n_layer_} * n_head_kv_ * layout_.head_bytes()) {}

KvCache::~KvCache() {
  for (uint8_t* page : pages_) release(page);
}

Status KvCache::reserve(size_t n_positions) {
  while (pages_.size() * kPagePositions < n_positions) {
    const auto size = checked_size(page_bytes_);
    void* page = size ? allocate(*size) : nullptr;
    if (page == nullptr) {
      return {StatusCode::kOutOfMemory,
              str_cat("Not enough memory for ", page_bytes_, " more bytes of KV cache at position ",
                      pages_.size() * kPagePositions,
                      ". Close other tabs or choose a smaller model or context.")};
    }
    std::memset(page, 0, *size);
    const Status status = pages_.push_back(static_cast<uint8_t*>(page));
    if (!status.ok()) {
      release(page);
      return status;
    }
  }
  return ok_status();
}

void KvCache::truncate(size_t n) {
  while (pages_.size() * kPagePositions >= n + kPagePositions) {
    release(pages_.back());
    pages_.pop_back();
  }
}

void KvCache::store(size_t layer, size_t position, const float* k, const float* v) {
  for (size_t h = 0; h < n_head_kv_; ++h) {
    kv_store(layout_, head(layer, h, position), position % kPagePositions, k + h * layout_.head_dim,
             v + h * layout_.head_dim_v);
  }
}

void KvCache::remove(size_t layer, size_t head_kv, size_t first, size_t n, size_t n_positions,
                     const KeyTurn& turn) {
  float k[kMaxHeadDim];
  float v[kMaxHeadDim];
  for (size_t from = first + n, to = first; from < n_positions; ++from, ++to) {
    kv_load(layout_, head(layer, head_kv, from), from % kPagePositions, k, v);
    turn.kernels.rope(k, 1, layout_.head_dim, turn.n_rot, turn.pairs, turn.cos, turn.sin);
    kv_store(layout_, head(layer, head_kv, to), to % kPagePositions, k, v);
  }
}

KvView KvCache::view(size_t layer) const {
  return {.layout = layout_, .pages = pages_.data(), .offset = layer_offset(layer)};
}

uint64_t KvCache::bytes() const { return pages_.size() * page_bytes_; }

}  // namespace pipit
