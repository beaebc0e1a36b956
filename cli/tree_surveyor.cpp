#include "cli/tree_surveyor.hpp"

#include "platform/linux/tree_scan.hpp"

namespace graphite {

namespace {

class known_adapter final : public known_tree {
 public:
  explicit known_adapter(const known_sources& known) : known_(known) {}
  std::vector<std::string> folders(std::string_view folder) const override { return known_.folders(folder); }
  void files(std::string_view folder, std::vector<file>& out) const override {
    out.clear();
    for (const auto& one : known_.files(folder)) out.push_back({one.name, one.signature});
  }

 private:
  const known_sources& known_;
};

}  // namespace

result<tree_survey> survey_tree(const std::string& root, const std::string& folder, live_filter& filter,
                                const known_sources& known) {
  tree_scan_options options;
  options.root = root;
  options.below = folder;
  options.prune = [&filter](std::string_view path) { return filter.prunes(path); };
  options.wanted = [&filter](std::string_view path) { return filter.role_of(path) == path_role::source; };
  GRAPHITE_TRY(auto found, scan_and_compare(options, known_adapter(known)));
  tree_survey out;
  for (auto& difference : found.differences) {
    const auto kind =
        difference.kind == difference_kind::removed ? change_kind::removed : change_kind::written;
    out.differences.push_back({std::move(difference.path), kind, !difference.signature.trusted});
  }
  for (auto& one : found.skipped) {
    if (one.why == skip_reason::case_twin) out.twins.insert(one.path);
    auto reason = std::string(to_string(one.why));
    if (!one.detail.empty()) reason += " (" + one.detail + ")";
    out.skipped.emplace_back(std::move(one.path), std::move(reason));
  }
  for (auto& link : found.links) out.links.emplace_back(std::move(link.path), std::move(link.target));
  return out;
}

}  // namespace graphite
