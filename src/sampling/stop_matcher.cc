// StopMatcher: Knuth, Morris and Pratt's automaton for each stop string (SIAM J. Comput. 6, 1977).
#include "sampling/stop_matcher.h"

#include <algorithm>
#include <cstring>

#include "base/str_cat.h"

namespace pipit {
namespace {

Status check_stop(std::string_view stop, size_t index) {
  if (stop.empty()) {
    return {StatusCode::kInvalidArgument,
            str_cat("Stop string ", index, " (counted from 0) is empty; leave it out.")};
  }
  if (stop.size() > kMaxStopStringBytes) {
    return {StatusCode::kLimitExceeded,
            str_cat("Stop string ", index, " (counted from 0) has ", stop.size(),
                    " bytes; at most ", kMaxStopStringBytes, " are allowed.")};
  }
  // The text before a stop string would end with half a character.
  if ((static_cast<unsigned char>(stop[0]) & 0xc0u) == 0x80u) {
    return {StatusCode::kInvalidArgument,
            str_cat("Stop string ", index,
                    " (counted from 0) begins in the middle of a UTF-8 character; "
                    "it must be valid UTF-8.")};
  }
  return ok_status();
}

}  // namespace

Result<StopMatcher> StopMatcher::create(std::span<const std::string> stops) {
  if (stops.size() > kMaxStopStrings) {
    return Status(StatusCode::kLimitExceeded,
                  str_cat("There are ", stops.size(), " stop strings; at most ", kMaxStopStrings,
                          " are allowed."));
  }
  StopMatcher matcher;
  for (size_t i = 0; i < stops.size(); ++i) {
    PIPIT_RETURN_IF_ERROR(check_stop(stops[i], i));
    const Stop stop = {matcher.bytes_.size(), stops[i].size(), 0};
    PIPIT_RETURN_IF_ERROR(matcher.bytes_.append(stops[i]));
    PIPIT_RETURN_IF_ERROR(matcher.fallback_.resize(matcher.bytes_.size()));
    PIPIT_RETURN_IF_ERROR(matcher.stops_.push_back(stop));
    matcher.add_fallbacks(stop);
  }
  return matcher;
}

Result<StopMatcher::Output> StopMatcher::feed(std::string_view piece) {
  drop_given();
  const size_t begin = text_.size();
  PIPIT_RETURN_IF_ERROR(text_.append(piece));
  for (size_t i = begin; i < text_.size(); ++i) {
    const Stop* complete = nullptr;
    for (Stop& stop : stops_) {
      stop.matched = advance(stop, stop.matched, text_[i]);
      const bool longest = complete == nullptr || stop.length > complete->length;
      if (stop.matched == stop.length && longest) complete = &stop;
    }
    if (complete == nullptr) continue;
    const Output output = {give(i + 1 - complete->length),
                           static_cast<int32_t>(complete - stops_.begin())};
    restart();
    return output;
  }
  size_t held = 0;
  for (const Stop& stop : stops_) held = std::max(held, stop.matched);
  return Output{give(text_.size() - held), -1};
}

std::string_view StopMatcher::flush() {
  drop_given();
  const std::string_view rest = give(text_.size());
  restart();
  return rest;
}

void StopMatcher::add_fallbacks(const Stop& stop) {
  size_t matched = 0;
  for (size_t i = 1; i < stop.length; ++i) {
    matched = advance(stop, matched, bytes_[stop.offset + i]);
    fallback_[stop.offset + i] = static_cast<uint16_t>(matched);
  }
}

// How much of `stop` the text ends with when `next` follows a text that ends with `matched` (<
// length) bytes of it.
size_t StopMatcher::advance(const Stop& stop, size_t matched, char next) const {
  while (matched > 0 && bytes_[stop.offset + matched] != next) {
    matched = fallback_[stop.offset + matched - 1];
  }
  return bytes_[stop.offset + matched] == next ? matched + 1 : 0;
}

void StopMatcher::drop_given() {
  const size_t held = text_.size() - given_;
  if (held > 0) std::memmove(text_.data(), text_.data() + given_, held);
  text_.truncate(held);
  given_ = 0;
}

std::string_view StopMatcher::give(size_t n) {
  given_ = n;
  return {text_.data(), n};
}

// Nothing is held back any more; what was given out stays valid until the next call.
void StopMatcher::restart() {
  text_.truncate(given_);
  for (Stop& stop : stops_) stop.matched = 0;
}

}  // namespace pipit
