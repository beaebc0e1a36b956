#include "cli/tree_surveyor.hpp"

#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

class known_adapter final : public known_tree {
 public:
  explicit known_adapter(const guarded_sources& known) : known_(known) {}
  std::vector<std::string> folders(std::string_view folder) const override { return known_.folders(folder); }
  void files(std::string_view folder, std::vector<file>& out) const override {
    out.clear();
    known_.each_file(folder, [&](const known_sources::file& one) {
      out.push_back({one.name, one.signature});
    });
  }

 private:
  const guarded_sources& known_;
};

}  // namespace

tree_scan_options tree_surveyor::options(std::string folder) const {
  tree_scan_options out;
  out.root = root_;
  out.below = std::move(folder);
  out.prune = [this](std::string_view path) { return filter_.prunes_in_walk(path); };
  out.wanted = [this](std::string_view path) { return filter_.role_in_walk(path) == path_role::source; };
  out.marker = ignore_file_name;
  out.marked = [this](std::string_view path) { filter_.learn(path); };
  return out;
}

void tree_surveyor::list_ahead() {
  const std::lock_guard lock(mutex_);
  ahead_ = std::async(std::launch::async, [wanted = options({})] {
    name_thread("tree-ahead");
    return list_in_place(wanted);
  });
}

void tree_surveyor::forget() {
  const std::lock_guard lock(mutex_);
  ahead_ = {};
}

result<tree_listing> tree_surveyor::listing(const tree_scan_options& wanted) {
  std::future<result<tree_listing>> ahead;
  {
    const std::lock_guard lock(mutex_);
    if (wanted.below.empty()) ahead = std::exchange(ahead_, {});
  }
  return ahead.valid() ? ahead.get() : list_in_place(wanted);
}

result<tree_survey> tree_surveyor::survey(const std::string& folder, const guarded_sources& known) {
  const auto wanted = options(folder);
  GRAPHITE_TRY(auto listed, listing(wanted));
  auto found = compare_listing(std::move(listed), wanted, known_adapter(known));
  tree_survey out;
  for (auto& difference : found.differences) {
    const auto kind =
        difference.kind == difference_kind::removed ? change_kind::removed : change_kind::written;
    out.differences.push_back({std::move(difference.path), kind, !difference.signature.trusted});
  }
  for (auto& one : found.skipped) {
    auto reason = std::string(to_string(one.why));
    if (!one.detail.empty()) reason += " (" + one.detail + ")";
    out.skipped.emplace_back(std::move(one.path), std::move(reason));
  }
  for (auto& link : found.links) out.links.emplace_back(std::move(link.path), std::move(link.target));
  return out;
}

}  // namespace graphite
