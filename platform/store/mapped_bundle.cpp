#include "platform/store/mapped_bundle.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

#include "bundle/export.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/page_file.hpp"
#include "bundle/segment_format.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/bundle_names.hpp"

namespace graphite {
namespace {

constexpr std::uint64_t page_room_min = 4 * MiB;

result<std::uint64_t> length_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(errno, "stat " + path);
  return static_cast<std::uint64_t>(info.st_size);
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

result<bundle_files::mapping> mapped_bundle_folder::page_file(std::uint32_t number) const {
  const auto path = folder_ + "/" + page_file_name(number);
  GRAPHITE_TRY(const auto size, length_of(path));
  const std::lock_guard lock(mutex_);
  auto& known = pages_[number];
  if (auto view = known.view.lock(); view && known.bytes >= size) return mapping(view);
  const auto room = std::max(2 * size, page_room_min);
  GRAPHITE_TRY(auto view, mapped_segment::open(path, room));
  GRAPHITE_TRY(const auto header, view->range(0, page_file_header_bytes));
  GRAPHITE_TRY(const auto found, decode_page_file_header(header));
  if (found != number) return tl::unexpected(misnamed(path, "page file"));
  known = {view, room};
  return mapping(view);
}

result<bundle_files::mapping> mapped_bundle_folder::segment(segment_id id) const {
  const std::lock_guard lock(mutex_);
  auto& known = segments_[id.value];
  if (auto view = known.view.lock()) return mapping(view);
  const auto name = segment_file_name(id);
  auto opened = mapped_segment::open(folder_ + "/" + name, segment_bytes_max);
  auto path = folder_ + "/" + name;
  for (const char* beside : {"/segments/", "/../../segments/"}) {
    if (opened || opened.error().code != errc::not_found) break;
    path = folder_ + beside + name;
    opened = mapped_segment::open(path, segment_bytes_max);
  }
  GRAPHITE_TRY(auto view, std::move(opened));
  GRAPHITE_TRY(const auto first, view->range(0, segment_header_bytes));
  GRAPHITE_TRY(const auto header, decode_segment_header(first));
  if (header.id != id) return tl::unexpected(misnamed(path, "segment"));
  known = {view, 0};
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
