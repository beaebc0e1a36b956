#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bundle/head_codec.hpp"
#include "runtime/subscriber.hpp"

// What is asked of the chunk port, and what happens when it does not answer or lies.

namespace graphite {

std::size_t subscriber::bulk_under_way() const {
  return static_cast<std::size_t>(std::count_if(under_way_.begin(), under_way_.end(), [](const auto& entry) {
    return !std::holds_alternative<ack_ask>(entry.second.what);
  }));
}

void subscriber::send(chunk_request request, asked what, instant at) {
  const std::uint64_t id = ++last_request_;
  under_way_.emplace(id, under_way{std::move(what), at.now + options_.request_timeout});
  out_.push_back(send_request{id, channel_, std::move(request)});
}

void subscriber::ask_all(instant at) {
  if (!has_chunk_port_ || at.now < blocked_until_ || at.now < sink_blocked_until_) return;
  const bool snapshot_asked = std::any_of(under_way_.begin(), under_way_.end(), [](const auto& entry) {
    return std::holds_alternative<snapshot_ask>(entry.second.what);
  });
  if (snapshot_wanted_ && !snapshot_asked && !channel_.empty())
    send(snapshot_request{channel_}, snapshot_ask{}, at);
  ask_list(at);
  ask_behind(at);
  if (target_ && !target_->planned) ask_pages(at);
  const bool contents_wanted = options_.on_demand ? !demanded_.empty() : target_ && target_->planned;
  while (contents_wanted && bulk_under_way() < options_.requests_max) {
    auto next = fetch_.next();
    if (!next) break;
    chunk_request request = next->request;
    send(std::move(request), std::move(*next), at);
  }
}

void subscriber::ask_pages(instant at) {
  std::set<digest> asked_for;
  for (const auto& [id, entry] : under_way_)
    if (const auto* pages = std::get_if<pages_ask>(&entry.what))
      asked_for.insert(pages->pages.begin(), pages->pages.end());
  const auto missing = index_.missing(target_->now.root,
                                      asked_for.size() + options_.pages_per_request * options_.requests_max);
  if (!missing) return failed("index pages: " + missing.error().context, at);
  pages_ask next;
  for (const auto& page : *missing) {
    if (bulk_under_way() >= options_.requests_max) return;
    if (asked_for.contains(page)) continue;
    next.pages.push_back(page);
    if (next.pages.size() < options_.pages_per_request) continue;
    send(pages_request{next.pages}, next, at);
    next.pages.clear();
  }
  if (!next.pages.empty()) send(pages_request{next.pages}, next, at);
}

void subscriber::send_ack(instant at) {
  next_ack_ = ack_by_ = at.now + options_.ack_period;
  ack_request ack;
  ack.who = options_.who;
  ack.name = options_.name;
  ack.channel = channel_;
  ack.lineage = active_->lineage;
  ack.accepted_epoch = ack.active_epoch = active_->epoch;
  ack.accepted_sequence = ack.active_sequence = active_->sequence;
  ack.active_root = active_->root;
  send(std::move(ack), ack_ask{}, at);
}

// ---- answers

subscriber::commands subscriber::on_reply(std::uint64_t id, const std::optional<chunk_reply>& reply,
                                          instant at) {
  now_ = at.now;
  auto node = under_way_.extract(id);
  if (node.empty()) return finish(at);  // too late, it was given up
  const under_way asked = std::move(node.mapped());
  timeouts_ = 0;
  if (std::holds_alternative<ack_ask>(asked.what)) return finish(at);
  if (const auto* behind = std::get_if<behind_ask>(&asked.what)) {
    take(*behind, reply);
    return finish(at);
  }
  if (!reply) {
    give_back(asked);
    failed("a malformed answer", at);
  } else if (const auto* pages = std::get_if<pages_ask>(&asked.what)) {
    take(*pages, *reply, at);
  } else if (const auto* contents = std::get_if<content_fetch::ask>(&asked.what)) {
    take(*contents, *reply, at);
  } else if (const auto* list = std::get_if<list_ask>(&asked.what)) {
    take(*list, *reply, at);
  } else {
    take_snapshot(*reply, at);
  }
  return finish(at);
}

std::string subscriber::refusal_text(const chunk_reply& reply) {
  const auto* no = std::get_if<refusal>(&reply.header);
  return no ? no->message : std::string("an answer that does not fit the question");
}

void subscriber::take_snapshot(const chunk_reply& reply, instant at) {
  if (!std::holds_alternative<snapshot_reply>(reply.header)) return failed(refusal_text(reply), at);
  auto decoded = decode_head(reply.frames.front(), hash_);
  if (!decoded) return failed("a snapshot's head: " + decoded.error().context, at);
  if (decoded->value.channel != channel_) return failed("a snapshot of another channel", at);
  if (!passes(reply.frames.front(), *decoded, at)) return failed("a snapshot that may not be believed", at);
  snapshot_wanted_ = false;
  succeeded();
  if (!acceptable(decoded->value, at)) return;
  candidate fresh{
      std::move(decoded->value), reply.frames.front(), std::nullopt, at.now, false, std::nullopt, 0};
  for (std::size_t i = 1; i < reply.frames.size(); ++i)
    if (const digest id = hash_.sha256(reply.frames[i]); i != 1 || id == fresh.now.root)
      (void)index_.add(id, reply.frames[i]);  // hints: one that is not wanted is ignored
  learn(std::move(fresh), at);
}

void subscriber::take(const pages_ask& asked, const chunk_reply& reply, instant at) {
  const auto* header = std::get_if<pages_reply>(&reply.header);
  if (!header || header->present.size() > asked.pages.size()) return failed(refusal_text(reply), at);
  std::size_t frame = 0, good = 0, absent = 0;
  for (std::size_t i = 0; i < header->present.size(); ++i) {
    if (!header->present[i]) {
      ++absent;
      continue;
    }
    const byte_vector& page = reply.frames[frame++];
    if (const auto added = index_.add(asked.pages[i], page); !added)
      return failed("an index page: " + added.error().context, at);
    ++good;
    if (target_) target_->bytes_fetched += page.size();
  }
  if (absent > 0 && target_ && !target_->planned) {
    drop_target("its index pages are no longer served");
    return failed("index pages are gone", at);
  }
  if (good == 0) return failed("an empty answer", at);
  succeeded();
}

void subscriber::take(const content_fetch::ask& asked, const chunk_reply& reply, instant at) {
  const auto taken = fetch_.take(asked, reply);
  if (!taken) {
    if (taken.error().code == errc::out_of_space || taken.error().code == errc::io ||
        taken.error().code == errc::permission_denied)
      return sink_failed(taken.error(), at);
    return failed(taken.error().context, at);
  }
  if (taken->moot) return succeeded();
  (target_ ? target_->bytes_fetched : demanded_bytes_) += taken->good_bytes;
  if (!taken->absent.empty() && options_.on_demand) {
    take_absent(taken->absent);
  } else if (!taken->absent.empty() && target_) {
    drop_target("its contents are no longer served");
    return failed("contents are gone", at);
  }
  if (taken->bad_chunks > 0)
    return failed(fmt::format("{} chunks failed their digest", taken->bad_chunks), at);
  if (taken->good_bytes == 0 && taken->absent.empty() && !fetch_.done())
    return failed(refusal_text(reply), at);
  succeeded();
}

/// On demand: the publisher has them no more.
void subscriber::take_absent(const std::vector<digest>& absent) {
  contents_gone gone;
  for (const auto& id : absent)
    if (demanded_.erase(id) != 0) gone.contents.push_back(id);
  (void)fetch_.want_only(demanded());
  if (!gone.contents.empty()) out_.push_back(std::move(gone));
}

// ---- retries

void subscriber::give_back(const under_way& lost) {
  if (const auto* contents = std::get_if<content_fetch::ask>(&lost.what)) fetch_.give_back(*contents);
}

void subscriber::succeeded() { failures_ = 0; }

void subscriber::failed(const std::string& why, instant at) {
  ++failures_;
  const auto grown = options_.retry_delay * (1u << std::min(failures_ - 1, 8u));
  blocked_until_ = at.now + std::min<duration>(grown, options_.retry_delay_max);
  note(log_level::warning, fmt::format("fetching: {}; trying again", why));
  if (failures_ % options_.failures_max == 0 && target_) drop_target(why);
}

void subscriber::expire(instant at) {
  if (behind_deadline_ <= at.now) tell_behind(std::nullopt);
  std::vector<std::uint64_t> late;
  for (const auto& [id, entry] : under_way_)
    if (entry.deadline <= at.now) late.push_back(id);
  if (late.empty()) return;
  for (const auto id : late) {
    give_back(under_way_.at(id));
    under_way_.erase(id);
  }
  failed("no answer in time", at);
  if (++timeouts_ % options_.timeouts_max == 0) reconnect();
}

/// Nothing that was asked on the old connection is answered any more.
void subscriber::reconnect() {
  for (const auto& [id, entry] : under_way_) give_back(entry);
  under_way_.clear();
  has_chunk_port_ = true;
  failures_ = behind_tries_ = 0;
  blocked_until_ = {};
  next_ack_ = {};
  out_.push_back(connect_chunk_port{place_.chunk_host, place_.chunk_port});
}

}  // namespace graphite
