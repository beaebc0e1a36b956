#include "bundle/chunker.hpp"

#include <algorithm>
#include <utility>

#include "kernels/gear_scan.hpp"

namespace graphite {

namespace {

/// Chunks that are cut, and wait until so many are there that hashing them together pays.
class waiting_chunks {
 public:
  explicit waiting_chunks(const hasher& hash) : hash_(hash) {}

  /// `to` gets its entry at once, and the digest with hash_all(): it must stay where it is until then.
  void add(byte_span chunk, chunk_list& to) {
    to.chunks.push_back({{}, static_cast<std::uint32_t>(chunk.size())});
    chunks_.push_back(chunk);
    places_.emplace_back(&to, to.chunks.size() - 1);
    bytes_ += chunk.size();
    if (bytes_ >= together_bytes || chunks_.size() >= together_chunks) hash_all();
  }

  void hash_all() {
    digests_.resize(chunks_.size());
    hash_.sha256_each(chunks_, digests_);
    for (std::size_t i = 0; i < places_.size(); ++i)
      places_[i].first->chunks[places_[i].second].id = digests_[i];
    chunks_.clear();
    places_.clear();
    bytes_ = 0;
  }

 private:
  // More would leave the cache, fewer the lanes empty.
  static constexpr std::size_t together_bytes = 4 * MiB, together_chunks = 256;

  const hasher& hash_;
  std::vector<byte_span> chunks_;
  std::vector<std::pair<chunk_list*, std::size_t>> places_;
  std::vector<digest> digests_;
  std::size_t bytes_ = 0;
};

void cut(byte_span bytes, waiting_chunks& waiting, chunk_list& into) {
  const bool single = bytes.size() <= single_chunk_bytes_max;
  while (!bytes.empty()) {
    const auto chunk = bytes.first(single ? bytes.size() : gear_cut(bytes));
    waiting.add(chunk, into);
    bytes = bytes.subspan(chunk.size());
  }
}

}  // namespace

chunk_list chunk_bytes(byte_span bytes, const hasher& hash) {
  if (bytes.size() <= single_chunk_bytes_max && !bytes.empty())
    return {{{hash.sha256(bytes), static_cast<std::uint32_t>(bytes.size())}}};
  chunk_list out;
  waiting_chunks waiting(hash);
  cut(bytes, waiting, out);
  waiting.hash_all();
  return out;
}

std::vector<chunk_list> chunk_each(std::span<const byte_span> contents, const hasher& hash) {
  std::vector<chunk_list> out(contents.size());
  waiting_chunks waiting(hash);
  for (std::size_t i = 0; i < contents.size(); ++i) cut(contents[i], waiting, out[i]);
  waiting.hash_all();
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
