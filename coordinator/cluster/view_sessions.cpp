#include "coordinator/cluster/view_sessions.hpp"

#include <fmt/format.h>

#include <utility>

namespace graphite {

void view_sessions::connected(link_id link, std::string watcher) {
  sessions_[link].what.watcher = std::move(watcher);
}

void view_sessions::drop(link_id link, view_command_list& out) {
  auto gone = sessions_.extract(link);
  if (gone.empty()) return;
  const auto& of = gone.mapped();
  if (of.at == stage::fresh) return;
  if (const auto found = by_view_.find(of.what.view); found != by_view_.end() && found->second == link)
    by_view_.erase(found);
  if (of.at == stage::open) out.push_back(view_commands::close{link});
}

void view_sessions::hang_up(link_id link, error why, view_command_list& out) {
  drop(link, out);
  out.push_back(view_commands::hang_up{link, std::move(why)});
}

view_command_list view_sessions::disconnected(link_id link) {
  view_command_list out;
  drop(link, out);
  return out;
}

view_command_list view_sessions::received(link_id link, const view_to_coordinator& message) {
  view_command_list out;
  const auto found = sessions_.find(link);
  if (found == sessions_.end()) return out;
  auto& of = found->second;
  const auto* first = std::get_if<views::join>(&message);
  auto done = first != nullptr ? join(link, of, *first, out)
                               : revise(link, of, std::get<views::revised>(message), out);
  if (done) return out;
  out.push_back(view_commands::send{link, views::refusal{done.error().code, done.error().context}});
  hang_up(link, std::move(done).error(), out);
  return out;
}

result<void> view_sessions::join(link_id link, session& of, const views::join& message,
                                 view_command_list& out) {
  if (of.at != stage::fresh) return fail(errc::corrupt, "it joins twice");
  if (message.protocol != view_limits::protocol)
    return fail(
        errc::newer_version,
        fmt::format("it speaks protocol {} of views and this coordinator speaks {}: the same version of "
                    "the program belongs on both sides",
                    message.protocol, view_limits::protocol));
  if (message.epoch_seen > options_.epoch)
    return fail(
        errc::stale_epoch,
        fmt::format("it has fed reign {} and this is {}: an old coordinator, or its state was set back",
                    message.epoch_seen.value, options_.epoch.value));
  const auto known = by_view_.find(message.view);
  if (known != by_view_.end()) {
    const auto& other = sessions_.at(known->second).what.watcher;
    if (other != of.what.watcher)
      return fail(errc::already_exists,
                  fmt::format("view {} is fed by the watcher {}: stop that one, or feed another view",
                              message.view, other));
    // Its former connection, of which the end was not heard yet.
    const auto former = known->second;
    hang_up(former, {errc::cancelled, "another connection of this watcher has taken its place"}, out);
  } else if (by_view_.size() >= options_.views_max) {
    return fail(errc::busy, fmt::format("{} views are fed already", options_.views_max));
  }
  of.at = stage::opening;
  of.what.view = message.view;
  of.what.project_file = message.project_file;
  by_view_[message.view] = link;
  out.push_back(view_commands::open{link, of.what});
  return {};
}

result<void> view_sessions::revise(link_id link, session& of, const views::revised& message,
                                   view_command_list& out) {
  if (of.at != stage::open || of.waits) return fail(errc::corrupt, "it says a revision out of turn");
  if (message.revision <= of.last) return fail(errc::corrupt, "its revisions do not ascend");
  of.last = message.revision;
  of.waits = true;
  out.push_back(view_commands::revise{link, of.what, message});
  return {};
}

view_command_list view_sessions::set_stores(views::settings now) {
  view_command_list out;
  stores_ = std::move(now);
  for (const auto& [link, of] : sessions_)
    if (of.at == stage::open) out.push_back(view_commands::send{link, stores_});
  return out;
}

view_command_list view_sessions::opened(link_id link, const result<content_ref>& taken) {
  view_command_list out;
  const auto found = sessions_.find(link);
  if (found == sessions_.end() || found->second.at != stage::opening) {
    if (taken) out.push_back(view_commands::close{link});
    return out;
  }
  if (!taken) {
    out.push_back(view_commands::send{link, views::refusal{taken.error().code, taken.error().context}});
    hang_up(link, taken.error(), out);
    return out;
  }
  found->second.at = stage::open;
  out.push_back(view_commands::send{link, views::welcome{options_.epoch, *taken, stores_}});
  return out;
}

view_command_list view_sessions::judged(link_id link, views::verdict what) {
  view_command_list out;
  const auto found = sessions_.find(link);
  if (found == sessions_.end() || found->second.at != stage::open || what.revision > found->second.last)
    return out;
  auto& of = found->second;
  if (what.state != views::verdict::what::published) {
    if (!of.waits || what.revision != of.last) return out;
    of.waits = false;
  }
  out.push_back(view_commands::send{link, std::move(what)});
  return out;
}

}  // namespace graphite
