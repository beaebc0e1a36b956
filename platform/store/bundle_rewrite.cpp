#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/kill_point.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/bundle_folder.hpp"
#include "platform/store/bundle_names.hpp"
#include "platform/store/index_row.hpp"

// The rewrite of a bundle folder: its live pages go to a new file, with the present places of their contents.

namespace graphite {

namespace {

/// What an index of this many bytes of entries takes in a page file: entries, extents, headers, inner pages.
std::uint64_t expected_bytes(std::uint64_t entry_bytes, std::uint64_t assets) {
  return entry_bytes + entry_bytes / 4 + assets * 24 + page_record_header_bytes;
}

/// Adds the pages of trees, children first, and hands the bytes on piece by piece.
class tree_writer {
 public:
  using sink = std::function<result<void>(byte_span)>;
  tree_writer(page_encoder& encoder, sink out) : encoder_(encoder), out_(std::move(out)) {}

  result<page_location> add(const index_tree& tree) {
    source_ = tree.source().get();
    hash_ = &tree.hash();
    GRAPHITE_TRY(const auto root, add(*tree.root_node()));
    GRAPHITE_CHECK(flush());
    return root;
  }

 private:
  static constexpr int pages_held_max = 256;

  result<page_location> add(const index_node& node) {
    for (const auto& link : node.links()) {
      if (encoder_.has(link.id())) continue;
      GRAPHITE_TRY(const auto below, load(link, node.kind() == page_kind::leaf));
      GRAPHITE_TRY([[maybe_unused]] const auto placed, add(*below));
    }
    if (++held_ >= pages_held_max) GRAPHITE_CHECK(flush());
    return encoder_.add(node);
  }
  result<index_tree::node_ptr> load(const node_link& link, bool is_record) const {
    if (auto held = link.held()) return held;
    GRAPHITE_TRY(auto page, source_->load(link.id(), link.location()));
    return index_node::from_stored(link.id(), link.location(), std::move(page), is_record, *hash_);
  }
  result<void> flush() {
    held_ = 0;
    return out_(encoder_.take_bytes());
  }

  page_encoder& encoder_;
  sink out_;
  const page_source* source_ = nullptr;
  const hasher* hash_ = nullptr;
  int held_ = 0;
};

}  // namespace

bool bundle_folder::wants_rewrite(std::uint64_t dead_segment_bytes) const {
  std::lock_guard lock(mutex_);
  if (!head_) return false;
  if (head_->page_files.size() + 2 > page_files_max) return true;
  const auto live = expected_bytes(entry_bytes_, head_->value.assets);
  return dead_segment_bytes > live || (page_bytes_ > options_.rewrite_bytes_min && page_bytes_ > 4 * live);
}

struct bundle_folder::page_rewrite {
  page_rewrite(const bundle_folder& folder, page_output output, const extent_lookup& lookup)
      : out(std::move(output)),
        find(noting(lookup, used)),
        encoder(out.number, out.tail, page_encoder::links::all_added, find, folder.hash_),
        writer(encoder, [this, &folder](byte_span bytes) { return append(folder, bytes); }) {}

  /// Synced piece by piece, so that a save's own sync never finds much to do before it.
  result<void> append(const bundle_folder& folder, byte_span bytes) {
    GRAPHITE_CHECK(folder.append(out, bytes));
    if (out.tail - synced < synced_bytes_step) return {};
    synced = out.tail;
    return folder.sync(out.fd.get(), out.number);
  }

