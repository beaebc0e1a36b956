#include <algorithm>

#include "core/path_text.hpp"
#include "platform/linux/beneath.hpp"
#include "platform/linux/folder_scan.hpp"
#include "platform/linux/tree_scan.hpp"

namespace graphite {

namespace {

/// Merges two ascending lists of folders, and of files within them.
class comparer {
 public:
  comparer(const tree_listing& listing, const known_tree& known, std::vector<tree_difference>& out)
      : known_(known), out_(out) {
    for (const auto& s : listing.skipped)
      if (s.why == skip_reason::unreadable) unreadable_.push_back(s.path);
  }

  void run(const std::vector<scanned_folder>& now, const std::vector<std::string>& before) {
    auto n = now.begin();
    auto b = before.begin();
    while (n != now.end() || b != before.end()) {
      if (b == before.end() || (n != now.end() && n->path < *b)) {
        files_.clear();
        compare(*n++);
      } else {
        known_.files(*b, files_);
        if (n != now.end() && n->path == *b)
          compare(*n++);
        else
          compare(scanned_folder{*b, {}, {}});
        ++b;
      }
    }
  }

 private:
  /// Of one folder; files_ are its known ones.
  void compare(const scanned_folder& folder) {
    auto known = files_.begin();
    for (const auto& f : folder.files) {
      const auto name = folder.name_of(f);
      for (; known != files_.end() && known->name < name; ++known) remove(folder.path, known->name);
      if (known != files_.end() && known->name == name)
        meet(folder.path, *known++, f.signature);
      else
        out_.push_back({join_path(folder.path, name), difference_kind::added, f.signature});
    }
    for (; known != files_.end(); ++known) remove(folder.path, known->name);
  }

  void meet(std::string_view folder, const known_tree::file& known, const stat_signature& now) {
    const bool same = known.signature.same_file_state(now);
    if (same && known.signature.trusted) return;
    out_.push_back(
        {join_path(folder, known.name), same ? difference_kind::unsure : difference_kind::changed, now});
  }

  /// What cannot be read is not gone.
  void remove(std::string_view folder, std::string_view name) {
    auto path = join_path(folder, name);
    for (const auto& u : unreadable_)
      if (is_at_or_below(path, u)) return;
    out_.push_back({std::move(path), difference_kind::removed, {}});
  }

  const known_tree& known_;
  std::vector<tree_difference>& out_;
  std::vector<known_tree::file> files_;
  std::vector<std::string> unreadable_;
};

}  // namespace

result<tree_listing> list_in_place(const tree_scan_options& options) {
  GRAPHITE_TRY(const auto root, open_root_folder(options.root));
  const auto root_path = path_of(root.get());
  GRAPHITE_TRY(auto listing, scan_tree(options));
  if (root_path.empty() || path_of(root.get()) != root_path)
    return fail(errc::unavailable,
                "the folder '" + options.root + "' was moved or removed while it was read");
  return listing;
}

tree_comparison compare_listing(tree_listing listing, const tree_scan_options& options,
                                const known_tree& known) {
  tree_comparison out;
  auto before = known.folders(options.below);
  if (!options.recursive) std::erase_if(before, [&](const std::string& f) { return f != options.below; });
  comparer(listing, known, out.differences).run(listing.folders, before);
  out.skipped = std::move(listing.skipped);
  out.links = std::move(listing.links);
  out.file_count = listing.file_count;
  return out;
}

result<tree_comparison> scan_and_compare(const tree_scan_options& options, const known_tree& known) {
  GRAPHITE_TRY(auto listing, list_in_place(options));
  return compare_listing(std::move(listing), options, known);
}

}  // namespace graphite
