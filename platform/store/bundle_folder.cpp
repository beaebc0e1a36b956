#include "platform/store/bundle_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "bundle/byte_io.hpp"
#include "bundle/segment_format.hpp"
#include "core/kill_point.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/bundle_names.hpp"
#include "platform/store/index_row.hpp"

namespace graphite {

namespace {

result<head_file> read_head(const std::string& path, const hasher& hash) {
  GRAPHITE_TRY(const auto bytes, read_whole_file(path, head_file_bytes));
  auto decoded = decode_head(as_bytes(bytes), hash);
  if (!decoded) return fail(decoded.error().code, path + ": " + decoded.error().context);
  return decoded;
}

}  // namespace

bundle_folder::bundle_folder(bundle_folder_options options, const hasher& hash, log_sink& log)
    : options_(std::move(options)),
      hash_(hash),
      log_(log),
      pages_(std::make_shared<folder_pages>(options_.folder)) {}

result<std::unique_ptr<bundle_folder>> bundle_folder::open(bundle_folder_options options, const hasher& hash,
                                                           log_sink& log) {
  std::unique_ptr<bundle_folder> out(new bundle_folder(std::move(options), hash, log));
  GRAPHITE_CHECK(out->load());
  return out;
}

result<void> bundle_folder::load() {
  if (!options_.read_only) GRAPHITE_CHECK(make_folders(options_.folder));
  std::error_code code;
  for (const auto& one : std::filesystem::directory_iterator(options_.folder, code)) {
    const auto name = one.path().filename().string();
    if (const auto id = segment_of_file_name(name)) segments_.insert(*id);
    if (!name.starts_with(old_head_prefix) || name.ends_with(".tmp")) continue;
    if (auto old = read_head(one.path(), hash_)) older_.push_back(std::move(*old));
  }
  if (code) return fail_errno(code.value(), "open " + options_.folder);
  std::ranges::sort(older_, {},
                    [](const head_file& h) { return std::pair(h.value.epoch, h.value.sequence); });
  GRAPHITE_CHECK(load_head());
  if (head_ && !options_.read_only) remove_leftovers();
  return {};
}

/// What a death in the midst of a rewrite left: page files that no head names, and old heads that name files
/// which are gone.
void bundle_folder::remove_leftovers() {
  std::set<std::string> here, named;
  std::error_code code;
  for (const auto& one : std::filesystem::directory_iterator(options_.folder, code))
    if (const auto name = one.path().filename().string(); name.starts_with("pages-")) here.insert(name);
  for (const auto number : head_->page_files) named.insert(page_file_name(number));
  std::erase_if(older_, [&](const head_file& old) {
    std::set<std::string> its;
    for (const auto number : old.page_files) its.insert(page_file_name(number));
    const bool whole = std::ranges::includes(here, its);
    if (whole) named.merge(its);
    if (!whole) ::unlink(path(old_head_name(old.value)).c_str());
    return !whole;
  });
  for (const auto& name : here)
    if (!named.contains(name)) ::unlink(path(name).c_str());
}

result<void> bundle_folder::load_head() {
  auto head = read_head(path("head"), hash_);
  if (!head && head.error().code == errc::not_found && !options_.read_only) return {};
  if (!head) return tl::unexpected(head.error());
  head_ = std::move(*head);
  std::erase_if(older_, [&](const head_file& old) { return !head_->value.newer_than(old.value); });
  GRAPHITE_TRY(const auto newest, tree_of(*head_));
  entry_bytes_ = newest.root_node()->entry_bytes();
  for (const auto number : head_->page_files) {
    struct stat info {};
    if (::stat(path(page_file_name(number)).c_str(), &info) == 0)
      page_bytes_ += static_cast<std::uint64_t>(info.st_size);
  }
  return {};
}

result<index_tree> bundle_folder::tree_of(const head_file& from) const {
  return index_tree::open(from.value, from.root, pages_, hash_);
}

std::optional<head_file> bundle_folder::current() const {
  std::lock_guard lock(mutex_);
  return head_;
}

result<index_tree> bundle_folder::tree() const {
  const auto head = current();
  if (!head) return fail(errc::not_found, options_.folder + " has no generation yet");
  return tree_of(*head);
}

std::vector<head_file> bundle_folder::generations() const {
  std::lock_guard lock(mutex_);
  std::vector<head_file> out(older_.begin(), older_.end());
  if (head_) out.push_back(*head_);
  return out;
}

std::set<segment_id> bundle_folder::segments() const {
  std::lock_guard lock(mutex_);
  return segments_;
}

bool bundle_folder::refers_to(segment_id id) const {
  std::lock_guard lock(mutex_);
  return segments_.contains(id);
}

/// Goes on in the newest page file. Pages are found by place, so what a crash left behind the last one only
/// costs its room.
result<bundle_folder::page_output> bundle_folder::open_output() const {
  if (!head_ || head_->page_files.empty()) return create_page_file();
  const auto number = head_->page_files.back();
  const auto name = path(page_file_name(number));
  page_output out{number, 0, owned_fd(::open(name.c_str(), O_RDWR | O_CLOEXEC))};
  if (!out.fd) return fail_errno(errno, "open " + name);
  struct stat info {};
  if (::fstat(out.fd.get(), &info) != 0) return fail_errno(errno, "stat " + name);
  out.tail = align_up(static_cast<std::uint64_t>(info.st_size), 8);
  return out;
}

result<bundle_folder::page_output> bundle_folder::new_page_file() const {
  std::lock_guard lock(mutex_);
  return create_page_file();
}

result<bundle_folder::page_output> bundle_folder::create_page_file() const {
  std::uint32_t number = output_.number;
  std::error_code code;
  if (head_)
    for (const auto used : head_->page_files) number = std::max(number, used);
  do ++number;
  while (std::filesystem::exists(path(page_file_name(number)), code) && number < page_location::file_max);
  const auto name = path(page_file_name(number));
  GRAPHITE_KILL_POINT("bundle.before_page_file");
  page_output out{number, 0, owned_fd(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644))};
  if (!out.fd) return fail_errno(errno, "create " + name);
  GRAPHITE_KILL_POINT("bundle.after_page_file");
  if (auto written = append(out, encode_page_file_header(number)); !written) {
    ::unlink(name.c_str());
    return tl::unexpected(written.error());
  }
  GRAPHITE_KILL_POINT("bundle.after_page_header");
  return out;
}

