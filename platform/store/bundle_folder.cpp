#include "platform/store/bundle_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "platform/linux/durable_file.hpp"

namespace graphite {

namespace {

/// Room of a mapping beyond the size at which a new file is begun: one batch of pages.
constexpr std::uint64_t batch_bytes_max = 4 * GiB;

}  // namespace

std::string bundle_folder::path_of(std::uint32_t number) const { return options_.folder + "/" + page_file_name(number); }

result<std::shared_ptr<bundle_folder>> bundle_folder::open(bundle_folder_options options, const hasher& hash) {
  GRAPHITE_CHECK(make_folders(options.folder));
  if (!options.segments.empty()) {
    std::error_code code;
    const auto link = options.folder + "/segments";
    if (!std::filesystem::is_symlink(link, code)) std::filesystem::create_symlink(options.segments, link, code);
    if (code) return fail_errno(code.value(), "cannot make the link " + link);
  }
  std::shared_ptr<bundle_folder> out(new bundle_folder(std::move(options), hash));
  GRAPHITE_CHECK(out->read_head());
  GRAPHITE_CHECK(out->find_tail());
  return out;
}

result<void> bundle_folder::read_head() {
  const auto bytes = read_whole_file(options_.folder + "/head", head_file_bytes);
  if (!bytes && bytes.error().code == errc::not_found) return {};
  if (!bytes) return tl::unexpected<error>(bytes.error());
  GRAPHITE_TRY(newest_, decode_head(as_bytes(*bytes), hash_));
  files_ = newest_->page_files;
  return {};
}

/// The root page is the last of its batch: what lies behind it was never named by a head.
result<void> bundle_folder::find_tail() {
  if (files_.empty()) return {};
  GRAPHITE_TRY(const auto mapped, map(files_.back()));
  struct stat info {};
  if (::stat(path_of(files_.back()).c_str(), &info) != 0) return fail_errno(errno, path_of(files_.back()));
  GRAPHITE_TRY(const auto bytes, mapped->range(0, static_cast<std::uint64_t>(info.st_size)));
  tail_ = page_file_header_bytes;
  if (newest_->root.file != files_.back()) return {};
  GRAPHITE_TRY(const auto record, decode_page_record(bytes, newest_->root.file, newest_->root.offset));
  tail_ = record.end;
  return {};
}

result<std::shared_ptr<const mapped_segment>> bundle_folder::map(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  auto& known = maps_[number];
  if (!known) {
    GRAPHITE_TRY(known, mapped_segment::open(path_of(number), options_.page_file_bytes_max + batch_bytes_max));
  }
  return known;
}

result<stored_page> bundle_folder::load(const digest& id, page_location hint) const {
  if (!hint.known()) return fail(errc::not_found, "the bundle folder does not know where page " + to_hex(id) + " lies");
  GRAPHITE_TRY(const auto mapped, map(hint.file));
  GRAPHITE_TRY(const auto header, mapped->range(hint.offset, page_record_header_bytes));
  static_cast<void>(header);
  // Header, page and pointers of the largest record: what of it lies in the file is enough.
  struct stat info {};
  if (::stat(path_of(hint.file).c_str(), &info) != 0) return fail_errno(errno, path_of(hint.file));
  GRAPHITE_TRY(const auto bytes, mapped->range(0, static_cast<std::uint64_t>(info.st_size)));
  GRAPHITE_TRY(auto page, page_at(bytes, hint, id));
  page.keep = mapped;
  return page;
}

result<void> bundle_folder::begin_file() {
  const auto number = files_.empty() ? 1 : files_.back() + 1;
  const unique_fd fd(::open(path_of(number).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return fail_errno(errno, path_of(number));
  GRAPHITE_CHECK(write_fully(fd.get(), encode_page_file_header(number), 0, path_of(number)));
  GRAPHITE_CHECK(sync_folder(options_.folder));
  files_.push_back(number);
  tail_ = page_file_header_bytes;
  return {};
}

result<void> bundle_folder::append(const page_batch& batch) {
  const auto path = path_of(files_.back());
  const unique_fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, path);
  GRAPHITE_CHECK(write_fully(fd.get(), batch.bytes, tail_, path));
  if (::fdatasync(fd.get()) != 0) return fail_errno(errno, path);
  tail_ += batch.bytes.size();
  batch.mark_written();
  return {};
}

result<page_location> bundle_folder::write(const index_tree& tree, const head& now, const extent_lookup& find) {
  const auto pages = unwritten_pages(tree);
  if (!pages.empty()) {
    if (files_.empty() || tail_ > options_.page_file_bytes_max) GRAPHITE_CHECK(begin_file());
    GRAPHITE_TRY(const auto batch, encode_pages(pages, files_.back(), tail_, find, hash_));
    GRAPHITE_CHECK(append(batch));
  }
  head_file next;
  next.value = now;
  next.root = tree.root_location();
  next.page_files = files_;
  if (!now.behind.is_zero())
    if (const auto where = find(content_ref{now.behind, 0})) next.behind = *where;
  GRAPHITE_TRY(const auto bytes, encode_head(next, hash_));
  GRAPHITE_CHECK(replace_file(options_.folder + "/head", bytes));
  newest_ = std::move(next);
  return newest_->root;
}

}  // namespace graphite
