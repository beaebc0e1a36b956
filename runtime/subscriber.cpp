#include "runtime/subscriber.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/head_codec.hpp"
#include "bundle/record_bytes.hpp"

// Heads: which are believed, and what follows from them. The generation under way is in
// subscriber_target.cpp, requests and retries in subscriber_requests.cpp.

namespace graphite {

namespace {

template <class Have, class Other>
bool is_newer(const Have& a, const Other& b) {
  return a.epoch != b.epoch ? a.epoch > b.epoch : a.sequence > b.sequence;
}

std::string name_of(const head& h) { return fmt::format("{}.{}", h.epoch.value, h.sequence.value); }

std::string names_of(const heartbeat& message) {
  std::string out;
  for (const auto& channel : message.channels) out += (out.empty() ? "" : ", ") + channel.channel;
  return out;
}

content_fetch::options fetch_options(const subscriber_options& from) {
  auto out = from.fetch;
  out.tell_finished = from.on_demand;
  return out;
}

}  // namespace

subscriber::subscriber(subscriber_options options, const hasher& hash, content_sink& sink,
                       generation_index& index, digest empty_root, subscriber_memory memory)
    : options_(std::move(options)),
      hash_(hash),
      sink_(sink),
      index_(index),
      empty_root_(empty_root),
      fetch_(fetch_options(options_), hash, sink),
      channel_(options_.channel),
      active_(std::move(memory.active)),
      marks_(std::move(memory.marks)) {
  if (channel_.empty() && active_) channel_ = active_->channel;
}

// ---- events

subscriber::commands subscriber::on_announcement(const announcement& message, instant at) {
  now_ = at.now;
  auto decoded = decode_head(message.head, hash_);
  if (!decoded) {
    note(log_level::warning, "an announcement's head: " + decoded.error().context);
    return finish(at);
  }
  if (!passes(message.head, *decoded, at)) return finish(at);
  candidate fresh{std::move(decoded->value), message.head, message, at.now, false, std::nullopt, 0};
  if (acceptable(fresh.now, at)) learn(std::move(fresh), at);
  return finish(at);
}

subscriber::commands subscriber::on_heartbeat(const heartbeat& message, instant at) {
  now_ = at.now;
  learn_news(message.news, at);
  if (!is_of_now(message, at)) return finish(at);
  const bool again = !connected_ || place_.publisher != message.place.publisher;
  if (!connected_) note(log_level::info, "hearing the publisher");
  connected_ = true;
  heard_ = at.now;
  place_.publisher = message.place.publisher;
  if ((again || place_ != message.place) && message.place.chunk_port != 0) {
    place_ = message.place;
    reconnect();
  }
  choose_channel(message);
  const auto mine = std::find_if(message.channels.begin(), message.channels.end(),
                                 [&](const auto& state) { return state.channel == channel_; });
  if (mine != message.channels.end())
    compare(*mine, at);
  else if (!channel_.empty())
    note(log_level::warning,
         fmt::format("the publisher has no channel '{}', only: {}", channel_, names_of(message)));
  return finish(at);
}

subscriber::commands subscriber::want(const std::vector<content_want>& contents, instant at) {
  contents_here here;
  contents_gone gone;
  for (const auto& wanted : contents) {
    const auto& content = wanted.content;
    if (sink_.has(content))
      here.contents.push_back(content.id);
    else if (demanded_.size() < options_.demanded_max)
      demanded_.emplace(content.id, wanted);
    else
      gone.contents.push_back(content.id);
  }
  if (!here.contents.empty()) out_.push_back(std::move(here));
  if (!gone.contents.empty()) out_.push_back(std::move(gone));
  if (const auto wanted = fetch_.want_only(demanded()); !wanted) sink_failed(wanted.error(), at);
  return finish(at);
}

subscriber::commands subscriber::on_tick(instant at) {
  now_ = at.now;
  expire(at);
  if (connected_ && at.now - heard_ > options_.away_after) {
    connected_ = false;
    note(log_level::warning, "no word from the publisher; waiting for it");
  }
  if (active_ && has_chunk_port_ && connected_ && at.now >= next_ack_) send_ack(at);
  return finish(at);
}

time_point subscriber::next_deadline() const {
  time_point next = time_point::max();
  for (const auto& [id, request] : under_way_) next = std::min(next, request.deadline);
  if (connected_) next = std::min(next, heard_ + options_.away_after + milliseconds(1));
  if (connected_ && active_ && has_chunk_port_) next = std::min(next, next_ack_);
  if (behind_to_tell_) next = std::min(next, behind_deadline_);
  if (snapshot_wanted_ || target_ || list_ || !demanded_.empty()) {
    if (has_chunk_port_ && bulk_under_way() == 0) next = std::min(next, blocked_until_);
    if (sink_blocked_until_ != time_point{}) next = std::min(next, sink_blocked_until_);
    if (((target_ && target_->planned) || !demanded_.empty()) && fetch_.copying())
      next = std::min(next, sink_blocked_until_);
  }
  return next;
}

subscriber::commands subscriber::finish(instant at) {
  pump(at);
  contents_here here;
  for (const auto& id : fetch_.take_finished())
    if (demanded_.erase(id) != 0) here.contents.push_back(id);
  if (!here.contents.empty()) {
    here.bytes_fetched = std::exchange(demanded_bytes_, 0);
    out_.push_back(std::move(here));
  }
  commands out;
  out.swap(out_);
  return out;
}

void subscriber::note(log_level level, std::string text) {
  if (text == last_said_) return;  // a fault that lasts is told once
  if (level >= log_level::warning && !warnings_.take(now_))
    return;  // whoever sends may send rubbish for ever
  last_said_ = text;
  out_.push_back(say{level, std::move(text)});
}

// ---- which channel, which heads

void subscriber::choose_channel(const heartbeat& message) {
  if (channel_.empty()) {
    if (message.channels.empty()) return;
    if (message.channels.size() > 1) {
      out_.push_back(give_up{{errc::invalid_argument, "choose one with --channel: " + names_of(message)}});
      return;
    }
    channel_ = message.channels.front().channel;
  }
  if (followed_) return;
  followed_ = true;
  out_.push_back(follow_channel{channel_});
}

const lineage_mark* subscriber::mark_of(const lineage_id& lineage) const {
  const auto found =
      std::find_if(marks_.begin(), marks_.end(), [&](const auto& mark) { return mark.lineage == lineage; });
  return found == marks_.end() ? nullptr : &*found;
}

/// Above everything that was active or is known of its lineage.
bool subscriber::newer_than_known(const lineage_mark& offered) const {
  if (const auto* mark = mark_of(offered.lineage); mark && !is_newer(offered, *mark)) return false;
  if (refused_ && refused_->lineage == offered.lineage && !is_newer(offered, *refused_)) return false;
  for (const auto* known : {&target_, &next_})
    if (*known && (*known)->now.lineage == offered.lineage && !is_newer(offered, (*known)->now)) return false;
  return true;
}

bool subscriber::passes(byte_span head_bytes, const head_file& decoded, instant at) {
  if (options_.gate == nullptr) return true;
  const auto passed =
      options_.gate->check_head(channel_, head_bytes.first(head_shared_bytes), decoded.signature, at.unix_ns);
  if (!passed) note(log_level::warning, "refused a head: " + passed.error().context);
  return passed.has_value();
}

/// Anybody can send news: how much of it is looked at is bounded.
void subscriber::learn_news(const trust_news& news, instant at) {
  if (options_.gate == nullptr || news == trust_news{} || !news_taken_.take(at.now)) return;
  if (options_.gate->learn(news, at.unix_ns)) learned(at);
  name_list(news.longer, at);
}

void subscriber::learned(instant at) {
  list_in_force_ = list_refused_ = {};
  out_.push_back(keep_trust{});
  drop_refused(at);
}

/// A key may have been revoked while what it signed was on its way.
void subscriber::drop_refused(instant at) {
  const auto refused = [&](const std::optional<candidate>& one) {
    if (!one) return false;
    const auto decoded = decode_head(one->bytes, hash_);
    return !decoded || !passes(one->bytes, *decoded, at);
  };
  if (refused(next_)) next_.reset();
  if (refused(target_)) drop_target("its key was revoked");
}

bool subscriber::passes(const channel_state& state, const publisher_place& place, instant at) {
  const auto passed = options_.gate->check_state(state, place, at.unix_ns);
  if (!passed)
    note(log_level::warning, "refused a heartbeat: " + passed.error().context);
  else if (state.expires_unix_ns < at.unix_ns)
    note(log_level::warning, "refused a heartbeat that has expired: is this clock right?");
  return passed && state.expires_unix_ns >= at.unix_ns;
}

/// With a gate: whether it was signed by who may, and has not expired. One that does not count is as good as
/// none, so that who repeats old ones is taken for silent.
bool subscriber::is_of_now(const heartbeat& message, instant at) {
  if (options_.gate == nullptr) return true;
  if (channel_.empty())  // all that there is to choose from
    return !message.channels.empty() && std::ranges::all_of(message.channels, [&](const auto& state) {
      return passes(state, message.place, at);
    });
  const auto mine =
      std::ranges::find_if(message.channels, [&](const auto& state) { return state.channel == channel_; });
  if (mine == message.channels.end())
    note(log_level::warning,
         fmt::format("a heartbeat says nothing of channel '{}', only of: {}", channel_, names_of(message)));
  return mine != message.channels.end() && passes(*mine, message.place, at);
}

/// With a gate: whether a root said that the lineage goes on as the offered one.
bool subscriber::may_follow(const head& offered) {
  if (options_.gate == nullptr) return true;
  const auto* last = active_ ? &active_->lineage : marks_.empty() ? nullptr : &marks_.back().lineage;
  if (last == nullptr || *last == offered.lineage) return true;
  if (options_.gate->follows(channel_, *last, offered.lineage, offered.epoch)) return true;
  note(log_level::warning,
       fmt::format("channel {} was made anew, and no root said that its lineage {} follows {}: run `graphite "
                   "keys follow DIR --channel {} --from {} --to {}` where the root is",
                   channel_, to_string(offered.lineage.value), to_string(last->value), channel_,
                   to_string(last->value), to_string(offered.lineage.value)));
  return false;
}

bool subscriber::acceptable(const head& offered, instant at) {
  if (offered.channel != channel_) return false;
  const auto ahead_max = std::chrono::duration_cast<seconds>(options_.epoch_ahead_max).count();
  const std::int64_t latest = at.unix_ns / 1'000'000'000 + ahead_max;
  if (offered.epoch.value > static_cast<std::uint64_t>(std::max<std::int64_t>(latest, 0))) {
    note(log_level::warning, fmt::format("refused a head from the future: epoch {}", offered.epoch.value));
    return false;
  }
  return newer_than_known({offered.lineage, offered.epoch, offered.sequence}) && may_follow(offered);
}

void subscriber::compare(const channel_state& state, instant at) {
  if (state.expires_unix_ns != 0 && state.expires_unix_ns < at.unix_ns) return;
  if (newer_than_known({state.lineage, state.epoch, state.sequence})) {
    snapshot_wanted_ = true;
    return;
  }
  const bool same = active_ && active_->lineage == state.lineage && active_->epoch == state.epoch &&
                    active_->sequence == state.sequence;
  if (same && active_->root != state.root)
    note(log_level::error, fmt::format("the publisher says another root for {}", name_of(*active_)));
}

/// Makes the announced tree where that is possible; otherwise its pages are fetched.
void subscriber::apply_announced(candidate& from) {
  if (!from.told || !from.told->complete || index_.complete(from.now.root)) return;
  if (!index_.complete(from.told->base_root)) return;
  asset_changes changes;
  for (const auto& bytes : from.told->upserts) {
    auto record = decode_record(bytes, hash_);
    if (!record) return note(log_level::warning, "an announced record: " + record.error().context);
    changes.upserts.push_back(std::move(*record));
  }
  changes.removals = from.told->removals;
  const auto root = index_.apply(from.told->base_root, changes);
  if (!root) return note(log_level::warning, "announced changes: " + root.error().context);
  if (*root != from.now.root) note(log_level::warning, "announced changes do not give the announced root");
}

void subscriber::learn(candidate fresh, instant at) {
  apply_announced(fresh);
  if (target_) spare_chunks(fresh);
  if (target_ && !better(fresh)) {
    next_ = std::move(fresh);
    return;
  }
  if (target_) fresh.bytes_fetched += target_->bytes_fetched;
  target_ = std::move(fresh);
  next_.reset();
  pump(at);
}

/// The next head told may need them, too, and does not carry them again.
void subscriber::spare_chunks(const candidate& from) {
  if (!from.told) return;
  for (const auto& chunk : from.told->chunks) {
    spare_.push_back(chunk);
    spare_bytes_ += chunk.bytes.size();
  }
  while (spare_bytes_ > options_.spare_bytes_max) {
    spare_bytes_ -= spare_.front().bytes.size();
    spare_.pop_front();
  }
}

void subscriber::forget_spares() {
  spare_.clear();
  spare_bytes_ = 0;
}

/// Whether to leave the started generation for this one.
bool subscriber::better(const candidate& fresh) {
  if (!target_->planned) return true;
  if (!index_.complete(fresh.now.root)) return false;
  const auto difference = index_.diff(active_root(), fresh.now.root);
  return difference && fetch_.bytes_missing(wants_of(*difference)) < fetch_.bytes_missing();
}

}  // namespace graphite
