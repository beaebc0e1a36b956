#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bundle/index_tree.hpp"
#include "runtime/subscriber.hpp"

// The generation under way: pages, contents, swap.

namespace graphite {

namespace {

std::vector<logical_path> paths_of(const std::vector<asset_record>& records) {
  std::vector<logical_path> out;
  out.reserve(records.size());
  for (const auto& record : records) out.push_back(record.path);
  return out;
}

}  // namespace

void subscriber::pump(instant at) {
  if (!demanded_.empty() && at.now >= sink_blocked_until_ && fetch_.copying())
    if (const auto copied = fetch_.copy_some(); !copied) sink_failed(copied.error(), at);
  while (target_ && at.now >= sink_blocked_until_) {
    const bool could_not_store = std::exchange(sink_blocked_until_, time_point{}) != time_point{};
    // The generation itself may be what cannot be stored, so a newer one is not kept waiting behind it.
    if (could_not_store && next_) drop_target("it could not be stored and there is a newer one");
    if (!plan_target(at) || !fetch_target(at)) break;
    if (!swap_target(at)) break;
  }
  ask_all(at);
}

/// True once all pages are here and it is known which contents are needed.
bool subscriber::plan_target(instant at) {
  if (target_->planned) return true;
  const digest& root = target_->now.root;
  if (!index_.complete(root) && (!index_.missing(root, 1) || !index_.complete(root))) return false;
  if (const auto good = check_assets(target_->now, *index_.assets(root)); !good) {
    refuse_target(good.error());
    return false;
  }
  auto difference = index_.diff(active_root(), root);
  if (!difference) {
    sink_failed(difference.error(), at);
    return false;
  }
  if (const auto wanted = fetch_.want_only(wants_of(*difference)); !wanted) {
    sink_failed(wanted.error(), at);
    return false;
  }
  target_->difference = std::move(*difference);
  target_->planned = true;
  return offer_told(at);
}

/// Uses what the announcement carried.
bool subscriber::offer_told(instant at) {
  const auto offer = [&](const announced_chunk& chunk) {
    const auto used = fetch_.offer_chunk(chunk.id, chunk.bytes);
    if (!used) return sink_failed(used.error(), at), false;
    target_->bytes_fetched += *used;
    return true;
  };
  if (!std::all_of(spare_.begin(), spare_.end(), offer)) return false;
  if (!target_->told) return true;
  if (!std::all_of(target_->told->chunks.begin(), target_->told->chunks.end(), offer)) return false;
  for (const auto& list : target_->told->lists)
    if (const auto used = fetch_.offer_list(list.content, list.list); !used)
      return sink_failed(used.error(), at), false;
  return true;
}

/// New contents, each with the part of the former record that it replaces.
std::vector<content_want> subscriber::wants_of(const index_difference& difference) const {
  if (options_.on_demand) return demanded();
  std::vector<content_want> out;
  for (const auto& record : difference.changes.upserts) {
    const auto before = std::lower_bound(difference.replaced.begin(), difference.replaced.end(), record.path,
                                         [](const auto& r, const auto& path) { return r.path < path; });
    const bool had = before != difference.replaced.end() && before->path == record.path;
    for (std::size_t i = 0; i < record.parts.size(); ++i) {
      content_want wanted{record.parts[i].content, std::nullopt, record.id()};
      if (had && i < before->parts.size()) wanted.similar = before->parts[i].content;
      out.push_back(wanted);
    }
  }
  return out;
}

std::vector<content_want> subscriber::demanded() const {
  std::vector<content_want> out;
  out.reserve(demanded_.size());
  for (const auto& [id, wanted] : demanded_) out.push_back(wanted);
  return out;
}

/// True once every content is here.
bool subscriber::fetch_target(instant at) {
  if (options_.on_demand) return true;
  if (fetch_.copying())
    if (const auto copied = fetch_.copy_some(); !copied) {
      sink_failed(copied.error(), at);
      return false;
    }
  return fetch_.done();
}

void subscriber::adopt_marks(swap_plan& plan) const {
  plan.marks = marks_;
  const lineage_mark mine{plan.now.lineage, plan.now.epoch, plan.now.sequence};
  std::erase_if(plan.marks, [&](const auto& mark) { return mark.lineage == mine.lineage; });
  plan.marks.push_back(mine);  // the newest last; the oldest goes
  if (plan.marks.size() > options_.lineages_max) plan.marks.erase(plan.marks.begin());
}

bool subscriber::swap_target(instant at) {
  swap_plan plan{target_->now,
                 target_->bytes,
                 active_root(),
                 std::move(target_->difference->changes),
                 std::move(target_->difference->replaced),
                 {}};
  adopt_marks(plan);
  if (const auto swapped = sink_.swap(plan); !swapped) {
    target_->difference = index_difference{std::move(plan.changes), std::move(plan.replaced)};
    sink_failed(swapped.error(), at);
    return false;
  }
  if (active_ && active_->lineage != plan.now.lineage)
    note(log_level::warning,
         fmt::format("the publisher's state is new: lineage {} instead of {}",
                     to_string(plan.now.lineage.value), to_string(active_->lineage.value)));
  generation_swapped done{plan.now,
                          paths_of(plan.changes.upserts),
                          plan.changes.removals,
                          target_->bytes_fetched,
                          {},
                          {},
                          {},
                          target_->heard,
                          known_behind(plan.now)};
  tell_behind(std::nullopt);  // of the generation before: too late
  behind_to_tell_ = !done.behind;
  behind_deadline_ = at.now + options_.request_timeout;
  if (target_->told) {
    done.times = target_->told->times;
    done.clock = target_->told->clock;
    done.trace = target_->told->trace;
  }
  out_.push_back(std::move(done));
  became_active(std::move(plan), at);
  return true;
}

void subscriber::became_active(swap_plan plan, instant at) {
  active_ = std::move(plan.now);
  marks_ = std::move(plan.marks);
  last_said_.clear();
  target_ = std::move(next_);
  next_.reset();
  fetch_.forget_offers();
  if (!target_) forget_spares();
  std::vector<digest> roots{active_->root};
  if (target_) roots.push_back(target_->now.root);
  index_.retain(roots);
  // Swaps that never pause must not put it off for ever: then nobody would count this runtime node.
  if (ack_by_ == time_point{}) ack_by_ = at.now + options_.ack_period;
  next_ack_ = std::min(at.now + options_.ack_delay, ack_by_);
}

/// It cannot be had: forgets it, so that the newest head is taken whatever it is.
void subscriber::drop_target(const std::string& why) {
  note(log_level::warning, fmt::format("gave up generation {}.{}: {}", target_->now.epoch.value,
                                       target_->now.sequence.value, why));
  target_ = std::move(next_);
  next_.reset();
  if (!target_) (void)fetch_.want_only(demanded());
  snapshot_wanted_ = true;
}

/// It is wrong in itself: asking again for the same head would not help.
void subscriber::refuse_target(const error& why) {
  refused_ = {target_->now.lineage, target_->now.epoch, target_->now.sequence};
  drop_target(why.context);
}

/// What is held is not what it was: trying again would not help.
void subscriber::damaged(const error& why) {
  out_.push_back(give_up{{errc::corrupt, why.context}});
  target_.reset();
  next_.reset();
}

void subscriber::sink_failed(const error& why, instant at) {
  if (why.code == errc::corrupt || why.code == errc::not_found || why.code == errc::invalid_argument)
    return damaged(why);
  note(log_level::error, fmt::format("cannot store the new generation: {}", why.context));
  sink_blocked_until_ = at.now + options_.retry_delay_max;
}

}  // namespace graphite