/// The tail moves only when all is written: what a failed write left is written over.
result<void> bundle_folder::append(page_output& out, byte_span bytes) const {
  GRAPHITE_CHECK(write_fully(out.fd.get(), bytes, out.tail, "write " + path(page_file_name(out.number))));
  out.tail += bytes.size();
  return {};
}

/// Whether the tree, whose pages that are not on disk are `unwritten`, needs pages from removed files.
bool bundle_folder::is_gone(const index_tree& tree,
                            const std::vector<index_tree::node_ptr>& unwritten) const {
  const auto gone = [this](page_location where) { return where.known() && pages_->gone(where.file); };
  return gone(tree.root_location()) || std::ranges::any_of(unwritten, [&](const auto& page) {
           return std::ranges::any_of(page->links(), [&](const auto& link) { return gone(link.location()); });
         });
}

/// The same index as changes of the newest generation: those pages are kept.
result<index_tree> bundle_folder::brought_over(const index_tree& tree) const {
  GRAPHITE_TRY(const auto newest, tree_of(*head_));
  GRAPHITE_TRY(const auto changes, changes_between(newest, tree));
  GRAPHITE_TRY(auto out, newest.apply(changes));
  GRAPHITE_INVARIANT(out.root() == tree.root());
  return out;
}

result<void> bundle_folder::link_segments(const std::set<segment_id>& used) {
  for (const auto id : used) {
    if (segments_.contains(id)) continue;
    const auto name = segment_file_name(id);
    if (!options_.segments_folder.empty() &&
        ::link((options_.segments_folder + "/" + name).c_str(), path(name).c_str()) != 0 && errno != EEXIST)
      return fail_errno(errno, "link " + path(name));
    segments_.insert(id);
  }
  return {};
}

