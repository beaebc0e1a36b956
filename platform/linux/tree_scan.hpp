#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/ports/file_reader.hpp"

namespace graphite {

/// Why an entry of the tree is no source. None of these fails a scan: they are warnings.
enum class skip_reason {
  link_leaves_root,
  link_dangles,
  link_loops,       ///< it leads to one of its own parents, or through too many links
  link_to_ignored,  ///< its target is not watched
  special_file,     ///< FIFO, socket, device
  not_utf8,
  bad_name,    ///< control characters, `\`, or too long for a logical path
  unreadable,  ///< permission, or an I/O error
};
/// For people: "differs only in case from another name".
std::string_view to_string(skip_reason why);

struct skipped_entry {
  std::string path;
  skip_reason why = skip_reason::special_file;
  std::string detail;  ///< link text or strerror
};

/// A link that was followed: a change of `target` (or below it) is a change of `path` (or below it).
struct followed_link {
  std::string path, target;
  bool folder = false;
};

/// One folder's sources, by name. Names are packed into one string.
struct scanned_folder {
  struct file {
    std::uint32_t name_offset = 0;
    std::uint16_t name_bytes = 0;
    stat_signature signature;
  };
  std::string path;  ///< relative to the root; empty: the root
  std::string names;
  std::vector<file> files;  ///< ascending by name

  std::string_view name_of(const file& f) const {
    return std::string_view(names).substr(f.name_offset, f.name_bytes);
  }
};

struct tree_listing {
  std::vector<scanned_folder> folders;  ///< ascending by path; folders without files are left out
  std::vector<skipped_entry> skipped;   ///< ascending by path
  std::vector<followed_link> links;     ///< ascending by path
  std::size_t file_count = 0;
};

struct tree_scan_options {
  std::string root;   ///< absolute
  std::string below;  ///< relative folder to start from; empty: the root
  bool recursive = true;
  unsigned threads = 2;
  std::size_t links_max = 100'000;   ///< followed folder links of one scan
  std::size_t skipped_max = 10'000;  ///< listed; further ones are only counted by nobody
  /// Both are called from several threads at once, with paths relative to the root. Empty: nothing is
  /// pruned, everything is wanted.
  std::function<bool(std::string_view folder)> prune;
  std::function<bool(std::string_view path)> wanted;
  /// A name; `marked` is called with each folder that has an entry of it, before the folder's own entries are
  /// asked about. From several threads at once.
  std::string_view marker;
  std::function<void(std::string_view folder)> marked;
};

/// Lists the regular files of a tree with their signatures; links inside the root are followed.
/// Blocks; starts and ends its own threads. A folder that vanishes during the scan counts as empty.
/// Errors: not_found, permission_denied, io: of the root itself; where `below` does not exist, is a file
/// or is pruned, the listing is empty.
result<tree_listing> scan_tree(const tree_scan_options& options);

/// What is known of a tree from before. Asked from one thread.
class known_tree {
 public:
  struct file {
    std::string_view name;  ///< valid until the next call
    stat_signature signature;
  };
  virtual ~known_tree() = default;
  /// Folders with known files at or below `folder`, ascending.
  virtual std::vector<std::string> folders(std::string_view folder) const = 0;
  /// Replaces `out` with the known files directly in `folder`, ascending by name.
  virtual void files(std::string_view folder, std::vector<file>& out) const = 0;
};

enum class difference_kind {
  added,
  changed,
  removed,
  unsure  ///< same signature, but the known one is not trusted: compare the bytes
};

struct tree_difference {
  std::string path;
  difference_kind kind = difference_kind::added;
  stat_signature signature;  ///< now; of a removed file: empty
};

struct tree_comparison {
  std::vector<tree_difference> differences;  ///< ascending by folder, then name
  std::vector<skipped_entry> skipped;
  std::vector<followed_link> links;  ///< all there are below `below`
  std::size_t file_count = 0;
};

/// scan_tree(), and the root was there under one name all the while. Errors: also unavailable where it was
/// not.
result<tree_listing> list_in_place(const tree_scan_options& options);
/// What `listing` (of `options`) says that `known` does not, and the other way round. O(files).
tree_comparison compare_listing(tree_listing listing, const tree_scan_options& options,
                                const known_tree& known);
/// Both of them. Memory: one listing and the differences; O(files).
/// Errors: as scan_tree(); where the root is away nothing is reported as removed.
result<tree_comparison> scan_and_compare(const tree_scan_options& options, const known_tree& known);

}  // namespace graphite
