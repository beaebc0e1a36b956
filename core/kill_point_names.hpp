#pragma once

#include <iterator>
#include <string_view>

namespace graphite {

/// Every place where a test may make the process die. One line a name, sorted; a name that is not here
/// does not compile in GRAPHITE_KILL_POINT. "before_" points die before the system call, "after_" ones
/// when it has returned but nobody knows yet.
inline constexpr std::string_view kill_point_names[] = {
    "bundle.after_head",
    "bundle.after_pages_sync",
    "bundle.after_pages_write",
    "bundle.after_rewrite_sync",
    "bundle.after_segment_links",
    "bundle.before_head",
    "bundle.before_old_head",
    "bundle.before_pages_write",
    "bundle.before_rewrite",
    "bundle.before_unlink",
    "cache.after_rows",
    "cache.before_rows",
    "channel.after_announce",
    "channel.before_announce",
    "file.after_folder_sync",
    "file.after_rename",
    "file.after_sync",
    "file.after_write",
    "file.before_rename",
    "file.before_write",
    "fold.after_work",
    "fold.before_work",
    "journal.after_commit",
    "journal.before_commit",
    "journal.before_contents_sync",
    "mirror.after_content_rename",
    "mirror.after_content_write",
    "mirror.after_flip",
    "mirror.after_log_rename",
    "mirror.after_log_write",
    "mirror.after_sync",
    "mirror.after_tree_update",
    "mirror.before_content_rename",
    "mirror.before_content_write",
    "mirror.before_flip",
    "mirror.before_log_rename",
    "mirror.before_log_write",
    "mirror.before_sync",
    "rocksdb.after_file_append",
    "rocksdb.after_file_sync",
    "rocksdb.after_rename",
    "rocksdb.after_write",
    "rocksdb.before_file_append",
    "rocksdb.before_file_sync",
    "rocksdb.before_rename",
    "rocksdb.before_write",
    "store.after_commit",
    "store.after_gc_copy",
    "store.after_gc_rows",
    "store.after_header_write",
    "store.after_rows",
    "store.after_seal",
    "store.after_segment_create",
    "store.after_segment_sync",
    "store.after_segment_write",
    "store.before_seal",
    "store.before_segment_create",
    "store.before_segment_sync",
    "store.before_segment_write",
    "store.before_unlink",
};

inline constexpr int kill_point_count = static_cast<int>(std::size(kill_point_names));

/// Its place in the list; -1 where it is not in it.
constexpr int kill_point_index(std::string_view name) {
  for (int i = 0; i < kill_point_count; ++i)
    if (kill_point_names[i] == name) return i;
  return -1;
}

}  // namespace graphite
