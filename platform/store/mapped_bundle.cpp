#include "platform/store/mapped_bundle.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "bundle/export.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"
#include "bundle/segment_format.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/bundle_names.hpp"

namespace graphite {
namespace {

constexpr std::uint64_t page_room_min = 4 * MiB;

result<struct stat> status_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(errno, "stat " + path);
  return info;
}

/// Names of regular entries in `folder` that begin so.
result<std::vector<std::string>> names_with(const std::string& folder, std::string_view prefix) {
  std::vector<std::string> out;
  std::error_code code;
  std::filesystem::directory_iterator at(folder, code);
  for (const std::filesystem::directory_iterator end; !code && at != end; at.increment(code))
    if (auto name = at->path().filename().string(); name.starts_with(prefix)) out.push_back(std::move(name));
  if (code) return fail_errno(code.value(), "list " + folder);
  return out;
}

error misnamed(const std::string& path, const char* what) {
  return {errc::corrupt, path + " is another " + what + " under this name"};
}

}  // namespace

std::shared_ptr<std::byte> zero_pages(std::uint64_t bytes) {
  void* const base =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  return {static_cast<std::byte*>(base), [bytes](std::byte* memory) { ::munmap(memory, bytes); }};
}

result<byte_vector> mapped_bundle_folder::head() const {
  GRAPHITE_TRY(const auto bytes, read_whole_file(folder_ + "/head", 2 * head_file_bytes));
  const auto span = as_bytes(bytes);
  return byte_vector(span.begin(), span.end());
}

result<std::vector<byte_vector>> mapped_bundle_folder::earlier_heads() const {
  GRAPHITE_TRY(auto names, names_with(folder_, old_head_prefix));
  std::sort(names.rbegin(), names.rend());  // numbers of one length: by epoch and sequence
  std::vector<byte_vector> out;
  for (const auto& name : names) {
    const auto bytes = read_whole_file(folder_ + "/" + name, 2 * head_file_bytes);
    if (!bytes && bytes.error().code == errc::not_found) continue;  // dropped meanwhile
    if (!bytes) return tl::unexpected(bytes.error());
    const auto span = as_bytes(*bytes);
    out.emplace_back(span.begin(), span.end());
  }
  return out;
}

result<std::vector<segment_id>> mapped_bundle_folder::segments() const {
  constexpr std::string_view prefix = "segment-";
  GRAPHITE_TRY(const auto names, names_with(folder_, prefix));
  std::vector<segment_id> out;
  for (const auto& name : names) {
    std::uint32_t number = 0;
    const auto* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix.size(), end, number, 16);
    if (parsed.ec == std::errc() && parsed.ptr == end && segment_file_name({number}) == name)
      out.push_back({number});
  }
  return out;
}

std::shared_ptr<const mapped_segment> mapped_bundle_folder::known_file::of(const struct stat& now,
                                                                           std::uint64_t bytes_min) const {
  return bytes >= bytes_min && device == now.st_dev && inode == now.st_ino ? view.lock() : nullptr;
}

result<bundle_files::mapping> mapped_bundle_folder::page_file(std::uint32_t number) const {
  const auto path = folder_ + "/" + page_file_name(number);
  GRAPHITE_TRY(const auto now, status_of(path));
  const auto size = static_cast<std::uint64_t>(now.st_size);
  const std::lock_guard lock(mutex_);
  auto& known = pages_[number];
  if (auto view = known.of(now, size)) return mapping(view);
  const auto room = std::max(2 * size, page_room_min);
  GRAPHITE_TRY(auto view, mapped_segment::open(path, room));
  GRAPHITE_TRY(const auto header, view->range(0, page_file_header_bytes));
  GRAPHITE_TRY(const auto found, decode_page_file_header(header));
  if (found != number) return tl::unexpected(misnamed(path, "page file"));
  known = {view, room, now.st_dev, now.st_ino};
  return mapping(view);
}

result<bundle_files::mapping> mapped_bundle_folder::segment(segment_id id) const {
  const auto name = segment_file_name(id);
  auto path = folder_ + "/" + name;
  auto now = status_of(path);
  for (const char* beside : {"/segments/", "/../../segments/", "/.graphite/segments/"}) {
    if (now || now.error().code != errc::not_found) break;
    path = folder_ + beside + name;
    now = status_of(path);
  }
  if (!now) return tl::unexpected(now.error());
  const std::lock_guard lock(mutex_);
  auto& known = segments_[id.value];
  if (auto view = known.of(*now, 0)) return mapping(view);
  GRAPHITE_TRY(auto view, mapped_segment::open(path, segment_bytes_max));
  GRAPHITE_TRY(const auto first, view->range(0, segment_header_bytes));
  GRAPHITE_TRY(const auto header, decode_segment_header(first));
  if (header.id != id) return tl::unexpected(misnamed(path, "segment"));
  known = {view, 0, now->st_dev, now->st_ino};
  return mapping(view);
}

result<std::shared_ptr<const bundle_files>> mapped_bundle_file::open(const std::string& path) {
  GRAPHITE_TRY(auto file, mapped_segment::open(path, 0));
  GRAPHITE_TRY(const auto bytes, file->all());
  if (const auto good = check_export_header(bytes); !good)
    return fail(good.error().code, path + ": " + good.error().context);
  return std::shared_ptr<const bundle_files>(new mapped_bundle_file(std::move(file)));
}

result<byte_vector> mapped_bundle_file::head() const {
  GRAPHITE_TRY(const auto bytes, file_->all());
  const auto last = bytes.last(head_file_bytes);
  return byte_vector(last.begin(), last.end());
}

result<bundle_files::mapping> mapped_bundle_file::page_file(std::uint32_t number) const {
  if (number != 1) return fail(errc::not_found, "an exported bundle has one page file");
  return mapping(file_);
}

result<bundle_files::mapping> mapped_bundle_file::segment(segment_id id) const {
  if (id.value != 1) return fail(errc::not_found, "an exported bundle has one segment");
  return mapping(file_);
}

result<std::shared_ptr<const bundle_files>> map_bundle(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(errno, "open " + path);
  if (S_ISDIR(info.st_mode)) return std::make_shared<const mapped_bundle_folder>(path);
  return mapped_bundle_file::open(path);
}

}  // namespace graphite
