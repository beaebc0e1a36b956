#include "bundle/chunker.hpp"

#include <algorithm>
#include <utility>

#include "kernels/gear_scan.hpp"

namespace graphite {

chunk_list chunk_bytes(byte_span bytes, const hasher& hash) {
  chunk_list out;
  const bool single = bytes.size() <= single_chunk_bytes_max;
  while (!bytes.empty()) {
    const auto chunk = bytes.first(single ? bytes.size() : gear_cut(bytes));
    out.chunks.push_back({hash.sha256(chunk), static_cast<std::uint32_t>(chunk.size())});
    bytes = bytes.subspan(chunk.size());
  }
  return out;
}

void content_builder::emit(byte_span chunk) {
  list_.chunks.push_back({hash_->sha256(chunk), static_cast<std::uint32_t>(chunk.size())});
}

/// Cuts while a whole chunk is certain to be there; returns how far it came.
std::size_t content_builder::cut_all(byte_span bytes) {
  std::size_t done = 0;
  while (bytes.size() - done >= chunk_bytes_max) {
    const auto length = gear_cut(bytes.subspan(done));
    emit(bytes.subspan(done, length));
    done += length;
  }
  return done;
}

void content_builder::take(byte_span bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void content_builder::feed(byte_span bytes) {
  fed_ += bytes.size();
  while (!bytes.empty()) {
    if (begin_ == buffer_.size()) {
      bytes = bytes.subspan(cut_all(bytes));
      begin_ = 0;
      buffer_.assign(bytes.begin(), bytes.end());
      return;
    }
    const auto left = buffer_.size() - begin_;
    const auto slice = bytes.first(std::min(bytes.size(), buffer_bytes_max - left));
    if (buffer_.size() + slice.size() > buffer_bytes_max)
      take(slice);
    else
      buffer_.insert(buffer_.end(), slice.begin(), slice.end());
    bytes = bytes.subspan(slice.size());
    begin_ += cut_all(byte_span(buffer_).subspan(begin_));
  }
}

chunk_list content_builder::finish() {
  const auto rest = byte_span(buffer_).subspan(begin_);
  if (fed_ <= single_chunk_bytes_max) {
    if (!rest.empty()) emit(rest);
  } else {
    for (std::size_t at = 0; at < rest.size();) {
      const auto length = gear_cut(rest.subspan(at));
      emit(rest.subspan(at, length));
      at += length;
    }
  }
  buffer_.clear();
  begin_ = 0;
  fed_ = 0;
  return std::exchange(list_, {});
}

}  // namespace graphite