  static constexpr std::uint64_t synced_bytes_step = 8 << 20;
  page_output out;
  std::uint64_t synced = 0;
  std::set<segment_id> used;  ///< the copied pages and heads point into them
  extent_lookup find;
  page_encoder encoder;
  tree_writer writer;
  bool named = false;  ///< a head names the file
};

/// The generations at their new places, oldest first; one that cannot be read any more is left out. Pages
/// that were copied before are not looked at again.
result<std::vector<head_file>> bundle_folder::copy_generations(page_rewrite& work,
                                                               std::vector<head_file> from) const {
  std::vector<head_file> done;
  for (auto& one : from) {
    const bool newest = &one == &from.back();
    auto tree = tree_of(one);
    auto root = tree ? work.writer.add(*tree) : result<page_location>(tl::unexpected(tree.error()));
    if (!root && (newest || root.error().code != errc::corrupt)) return tl::unexpected(root.error());
    if (!root) {
      log_.warn("generation {} is damaged and not kept: {}", one.value.sequence.value, root.error().context);
      continue;
    }
    one.root = *root;
    one.page_files = {work.out.number};
    if (!one.value.behind.is_zero()) one.behind = work.find({one.value.behind, 0}).value_or(extent{});
    done.push_back(std::move(one));
  }
  return done;
}

result<void> bundle_folder::move_old_heads(page_rewrite& work, const std::vector<head_file>& moved) {
  for (const auto& old : older_)
    if (std::ranges::find(moved, old.value, &head_file::value) == moved.end())
      ::unlink(path(old_head_name(old.value)).c_str());
  for (const auto& one : moved) {
    GRAPHITE_TRY(const auto bytes, encode_head(one, hash_));
    work.named = true;
    GRAPHITE_KILL_POINT("bundle.before_old_head");
    // Not durable by itself: after a power cut it names the old files, if those are still there.
    GRAPHITE_CHECK(replace_file(path(old_head_name(one.value)), bytes, 0644, false));
  }
  return {};
}

/// Copies what was published meanwhile and lets the heads name the new file.
result<index_tree> bundle_folder::finish_rewrite(page_rewrite& work) {
  std::lock_guard lock(mutex_);
  std::vector<head_file> now(older_.begin(), older_.end());
  now.push_back(*head_);
  GRAPHITE_TRY(auto moved, copy_generations(work, std::move(now)));
  GRAPHITE_CHECK(sync(work.out.fd.get(), work.out.number));
  GRAPHITE_KILL_POINT("bundle.after_rewrite_sync");
  GRAPHITE_CHECK(link_segments(work.used));
  const auto newest = std::move(moved.back());
  moved.pop_back();
  GRAPHITE_CHECK(move_old_heads(work, moved));
  work.named = true;
  GRAPHITE_CHECK(replace_head(newest, true));  // before the files go that the old one names
  older_.assign(moved.begin(), moved.end());
  page_bytes_ = work.out.tail;
  pages_->moved(work.out.number, work.encoder.take_places());
  output_ = std::move(work.out);
  remove_unused(newest, work.used);
  return tree_of(newest);
}

/// The bulk of it, beside publish(): pages that are on disk do not change.
result<void> bundle_folder::copy_pages(page_rewrite& work, std::vector<head_file> from) const {
  GRAPHITE_KILL_POINT("bundle.before_rewrite");
  GRAPHITE_TRY([[maybe_unused]] const auto copied, copy_generations(work, std::move(from)));
  return sync(work.out.fd.get(), work.out.number);
}

result<index_tree> bundle_folder::rewrite(const extent_lookup& find) {
  std::lock_guard one_at_a_time(rewriting_);
  if (options_.read_only) return fail(errc::permission_denied, "the bundle is open for reading");
  const auto from = generations();
  if (!current()) return fail(errc::not_found, options_.folder + " has no generation yet");
  GRAPHITE_TRY(auto out, new_page_file());
  page_rewrite work(*this, std::move(out), find);
  const auto name = path(page_file_name(work.out.number));
  auto done = copy_pages(work, from);
  auto newest = done ? finish_rewrite(work) : result<index_tree>(tl::unexpected(done.error()));
  if (!newest && !work.named) ::unlink(name.c_str());
  return newest;
}

void bundle_folder::remove_unused(const head_file& now, const std::set<segment_id>& used) {
  std::error_code code;
  std::vector<std::string> gone;
  for (const auto& one : std::filesystem::directory_iterator(options_.folder, code)) {
    const auto name = one.path().filename().string();
    const auto segment = segment_of_file_name(name);
    const bool dead_pages = name.starts_with("pages-") && name != page_file_name(now.page_files.front());
    if (dead_pages || (segment && !used.contains(*segment))) gone.push_back(one.path());
  }
  for (const auto& name : gone) {
    GRAPHITE_KILL_POINT("bundle.before_unlink");
    ::unlink(name.c_str());
  }
  segments_ = used;
}

}  // namespace graphite
