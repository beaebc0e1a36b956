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

bool has_part(const asset_record& record, const digest& content) {
  return std::any_of(record.parts.begin(), record.parts.end(),
                     [&](const asset_part& part) { return part.content.id == content; });
}

}  // namespace

/// Remembers what the newest index has and `to` has no more.
void kept_generations::depart(channel& from, const index_tree& to) {
  std::size_t room = departed_max;
  const auto visit = [&](const asset_record* before, const asset_record* after) {
    if (before == nullptr) return true;
    for (const auto& part : before->parts) {
      if (after != nullptr && has_part(*after, part.content.id)) continue;
      if (room-- == 0) return false;
      if (from.departed.insert(part.content.id).second) from.departed_order.push_back(part.content.id);
    }
    return true;
  };
  // Where an index cannot be read, who is behind is told that contents are absent, and takes the newest.
  (void)diff(*from.newest, to, visit);
  while (from.departed.size() > departed_max) {
    from.departed.erase(from.departed_order.front());
    from.departed_order.pop_front();
  }
}

void kept_generations::publish(const head& now, const index_tree& tree) {
  const std::lock_guard lock(mutex_);
  auto& to = channels_[now.channel];
  to.pages->publish(tree);
  if (!checks_) return;
  if (to.newest) depart(to, tree);
  to.newest = tree;
  to.behind.push_front(now.behind);
  if (to.behind.size() > behind_max) to.behind.pop_back();
}

void kept_generations::rebase(const index_tree& tree) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, of] : channels_) {
    if (of.pages->newest_root() != tree.root()) continue;
    of.pages->rebase(tree);
    if (checks_) of.newest = tree;
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
  if (const auto* named = named_channel(request.what); named && *named != request.channel)
    return fail(errc::invalid_argument,
                fmt::format("asked about channel '{}' in the name of '{}'", *named, request.channel));
  if (const auto* behind = std::get_if<behind_request>(&request.what))
    return check_behind(request.channel, behind->content);
  const auto* list = std::get_if<list_request>(&request.what);
  if (!list) return {};
  GRAPHITE_TRY(const auto has, belonging(request.channel, {{list->content, 0, 0, list->asset}}));
  if (has.front()) return {};
  return fail(errc::not_found, fmt::format("channel '{}' has no such content", request.channel));
}

result<std::vector<bool>> kept_generations::belonging(std::string_view channel,
                                                      const std::vector<chunk_range>& ranges) {
  std::vector<bool> out(ranges.size());
  const auto tree = newest_of(channel);
  if (!tree) return out;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    GRAPHITE_TRY(const auto found, tree->find(ranges[i].asset));
    out[i] = (found && has_part(found->record, ranges[i].content)) || departed(channel, ranges[i].content);
  }
  looked_up(*tree, ranges.size());
  return out;
}

std::optional<index_tree> kept_generations::newest_of(std::string_view channel) {
  const std::lock_guard lock(mutex_);
  const auto of = channels_.find(channel);
  return of == channels_.end() ? std::nullopt : of->second.newest;
}

bool kept_generations::departed(std::string_view channel, const digest& content) {
  const std::lock_guard lock(mutex_);
  const auto of = channels_.find(channel);
  return of != channels_.end() && of->second.departed.contains(content);
}

result<void> kept_generations::check_behind(std::string_view channel, const digest& object) {
  const std::lock_guard lock(mutex_);
  const auto of = channels_.find(channel);
  if (of != channels_.end() &&
      std::find(of->second.behind.begin(), of->second.behind.end(), object) != of->second.behind.end())
    return {};
  return fail(errc::not_found, fmt::format("channel '{}' has no such side object", channel));
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
