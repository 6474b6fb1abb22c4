// The paged KV cache.
#include "model/kv_cache.h"

#include <cstring>

namespace pipit {

KvCache::KvCache(const Config& config)
    : n_layer_(config.n_layer),
      n_head_kv_(config.n_head_kv),
      n_embd_k_(config.n_embd_k()),
      n_embd_v_(config.n_embd_v()),
      page_bytes_(uint64_t{n_layer_} * kPagePositions * (uint64_t{n_embd_k_} + n_embd_v_) *
                  sizeof(float)) {}

KvCache::~KvCache() {
  for (float* page : pages_) release(page);
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
    const Status status = pages_.push_back(static_cast<float*>(page));
    if (!status.ok()) {
      release(page);
      return status;
    }
  }
  return ok_status();
}

void KvCache::store(size_t layer, size_t position, const float* k, const float* v) {
  float* page = pages_[position / kPagePositions];
  const size_t row = position % kPagePositions;
  const size_t head_dim = n_embd_k_ / n_head_kv_;
  const size_t head_dim_v = n_embd_v_ / n_head_kv_;
  for (size_t h = 0; h < n_head_kv_; ++h) {
    std::memcpy(page + k_offset(layer) + (h * kPagePositions + row) * head_dim, k + h * head_dim,
                head_dim * sizeof(float));
    std::memcpy(page + v_offset(layer) + (h * kPagePositions + row) * head_dim_v,
                v + h * head_dim_v, head_dim_v * sizeof(float));
  }
}

KvView KvCache::view(size_t layer) const {
  return {.pages = pages_.data(),
          .page_positions = kPagePositions,
          .k_offset = k_offset(layer),
          .v_offset = v_offset(layer)};
}

uint64_t KvCache::bytes() const { return pages_.size() * page_bytes_; }

}  // namespace pipit
