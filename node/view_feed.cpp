#include "node/view_feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace graphite {

using telling = feed_commands::tell::what;

feed_command_list view_feed::closed(const view_state& now, time_point at) {
  feed_command_list out;
  newest_ = now;
  not_before_.reset();  // a file that changed may have been why
  go_on(at, out);
  return out;
}

feed_command_list view_feed::connected(time_point) {
  feed_command_list out;
  session_ = session::joining;
  auto join = options_.self;
  join.epoch_seen = epoch_seen_;
  out.push_back(feed_commands::send{join});
  return out;
}

feed_command_list view_feed::disconnected(const std::string& why) {
  feed_command_list out;
  const bool was_open = std::exchange(session_, session::none) == session::open;
  said_.reset();
  if (was_open) out.push_back(feed_commands::tell{telling::away, 0, why, errc::unavailable});
  return out;
}

void view_feed::end(errc code, std::string why, bool final, feed_command_list& out) {
  session_ = session::none;
  said_.reset();
  out.push_back(feed_commands::hang_up{{code, std::move(why)}, final});
}

feed_command_list view_feed::received(const view_to_watcher& message, time_point at) {
  feed_command_list out;
  if (session_ == session::none) return out;
  if (const auto* no = std::get_if<views::refusal>(&message)) {
    // Another watcher of the view may end, a quota be raised.
    const bool lasting = no->code == errc::newer_version || no->code == errc::permission_denied ||
                         no->code == errc::unsupported;
    end(no->code, "the coordinator refuses this watcher: " + no->text, lasting, out);
  } else if (const auto* first = std::get_if<views::welcome>(&message)) {
    if (session_ == session::open)
      end(errc::corrupt, "the coordinator welcomed this watcher twice", false, out);
    else if (first->epoch < epoch_seen_)
      end(errc::stale_epoch,
          fmt::format("the coordinator is of reign {} and this watcher has fed {}: an old one, or its state "
                      "was set back",
                      first->epoch.value, epoch_seen_.value),
          false, out);
    else
      welcomed(*first, out);
  } else if (session_ != session::open) {
    end(errc::corrupt, "the coordinator talks before it has welcomed this watcher", false, out);
  } else if (const auto* now = std::get_if<views::settings>(&message)) {
    has_stores_ = !now->stores.empty();
    out.push_back(feed_commands::settle{*now});
  } else {
    judged(std::get<views::verdict>(message), at, out);
  }
  go_on(at, out);
  return out;
}

void view_feed::welcomed(const views::welcome& first, feed_command_list& out) {
  session_ = session::open;
  epoch_seen_ = first.epoch;
  has_stores_ = !first.first.stores.empty();
  taken_ = first.snapshot == content_ref{} ? std::nullopt : std::optional(first.snapshot);
  refused_.reset();  // it may have learned better
  out.push_back(feed_commands::settle{first.first});
  out.push_back(feed_commands::tell{telling::connected, 0, fmt::format("reign {}", first.epoch.value)});
}

void view_feed::judged(const views::verdict& what, time_point at, feed_command_list& out) {
  using state = views::verdict::what;
  if (what.state == state::published) {
    out.push_back(feed_commands::tell{telling::published, what.revision, what.text});
    return;
  }
  if (!said_ || said_->revision != what.revision)
    return end(errc::corrupt, "the coordinator answers what was not said", false, out);
  const auto said = *std::exchange(said_, std::nullopt);
  if (what.state == state::accepted) {
    taken_ = said.snapshot;
    pause_ = {};
    out.push_back(feed_commands::tell{telling::accepted, what.revision});
  } else if (what.state == state::refused) {
    refused_ = said.snapshot;
    out.push_back(feed_commands::tell{telling::refused, what.revision, what.text, what.code});
  } else {
    thorough_ = true;
    brought_ = {};
    wait_longer(at);
    out.push_back(feed_commands::tell{telling::missing, what.revision, what.text, errc::not_found});
  }
}

void view_feed::wait_longer(time_point at) {
  pause_ = pause_ == duration::zero() ? options_.again_after : std::min(pause_ * 2, options_.again_max);
  not_before_ = at + pause_;
}

feed_command_list view_feed::brought(const result<view_state>& what, time_point at) {
  feed_command_list out;
  bringing_ = false;
  if (what) {
    brought_ = *what;
    out.push_back(feed_commands::tell{telling::in_stores, what->revision});
  } else {
    wait_longer(at);
    out.push_back(feed_commands::tell{telling::upload_failed, newest_.revision, what.error().context,
                                      what.error().code});
  }
  go_on(at, out);
  return out;
}

feed_command_list view_feed::tick(time_point at) {
  feed_command_list out;
  go_on(at, out);
  return out;
}

void view_feed::go_on(time_point at, feed_command_list& out) {
  if (session_ == session::open && newest_.revision > brought_.revision && taken_ == newest_.snapshot &&
      !bringing_) {
    brought_ = newest_;
    out.push_back(feed_commands::skip{newest_});
  }
  if (session_ == session::open && !said_ && brought_.revision != 0 && taken_ != brought_.snapshot &&
      refused_ != brought_.snapshot) {
    said_ = brought_;
    out.push_back(feed_commands::send{views::revised{brought_.revision, brought_.snapshot}});
  }
  const bool wanted = newest_.revision > brought_.revision && has_stores_ && !bringing_;
  if (!wanted || (not_before_ && at < *not_before_)) return;
  not_before_.reset();
  bringing_ = true;
  out.push_back(feed_commands::bring{std::exchange(thorough_, false)});
}

bool view_feed::at_rest() const {
  return session_ == session::open && !said_ && !bringing_ && newest_.revision == brought_.revision;
}

}  // namespace graphite
