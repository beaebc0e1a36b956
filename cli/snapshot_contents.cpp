#include "cli/snapshot_contents.hpp"

#include <algorithm>
#include <utility>

namespace graphite {

namespace {

tl::unexpected<error> another_file(const logical_path& path) {
  return fail(errc::busy, path.str() + " is not what it was when it was read: try again");
}

result<std::unique_ptr<open_file>> open_again(const file_reader& files, const logical_path& path) {
  auto file = files.open(path);
  if (!file && (file.error().code == errc::not_found || file.error().code == errc::invalid_argument))
    return another_file(path);
  return file;
}

}  // namespace

result<void> snapshot_contents::read(const digest& content, std::uint64_t offset,
                                     std::span<std::byte> out) const {
  auto found = find_(content);
  if (!found) return fail(errc::not_found, "no file or folder of the snapshot is content " + to_hex(content));
  if (offset > found->size || out.size() > found->size - offset)
    return fail(errc::corrupt, "a piece beyond the end of content " + to_hex(content));
  bytes_read_ += out.size();
  if (const auto* bytes = std::get_if<byte_vector>(&found->where)) {
    std::copy_n(bytes->begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  const auto& path = std::get<logical_path>(found->where);
  if (found->size <= options_.whole_bytes_max) return read_whole(content, path, found->size, offset, out);
  return read_on(content, path, offset, out);
}

result<void> snapshot_contents::read_whole(const digest& content, const logical_path& path,
                                           std::uint64_t size, std::uint64_t offset,
                                           std::span<std::byte> out) const {
  auto known = whole_at_.find(content);
  if (known == whole_at_.end()) {
    GRAPHITE_TRY(const auto file, open_again(files_, path));
    whole fresh{content, byte_vector(size)};
    GRAPHITE_TRY(const auto got, read_full(*file, fresh.bytes));
    if (got < size) return another_file(path);
    wholes_.push_front(std::move(fresh));
    memory_bytes_ += size + place_bytes;
    known = whole_at_.emplace(content, wholes_.begin()).first;
    while (memory_bytes_ > options_.memory_bytes_max && wholes_.size() > 1) {
      memory_bytes_ -= wholes_.back().bytes.size() + place_bytes;
      whole_at_.erase(wholes_.back().content);
      wholes_.pop_back();
    }
  }
  wholes_.splice(wholes_.begin(), wholes_, known->second);
  std::copy_n(known->second->bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  return {};
}

result<snapshot_contents::stream> snapshot_contents::open_at(const digest& content, const logical_path& path,
                                                             std::uint64_t offset) const {
  stream out{content, 0, nullptr};
  GRAPHITE_TRY(out.file, open_again(files_, path));
  byte_vector skipped(std::min<std::uint64_t>(offset, MiB));
  while (out.at < offset) {
    const auto part = std::span(skipped).first(std::min<std::uint64_t>(skipped.size(), offset - out.at));
    GRAPHITE_TRY(const auto got, read_full(*out.file, part));
    if (got < part.size()) return another_file(path);
    out.at += got;
  }
  return out;
}

/// Each store that gets a content takes it from its beginning to its end: each has its own open file.
result<void> snapshot_contents::read_on(const digest& content, const logical_path& path, std::uint64_t offset,
                                        std::span<std::byte> out) const {
  auto known = std::find_if(streams_.begin(), streams_.end(),
                            [&](const stream& one) { return one.content == content && one.at == offset; });
  if (known == streams_.end()) {
    GRAPHITE_TRY(auto fresh, open_at(content, path, offset));
    streams_.push_front(std::move(fresh));
    if (streams_.size() > options_.open_files_max) streams_.pop_back();
    known = streams_.begin();
  }
  streams_.splice(streams_.begin(), streams_, known);
  const auto got = read_full(*known->file, out);
  const bool well = got && *got == out.size();
  known->at += well ? out.size() : 0;
  if (!well) streams_.erase(known);
  if (!got) return tl::unexpected<error>(got.error());
  return well ? result<void>() : another_file(path);
}

void snapshot_contents::forget() {
  wholes_.clear();
  whole_at_.clear();
  streams_.clear();
  memory_bytes_ = 0;
}

}  // namespace graphite