void bundle_folder::keep_old_head(const head_file& old) {
  if (options_.kept_generations <= 1) return;
  const auto name = path(old_head_name(old.value));
  ::unlink(name.c_str());  // one left by a crash may name other places
  GRAPHITE_KILL_POINT("bundle.before_head_link");
  if (::link(path("head").c_str(), name.c_str()) != 0)
    log_.warn("generation {} cannot be kept: {}", old.value.sequence.value,
              std::generic_category().message(errno));
  GRAPHITE_KILL_POINT("bundle.after_head_link");
}

void bundle_folder::drop_generations(std::size_t kept) {
  while (older_.size() + 1 > std::max<std::size_t>(kept, 1)) {
    GRAPHITE_KILL_POINT("bundle.before_unlink");
    ::unlink(path(old_head_name(older_.front().value)).c_str());
    older_.pop_front();
  }
}

result<void> bundle_folder::replace_head(const head_file& next, bool durable) {
  GRAPHITE_TRY(const auto bytes, encode_head(next, hash_));
  GRAPHITE_KILL_POINT("bundle.before_head");
  GRAPHITE_CHECK(replace_file(path("head"), bytes, 0644, durable));
  GRAPHITE_KILL_POINT("bundle.after_head");
  head_ = next;
  return {};
}

result<void> bundle_folder::write_head(const head_file& next) {
  auto old = head_;
  if (old) keep_old_head(*old);
  GRAPHITE_CHECK(replace_head(next, !options_.sync_later));
  if (old && options_.kept_generations > 1) older_.push_back(std::move(*old));
  drop_generations(options_.kept_generations);
  return {};
}

result<void> bundle_folder::publish(const head& value, const index_tree& tree, const extent& behind,
                                    const extent_lookup& find, byte_vector signature) {
  std::lock_guard lock(mutex_);
  if (options_.read_only) return fail(errc::permission_denied, "the bundle is open for reading");
  if (value.root != tree.root()) return fail(errc::invalid_argument, "the head names another index");
  if (head_ && head_->value.lineage == value.lineage && !value.newer_than(head_->value))
    return fail(errc::invalid_argument, "the head is not newer than the one published");
  if (output_.number == 0) {
    GRAPHITE_TRY(output_, open_output());
  }
  head_file next{value, {}, behind, {}, std::move(signature)};
  if (!is_gone(tree, unwritten_pages(tree))) return write_generation(std::move(next), tree, find);
  GRAPHITE_TRY(const auto moved, brought_over(tree));
  return write_generation(std::move(next), moved, find);
}

result<void> bundle_folder::write_generation(head_file next, const index_tree& tree,
                                             const extent_lookup& find) {
  std::set<segment_id> used;
  GRAPHITE_TRY(const auto batch,
               encode_pages(unwritten_pages(tree), output_.number, output_.tail, noting(find, used), hash_));
  if (next.behind.segment != no_segment) used.insert(next.behind.segment);
  GRAPHITE_KILL_POINT("bundle.before_pages_write");
  GRAPHITE_CHECK(append(output_, batch.bytes));
  GRAPHITE_KILL_POINT("bundle.after_pages_write");
  if (!options_.sync_later) GRAPHITE_CHECK(sync(output_.fd.get(), output_.number));
  GRAPHITE_KILL_POINT("bundle.after_pages_sync");
  batch.mark_written();
  GRAPHITE_CHECK(link_segments(used));
  GRAPHITE_KILL_POINT("bundle.after_segment_links");
  next.root = tree.root_location();
  if (head_) next.page_files = head_->page_files;
  if (std::ranges::count(next.page_files, output_.number) == 0) next.page_files.push_back(output_.number);
  std::ranges::sort(next.page_files);
  GRAPHITE_CHECK(write_head(next));
  page_bytes_ += batch.bytes.size();
  entry_bytes_ = tree.root_node()->entry_bytes();
  return {};
}

}  // namespace graphite
