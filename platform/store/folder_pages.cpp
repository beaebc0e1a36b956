#include "platform/store/folder_pages.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "bundle/head_codec.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t mapped_bytes_min = 1 * MiB;

result<std::uint64_t> size_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(errno, "stat " + path);
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace

/// A mapping of at least `bytes`, with room to grow so that it is seldom made again.
result<std::shared_ptr<const mapped_segment>> folder_pages::view(std::uint32_t file,
                                                                 std::uint64_t bytes) const {
  auto& known = views_[file];
  if (known.view && known.bytes >= bytes) return known.view;
  const auto path = folder_ + "/" + page_file_name(file);
  const auto wanted = std::max(bytes * 2, mapped_bytes_min);
  GRAPHITE_TRY(auto fresh, mapped_segment::open(path, wanted));
  GRAPHITE_TRY(const auto header, fresh->range(0, page_file_header_bytes));
  GRAPHITE_TRY(const auto number, decode_page_file_header(header));
  if (number != file) return fail(errc::corrupt, path + " is another page file under this name");
  known = {std::move(fresh), wanted, bytes};
  return known.view;
}

/// A file that was removed is as long as it was.
result<std::uint64_t> folder_pages::size_of_file(std::uint32_t file) const {
  auto size = size_of(folder_ + "/" + page_file_name(file));
  const auto known = views_.find(file);
  if (known == views_.end()) return size;
  if (size) known->second.size = *size;
  return known->second.size;
}

result<page_location> folder_pages::present_place(const digest& id, page_location hint) const {
  if (hint.file >= oldest_) return hint;
  const auto found = places_.find(id);
  if (found == places_.end()) return fail(errc::not_found, "page " + to_hex(id) + " is not kept any more");
  return found->second;
}

result<stored_page> folder_pages::load(const digest& id, page_location hint) const {
  if (!hint.known()) return fail(errc::not_found, "no place known for page " + to_hex(id));
  std::shared_ptr<const mapped_segment> from;
  std::uint64_t size = 0;
  {
    std::lock_guard lock(mutex_);
    GRAPHITE_TRY(hint, present_place(id, hint));
    GRAPHITE_TRY(size, size_of_file(hint.file));
    GRAPHITE_TRY(from, view(hint.file, size));
  }
  GRAPHITE_TRY(const auto bytes, from->range(0, size));
  GRAPHITE_TRY(auto page, page_at(bytes, hint, id));
  page.keep = std::move(from);
  return page;
}

void folder_pages::moved(std::uint32_t oldest, page_places places) {
  std::lock_guard lock(mutex_);
  oldest_ = oldest;
  places_ = std::move(places);
  views_.erase(views_.begin(), views_.lower_bound(oldest));
}

bool folder_pages::gone(std::uint32_t file) const {
  std::lock_guard lock(mutex_);
  return file < oldest_;
}

}  // namespace graphite
