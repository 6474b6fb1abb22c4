// Array<T>: an owning, 64-byte aligned buffer of plain values whose growth can fail with a Status
// instead of an abort.
#pragma once

#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "base/checked.h"
#include "base/memory.h"
#include "base/str_cat.h"
#include "pipit/status.h"

namespace pipit {

template <typename T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>, "Array moves its elements with memcpy");

 public:
  Array() = default;
  ~Array() { release(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array&& other) noexcept {
    Array(std::move(other)).swap(*this);
    return *this;
  }

  // An array of `n` zeroed elements.
  static Result<Array> make(uint64_t n) {
    Array array;
    PIPIT_RETURN_IF_ERROR(array.resize(n));
    return array;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

  void clear() { size_ = 0; }
  void pop_back() { --size_; }
  void truncate(size_t n) {
    if (n < size_) size_ = n;
  }

  // Room for `n` elements without a further allocation.
  Status reserve(uint64_t n) {
    if (n <= capacity_) return ok_status();
    const auto bytes = checked_mul(n, sizeof(T));
    const auto size = bytes ? checked_size(*bytes) : std::nullopt;
    T* grown = size ? static_cast<T*>(allocate(*size)) : nullptr;
    if (grown == nullptr) {
      return {StatusCode::kOutOfMemory,
              str_cat("Not enough memory for ", n, " elements of ", sizeof(T),
                      " bytes. Close other tabs or choose a smaller model or context.")};
    }
    if (size_ > 0) std::memcpy(static_cast<void*>(grown), data_, size_ * sizeof(T));
    release(data_);
    data_ = grown;
    capacity_ = static_cast<size_t>(n);
    return ok_status();
  }

  // Exactly `n` elements; new ones are zero.
  Status resize(uint64_t n) {
    PIPIT_RETURN_IF_ERROR(reserve(n));
    const auto size = static_cast<size_t>(n);
    if (size > size_) std::memset(static_cast<void*>(data_ + size_), 0, (size - size_) * sizeof(T));
    size_ = size;
    return ok_status();
  }

  Status push_back(const T& value) {
    const T copy = value;  // `value` may live in this array
    PIPIT_RETURN_IF_ERROR(grow_for(1));
    data_[size_++] = copy;
    return ok_status();
  }

  // Appends `values`, which must not lie in this array.
  Status append(std::span<const T> values) {
    if (values.empty()) return ok_status();
    PIPIT_RETURN_IF_ERROR(grow_for(values.size()));
    std::memcpy(static_cast<void*>(data_ + size_), values.data(), values.size_bytes());
    size_ += values.size();
    return ok_status();
  }

  void swap(Array& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  // Doubles the capacity until `n` more elements fit.
  Status grow_for(size_t n) {
    if (n <= capacity_ - size_) return ok_status();
    const uint64_t needed = uint64_t{size_} + n;
    const uint64_t doubled = uint64_t{capacity_} * 2;
    return reserve(needed > doubled ? needed : doubled);
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace pipit
