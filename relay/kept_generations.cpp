#include "relay/kept_generations.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

namespace {

/// The channel that a verb itself names; nothing for verbs that name none.
const std::string* named_channel(const chunk_request& what) {
  if (const auto* snapshot = std::get_if<snapshot_request>(&what)) return &snapshot->channel;
  if (const auto* ack = std::get_if<ack_request>(&what)) return &ack->channel;
  return nullptr;
}

result<void> check_content(const index_tree& tree, asset_id asset, const digest& content) {
  GRAPHITE_TRY(const auto found, tree.find(asset));
  const auto has = [&](const asset_part& part) { return part.content.id == content; };
  if (found && std::any_of(found->record.parts.begin(), found->record.parts.end(), has)) return {};
  return fail(errc::permission_denied, "the generation has no such content where the request says");
}

}  // namespace

void kept_generations::publish(const head& now, const index_tree& tree) {
  const std::lock_guard lock(mutex_);
  auto& to = channels_[now.channel];
  to.newest_first.push_front({tree.root(), now.behind, tree});
  if (to.newest_first.size() > generations_max) to.newest_first.pop_back();
  to.pages->publish(tree);
}

void kept_generations::rebase(const index_tree& tree) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, of] : channels_) {
    auto& all = of.newest_first;
    if (all.empty() || all.front().root != tree.root()) continue;
    const auto behind = all.front().behind;
    std::erase_if(all, [&](const kept& old) { return old.tree.source() == tree.source(); });
    all.push_front({tree.root(), behind, tree});
    of.pages->rebase(tree);
  }
}

std::optional<byte_vector> kept_generations::page(std::string_view channel, const digest& id) {
  const std::lock_guard lock(mutex_);
  if (!channel.empty()) {
    const auto of = channels_.find(channel);
    return of == channels_.end() ? std::nullopt : of->second.pages->find(id);
  }
  for (auto& [name, of] : channels_)
    if (auto found = of.pages->find(id)) return found;
  return {};
}

result<void> kept_generations::check(const scoped_request& request) {
  const auto& scope = request.scope;
  if (const auto* named = named_channel(request.what); named && *named != scope.channel)
    return fail(errc::permission_denied,
                fmt::format("asked about channel '{}' in the name of '{}'", *named, scope.channel));
  if (const auto* behind = std::get_if<behind_request>(&request.what))
    return check_behind(scope.channel, behind->content);
  const auto* contents = std::get_if<contents_request>(&request.what);
  const auto* list = std::get_if<list_request>(&request.what);
  if (!contents && !list) return {};
  GRAPHITE_TRY(const auto tree, tree_of(scope));
  looked_up(tree, list ? 1 : contents->ranges.size());
  if (list) return check_content(tree, list->asset, list->content);
  for (const auto& range : contents->ranges) GRAPHITE_CHECK(check_content(tree, range.asset, range.content));
  return {};
}

result<index_tree> kept_generations::tree_of(const request_scope& scope) {
  const std::lock_guard lock(mutex_);
  const auto of = channels_.find(scope.channel);
  if (of != channels_.end())
    for (const auto& one : of->second.newest_first)
      if (one.root == scope.root) return one.tree;
  return fail(errc::not_found, fmt::format("channel '{}' does not keep this generation", scope.channel));
}

result<void> kept_generations::check_behind(std::string_view channel, const digest& object) {
  const std::lock_guard lock(mutex_);
  const auto of = channels_.find(channel);
  if (of != channels_.end())
    for (const auto& one : of->second.newest_first)
      if (one.behind == object) return {};
  return fail(errc::permission_denied, fmt::format("channel '{}' has no such side object", channel));
}

/// What lookups have loaded is dropped now and then, so that asking for everything does not keep it all.
void kept_generations::looked_up(const index_tree& tree, std::size_t times) {
  {
    const std::lock_guard lock(mutex_);
    lookups_ += times;
    if (lookups_ < lookups_before_unload) return;
    lookups_ = 0;
  }
  tree.unload(1);
}

}  // namespace graphite
