#include "actors/jobs/snapshot_feed.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

namespace {

/// Of all files of a snapshot.
const snapshot_change* find_file(const std::vector<snapshot_change>& all, std::string_view path) {
  const auto found = std::ranges::lower_bound(
      all, path, {}, [](const snapshot_change& one) -> std::string_view { return one.path.str(); });
  return found == all.end() || found->path.str() != path || !found->after ? nullptr : &*found;
}

result<byte_vector> read_whole(view_stores& stores, const content_ref& content, const std::string& name,
                               std::uint64_t bytes_max) {
  if (content.size > bytes_max)
    return fail(errc::too_large,
                fmt::format("{} has {} bytes: at most {} are read", name, content.size, bytes_max));
  if (content.size == 0) return byte_vector();
  GRAPHITE_TRY(auto found, stores.read(std::span(&content, 1), bytes_max));
  if (!found.front())
    return fail(errc::not_found, fmt::format("{} is in no store any more: submit it again", name));
  return std::move(*found.front());
}

}  // namespace

result<snapshot_feed::change_list> snapshot_feed::walk(const std::optional<content_ref>& before,
                                                       const content_ref& root,
                                                       const cancel_token& cancel) const {
  GRAPHITE_TRY(auto found, walk_snapshot(*with_.stores, before, root, *with_.hash, cancel));
  if (found.missing > 0)
    return fail(errc::not_found,
                told_missing(found) + ": submit it again, and only what is missing will be uploaded");
  return std::move(found.changes);
}

/// Whether what the engine was made from has changed.
bool snapshot_feed::is_another(const change_list& changes, const view_recipe& recipe) const {
  if (!root_ || recipe_ != recipe || setup_state_ != with_.setups->state()) return true;
  const auto* file = std::get_if<std::string>(&recipe);
  return file == nullptr ||
         std::ranges::any_of(changes, [&](const snapshot_change& one) { return one.path.str() == *file; });
}

result<void> snapshot_feed::set_up(const change_list& all, const view_recipe& recipe) {
  setup_state_ = with_.setups->state();
  if (const auto* action = std::get_if<std::shared_ptr<const action_job>>(&recipe)) {
    std::vector<logical_path> inputs;
    for (const auto& one : all) inputs.push_back(one.path);
    GRAPHITE_TRY(auto made, with_.setups->of_action(**action, inputs));
    setup_ = std::make_shared<const view_setup>(std::move(made));
  } else {
    const auto& file = std::get<std::string>(recipe);
    const auto* found = find_file(all, file);
    if (found == nullptr)
      return fail(errc::invalid_argument,
                  fmt::format("the snapshot has no file {}: is it the project's?", file));
    GRAPHITE_TRY(const auto text, read_whole(*with_.stores, found->after->content, file, project_bytes_max));
    GRAPHITE_TRY(auto made, with_.setups->of_project(as_text(text), file));
    setup_ = std::make_shared<const view_setup>(std::move(made));
  }
  filter_.emplace(*setup_->engine.config);
  return {};
}

result<snapshot_feed::step> snapshot_feed::advance(const content_ref& root, const view_recipe& recipe,
                                                   const cancel_token& cancel) {
  const auto before = std::exchange(root_, std::nullopt);
  step out;
  change_list changes;
  if (before) {
    GRAPHITE_TRY(changes, walk(before, root, cancel));
    root_ = before;  // for the question
  }
  if (is_another(changes, recipe)) {
    root_.reset();
    GRAPHITE_TRY(changes, walk(std::nullopt, root, cancel));
    recipe_ = recipe;
    GRAPHITE_CHECK(set_up(changes, recipe));
    out.anew = setup_;
  }
  root_.reset();
  GRAPHITE_TRY(out.what, revision_of(changes, out.anew != nullptr, cancel));
  root_ = root;
  return out;
}

/// Ignore files were applied by who made the snapshot; what the project file says is looked at here, too.
result<revision> snapshot_feed::revision_of(const change_list& changes, bool complete,
                                            const cancel_token& cancel) {
  revision out;
  out.id.value = ++revisions_;
  out.complete_scan = complete;
  const auto& prefix = setup_->prefix;
  for (const auto& one : changes) {
    const std::string_view path = one.path.str();
    if (!path.starts_with(prefix)) continue;
    if (!setup_->every_file && !filter_->is_source(path.substr(prefix.size()))) continue;
    source_change change{*logical_path::parse(path.substr(prefix.size())), {}};
    if (one.after) change.now = source_state{one.after->content, {}, {}};
    if (one.before && one.after && one.before->content == one.after->content) continue;
    out.changes.push_back(std::move(change));
  }
  GRAPHITE_CHECK(scan(out.changes, cancel));
  return out;
}

/// Reads what rules look for references in, some files at a time.
result<void> snapshot_feed::scan(std::vector<source_change>& changes, const cancel_token& cancel) const {
  struct wanted {
    source_change* of = nullptr;
    std::function<std::vector<scanned_reference>(byte_span)> by;
  };
  std::vector<wanted> some;
  std::uint64_t bytes = 0;
  const auto read_some = [&]() -> result<void> {
    if (cancel.cancelled()) return fail(errc::cancelled, "nobody waits for it any more");
    std::vector<content_ref> contents;
    for (const auto& one : some) contents.push_back(one.of->now->content);
    GRAPHITE_TRY(const auto found, with_.stores->read(contents, scan_bytes_max));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (!found[i])
        return fail(errc::not_found, some[i].of->path.str() + " is in no store any more: submit it again");
      some[i].of->now->references = some[i].by(*found[i]);
    }
    some.clear();
    bytes = 0;
    return {};
  };
  for (auto& one : changes) {
    const auto* rule = one.now ? setup_->engine.config->rule_for(one.path.str()) : nullptr;
    auto by = rule != nullptr && setup_->scan ? setup_->scan(*rule, one.path) : nullptr;
    if (!by || one.now->content.size == 0) continue;
    bytes += std::min(one.now->content.size, scan_bytes_max);
    some.push_back({&one, std::move(by)});
    if (bytes >= scan_at_once_max) GRAPHITE_CHECK(read_some());
  }
  return some.empty() ? result<void>() : read_some();
}

}  // namespace graphite
