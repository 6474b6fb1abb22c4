// The paged KV cache.
#include "model/kv_cache.h"

#include <cstring>

namespace pipit {

KvCache::KvCache(const Config& config)
    : n_layer_(config.n_layer),
      n_head_kv_(config.n_head_kv),
      n_embd_k_(config.n_embd_k()),
      n_embd_v_(config.n_embd_v()) {}

Status KvCache::reserve(size_t n_positions) {
  const uint64_t page_floats =
      uint64_t{n_layer_} * kPagePositions * (uint64_t{n_embd_k_} + n_embd_v_);
  while (pages_.size() * kPagePositions < n_positions) {
    PIPIT_ASSIGN_OR_RETURN(Array<float> page, Array<float>::make(page_floats));
    page_data_.push_back(page.data());
    pages_.push_back(std::move(page));
  }
  return ok_status();
}

void KvCache::store(size_t layer, size_t position, const float* k, const float* v) {
  float* page = pages_[position / kPagePositions].data();
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
  return {.pages = page_data_.data(),
          .page_positions = kPagePositions,
          .k_offset = k_offset(layer),
          .v_offset = v_offset(layer)};
}

uint64_t KvCache::bytes() const {
  uint64_t total = 0;
  for (const Array<float>& page : pages_) total += page.size() * sizeof(float);
  return total;
}

}  // namespace pipit
