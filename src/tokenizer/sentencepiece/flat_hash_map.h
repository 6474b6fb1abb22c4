// In place of the library's own header of this name, whose guard this is and which makes it a
// std::unordered_map: that allocates a node for each of Gemma's 262,144 pieces. Only what the
// library calls. Included in front of its sources by CMakeLists.txt.
#ifndef ABSL_CONTAINER_FLAT_HASH_MAP_
#define ABSL_CONTAINER_FLAT_HASH_MAP_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace absl {

// Entries in the order of their insertion, and an open-addressing table of their indices.
template <typename K, typename V>
class flat_hash_map {
 public:
  using value_type = std::pair<K, V>;
  using iterator = value_type*;
  using const_iterator = const value_type*;

  iterator end() { return entries_.data() + entries_.size(); }
  const_iterator end() const { return entries_.data() + entries_.size(); }

  void clear() {
    entries_.clear();
    slots_.clear();
  }

  void reserve(size_t n) {
    entries_.reserve(n);
    if (2 * n > slots_.size()) grow(n);
  }

  const_iterator find(const K& key) const {
    if (slots_.empty()) return end();
    const Slot& slot = slots_[slot_of(hash_of(key), key)];
    return slot.index_plus_1 == 0 ? end() : &entries_[slot.index_plus_1 - 1];
  }

  std::pair<iterator, bool> insert(const value_type& entry) {
    if (2 * (entries_.size() + 1) > slots_.size()) grow(2 * entries_.size() + 8);
    const uint32_t hash = hash_of(entry.first);
    Slot& slot = slots_[slot_of(hash, entry.first)];
    const bool is_new = slot.index_plus_1 == 0;
    if (is_new) {
      entries_.push_back(entry);
      slot = {hash, static_cast<uint32_t>(entries_.size())};
    }
    return {&entries_[slot.index_plus_1 - 1], is_new};
  }

  V& operator[](const K& key) { return insert({key, V()}).first->second; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t index_plus_1 = 0;  // 0: empty
  };

  static uint32_t hash_of(const K& key) { return static_cast<uint32_t>(std::hash<K>()(key)); }

  // The slot of that key, or the empty one where it belongs.
  size_t slot_of(uint32_t hash, const K& key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = hash & mask;
    while (slots_[i].index_plus_1 != 0 &&
           (slots_[i].hash != hash || !(entries_[slots_[i].index_plus_1 - 1].first == key))) {
      i = (i + 1) & mask;
    }
    return i;
  }

  void grow(size_t n) {  // to room for `n` entries, at most half full
    std::vector<Slot> grown(std::bit_ceil(2 * n));
    const size_t mask = grown.size() - 1;
    for (const Slot& slot : slots_) {
      if (slot.index_plus_1 == 0) continue;
      size_t i = slot.hash & mask;
      while (grown[i].index_plus_1 != 0) i = (i + 1) & mask;
      grown[i] = slot;
    }
    slots_.swap(grown);
  }

  std::vector<value_type> entries_;
  std::vector<Slot> slots_;  // a power of two, or none
};

}  // namespace absl

#endif  // ABSL_CONTAINER_FLAT_HASH_MAP_
