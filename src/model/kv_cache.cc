// The paged KV cache.
#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pipit {
namespace {

size_t page_of(size_t position) { return position / kPagePositions; }

}  // namespace

KvCache::KvCache(const Config& config, KvType type, size_t n_spare)
    : n_head_kv_(config.n_head_kv),
      n_spare_(n_spare),
      layout_({.type = type, .head_dim = config.head_dim, .head_dim_v = config.head_dim_v}) {
  const size_t layer_bytes = n_head_kv_ * layout_.head_bytes();
  for (const LayerConfig& layer : config.layers) {
    auto group = std::ranges::find(groups_, size_t{layer.n_window}, &Group::n_window);
    if (group == groups_.end()) {
      group = groups_.insert(groups_.end(), Group{.n_window = layer.n_window});
    }
    places_.push_back({.group = static_cast<size_t>(group - groups_.begin()),
                       .offset = group->n_layer++ * layer_bytes});
    group->page_bytes += layer_bytes;
  }
}

KvCache::~KvCache() { truncate(0); }

Status KvCache::reserve(size_t n_past, size_t n) {
  for (Group& group : groups_) {
    const size_t n_kept = group.n_window + n_spare_;  // with the next token itself
    if (group.n_window > 0 && n_past + 1 > n_kept) {
      const size_t page = page_of(n_past + 1 - n_kept);
      for (size_t p = 0; p < page; ++p) release(std::exchange(group.pages[p], nullptr));
      group.first = std::max(group.first, page * kPagePositions);
    }
    PIPIT_RETURN_IF_ERROR(extend(group, n_past + n));
  }
  return ok_status();
}

Status KvCache::extend(Group& group, size_t n_positions) const {
  while (group.pages.size() * kPagePositions < n_positions) {
    const auto size = checked_size(group.page_bytes);
    void* page = size ? allocate(*size) : nullptr;
    if (page == nullptr) {
      return {StatusCode::kOutOfMemory,
              str_cat("Not enough memory for ", group.page_bytes,
                      " more bytes of KV cache at position ", group.pages.size() * kPagePositions,
                      ". Close other tabs or choose a smaller model or context.")};
    }
    std::memset(page, 0, *size);
    const Status status = group.pages.push_back(static_cast<uint8_t*>(page));
    if (!status.ok()) {
      release(page);
      return status;
    }
  }
  return ok_status();
}

bool KvCache::has(size_t n) const {
  return std::ranges::all_of(groups_, [&](const Group& group) {
    return group.first == 0 || n + 1 >= group.first + group.n_window;
  });
}

void KvCache::truncate(size_t n) {
  for (Group& group : groups_) {
    while (group.pages.size() * kPagePositions >= n + kPagePositions) {
      release(group.pages.back());
      group.pages.pop_back();
    }
    if (n == 0) group.first = 0;
  }
}

void KvCache::store(size_t layer, size_t position, const float* k, const float* v) {
  for (size_t h = 0; h < n_head_kv_; ++h) {
    kv_store(layout_, head(layer, h, position), position % kPagePositions, k + h * layout_.head_dim,
             v + h * layout_.head_dim_v);
  }
}

// What is taken out of the middle of what is kept changes nothing in front of it. Otherwise nothing
// in front of it is of use, and the pages move down as far as whole ones can.
size_t KvCache::Group::first_after_removal(size_t removed, size_t n) const {
  if (removed >= first) return first;
  const size_t n_pages = page_of(n);
  const size_t page = page_of(first) - std::min(page_of(first), n_pages);
  return std::max({removed, first - std::min(first, n), page * kPagePositions});
}

bool KvCache::can_remove(size_t first, size_t n, size_t n_positions) const {
  return std::ranges::all_of(groups_, [&](const Group& group) {
    const size_t kept = group.first_after_removal(first, n);
    return kept == 0 || n_positions - n + 1 >= kept + group.n_window;
  });
}

void KvCache::begin_remove(size_t first, size_t n) {
  for (Group& group : groups_) {
    group.n_moved = 0;
    if (first >= group.first) continue;
    const size_t n_pages = page_of(n);
    for (size_t p = 0; p < n_pages; ++p) release(group.pages[p]);
    std::copy(group.pages.begin() + n_pages, group.pages.end(), group.pages.begin());
    group.pages.truncate(group.pages.size() - n_pages);
    group.first = group.first_after_removal(first, n);
    group.n_moved = n_pages * kPagePositions;
  }
}

void KvCache::remove(size_t layer, size_t head_kv, size_t first, size_t n, size_t n_positions,
                     const KeyTurn& turn) {
  float k[kMaxHeadDim];
  float v[kMaxHeadDim];
  const Group& group = groups_[places_[layer].group];
  for (size_t to = std::max(first, group.first); to + n < n_positions; ++to) {
    const size_t from = to + n - group.n_moved;
    kv_load(layout_, head(layer, head_kv, from), from % kPagePositions, k, v);
    turn.kernels.rope(k, 1, layout_.head_dim, turn.n_rot, turn.pairs, turn.cos, turn.sin);
    kv_store(layout_, head(layer, head_kv, to), to % kPagePositions, k, v);
  }
}

KvView KvCache::view(size_t layer) const {
  const auto& [group, offset] = places_[layer];
  return {.layout = layout_, .pages = groups_[group].pages.data(), .offset = offset};
}

uint64_t KvCache::bytes() const {
  uint64_t bytes = 0;
  for (const Group& group : groups_) {
    for (const uint8_t* page : group.pages) bytes += page != nullptr ? group.page_bytes : 0;
  }
  return bytes;
}

}  // namespace pipit
