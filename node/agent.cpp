#include "node/agent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/messages/control_sizes.hpp"
#include "core/planted_bug.hpp"

namespace graphite {

namespace {

namespace commands = agent_commands;

control::attempt_end not_run(attempt_status status, std::string why) {
  control::attempt_end out;
  out.result.status = status;
  out.result.message = std::move(why);
  return out;
}

}  // namespace

node_agent::node_agent(node_agent_options options) : options_(std::move(options)) {
  domains_.resize(options_.offer.domains.size());
}

std::vector<control::still_running> node_agent::running_list(time_point now) const {
  using control::run_state;
  std::vector<control::still_running> out;
  out.reserve(said_.size() + attempts_.size());
  for (const auto& one : said_)
    out.push_back({one.what.attempt, one.key, one.domain, one.how->needs, one.how->rule_number,
                   one.what.result.wall, one.how->pool, run_state::ended});
  for (const auto& [run, one] : attempts_)
    out.push_back({one.name, one.what->key, one.what->domain, one.how->needs, one.how->rule_number,
                   one.began ? now - *one.began : duration::zero(), one.how->pool,
                   one.began ? run_state::running : run_state::waiting});
  return out;
}

agent_command_list node_agent::connected(time_point now) {
  finish_meanwhile();
  auto joining = options_.offer;
  joining.epoch_seen = epoch_seen_;
  joining.running = running_list(now);
  joined_with_.clear();
  for (const auto& [run, one] : attempts_) joined_with_.push_back(run);
  session_ = session::joining;
  beat_at_ = now + options_.beat_every;
  recipes_ = {};  // each session tells its own; what waits keeps its recipe
  return {commands::send{std::move(joining)}};
}

agent_command_list node_agent::disconnected() {
  session_ = session::none;
  finish_meanwhile();
  agent_command_list out;
  look_whether_gone(out);
  return out;
}

agent_command_list node_agent::received(const to_node& message, time_point now) {
  agent_command_list out;
  if (session_ == session::none || session_ == session::over) return out;
  const auto end = [&](errc code, std::string why, bool final = false) {
    session_ = session::over;
    out.push_back(commands::hang_up{{code, std::move(why)}, final});
  };
  if (const auto* no = std::get_if<control::refusal>(&message)) {
    const bool lasting = no->code == errc::newer_version || no->code == errc::permission_denied;
    end(no->code, "the coordinator refuses this node: " + no->text, lasting);
  } else if (const auto* first = std::get_if<control::welcome>(&message)) {
    if (session_ != session::joining)
      end(errc::corrupt, "the coordinator welcomed this node twice");
    else if (first->epoch < epoch_seen_)
      end(errc::stale_epoch,
          fmt::format(
              "the coordinator is of reign {} and this node has worked for {}: an old one, or its state was "
              "set back",
              first->epoch.value, epoch_seen_.value));
    else if (first->running.size() != said_.size() + joined_with_.size())
      end(errc::corrupt, "the coordinator's welcome is for another join");
    else
      welcomed(*first, out);
  } else if (session_ != session::joined) {
    end(errc::corrupt, "the coordinator spoke before its welcome");
  } else if (const auto* work = std::get_if<control::work>(&message)) {
    if (const auto done = worked(*work, now, out); !done) end(done.error().code, done.error().context);
  } else if (const auto* answer = std::get_if<control::need_answer>(&message)) {
    out.push_back(commands::answered{*answer});
  } else if (const auto* list = std::get_if<control::revocations>(&message)) {
    out.push_back(commands::revoke{*list});
  } else {
    settled(std::get<control::settings>(message), out);
  }
  begin_next(now, out);
  say_results(out);
  look_whether_gone(out);
  return out;
}

void node_agent::welcomed(const control::welcome& message, agent_command_list& out) {
  session_ = session::joined;
  epoch_ = epoch_seen_ = message.epoch;
  if (!planted(planted_bug::numbers_go_on)) first_said_ = 1;
  sent_ = 0;
  std::deque<said> wanted;
  for (std::size_t i = 0; i < said_.size(); ++i)
    if (message.running[i]) {
      said_[i].what.attempt = *message.running[i];
      wanted.push_back(std::move(said_[i]));
    }
  const auto results = std::exchange(said_, std::move(wanted)).size();
  by_name_.clear();
  for (std::size_t i = 0; i < joined_with_.size(); ++i) {
    auto& one = attempts_.at(joined_with_[i]);
    const auto& name = message.running[results + i];
    // What is being stopped takes no credit: the coordinator does not know of it.
    auto& held = domains_[one.what->domain].held;
    const bool before = std::exchange(one.disowned, !name);
    if (before != one.disowned) held = one.disowned ? held - 1 : held + 1;
    if (name) {
      if (!planted(planted_bug::old_name_kept)) one.name = *name;
      by_name_.emplace(*name, one.run);
    } else {
      cancel_running(one, out);
    }
  }
  for (auto& in : domains_)
    std::erase_if(in.waiting,
                  [&](std::uint64_t run) { return attempts_.at(run).disowned && attempts_.erase(run) > 0; });
  finish_meanwhile();
  settled(message.first, out);
}

void node_agent::settled(const control::settings& message, agent_command_list& out) {
  draining_ = message.draining;
  if (draining_) hand_back_waiting("the node is drained");
  out.push_back(commands::settle{message});
}

result<void> node_agent::worked(const control::work& message, time_point now, agent_command_list& out) {
  if (!acknowledged(message.acknowledged))
    return fail(errc::corrupt, "the coordinator acknowledges results that were not said");
  for (const auto& one : message.recipes) recipes_[one.number] = std::make_shared<const control::recipe>(one);
  for (const auto& one : message.assignments) GRAPHITE_CHECK(take(one, now));
  for (const auto& one : message.stops) stop(one, out);
  return {};
}

result<void> node_agent::take(const control::assignment& what, time_point now) {
  if (what.attempt.epoch != epoch_)
    return fail(errc::stale_epoch, fmt::format("an attempt of reign {} in a session of {}",
                                               what.attempt.epoch.value, epoch_.value));
  if (what.domain >= domains_.size())
    return fail(errc::corrupt, "an attempt for a domain that this node has not");
  const auto& how = recipes_[what.recipe];
  if (!how) return fail(errc::corrupt, "an attempt by a recipe that was not told");
  auto& in = domains_[what.domain];
  const auto& offer = options_.offer.domains[what.domain];
  if (in.held >= offer.credit)
    return fail(errc::busy,
                fmt::format("more attempts than the credit of {} of domain {}", offer.credit, what.domain));
  const auto run = next_run_++;
  if (!by_name_.emplace(what.attempt, run).second)
    return fail(errc::corrupt, "the same attempt was assigned twice");
  ++in.held;
  in.waiting.push_back(run);
  attempts_.emplace(
      run, attempt{run, how, std::make_shared<const control::assignment>(what), what.attempt, now, {}});
  if (leaves_at_ || draining_) {
    hand_back_waiting(leaves_at_ ? "the node leaves" : "the node is drained");
  } else if (!fits(domain{}, offer, how->needs)) {
    in.waiting.pop_back();
    finish(run, not_run(attempt_status::refused, "it needs more than the domain has"));
  }
  return {};
}

void node_agent::stop(const control::stop& what, agent_command_list& out) {
  const auto found = by_name_.find(what.attempt);
  if (found == by_name_.end()) return;  // it has ended: its result is on its way
  auto& one = attempts_.at(found->second);
  if (one.began) {
    if (!what.if_waiting) cancel_running(one, out);
    return;
  }
  auto& in = domains_[one.what->domain];
  std::erase(in.waiting, one.run);
  if (planted(planted_bug::stopped_without_a_word)) return;
  finish(one.run, not_run(attempt_status::cancelled, "stopped before it began"));
}

void node_agent::cancel_running(attempt& one, agent_command_list& out) {
  if (!one.began || std::exchange(one.cancelled, true)) return;
  out.push_back(commands::cancel{one.run});
}

bool node_agent::acknowledged(std::uint64_t number) {
  if (number < first_said_) return true;  // an older word, overtaken, or none yet
  if (number - first_said_ >= sent_) return false;
  const auto count = number - first_said_ + 1;
  if (planted(planted_bug::one_result_too_many_forgotten) && count < said_.size()) {
    said_.erase(said_.begin() + static_cast<std::ptrdiff_t>(count));
    if (sent_ > count) --sent_;
  }
  said_.erase(said_.begin(), said_.begin() + static_cast<std::ptrdiff_t>(count));
  first_said_ += count;
  sent_ -= count;
  return true;
}

void node_agent::hand_back_waiting(const std::string& why) {
  for (auto& in : domains_)
    while (!in.waiting.empty()) {
      const auto run = in.waiting.front();
      in.waiting.pop_front();
      if (planted(planted_bug::nothing_handed_back)) continue;
      finish(run, not_run(attempt_status::cancelled, why));
    }
}

bool node_agent::fits(const domain& in, const control::domain_offer& offer,
                      const attempt_needs& needs) const {
  if (planted(planted_bug::begun_without_room)) return true;
  if (needs.cpu_milli > offer.cpu_milli - in.cpu_milli ||
      needs.memory_bytes > offer.memory_bytes - in.memory_bytes)
    return false;
  return std::ranges::all_of(needs.resources, [&](const resource_amount& wanted) {
    const auto offered = std::ranges::find(offer.resources, wanted.name, &resource_amount::name);
    const auto used = in.resources.find(wanted.name);
    const auto now = used == in.resources.end() ? 0 : used->second;
    return offered != offer.resources.end() && now + wanted.count <= offered->count;
  });
}

/// In the order in which they were assigned: whoever schedules them knows what is next.
void node_agent::begin_next(time_point now, agent_command_list& out) {
  if (leaves_at_ || said_.size() >= options_.unacknowledged_max) return;
  for (std::size_t i = 0; i < domains_.size(); ++i) {
    auto& in = domains_[i];
    while (!in.waiting.empty()) {
      auto& one = attempts_.at(in.waiting.front());
      const auto& needs = one.how->needs;
      if (!fits(in, options_.offer.domains[i], needs)) break;
      in.waiting.pop_front();
      in.cpu_milli += needs.cpu_milli;
      in.memory_bytes += needs.memory_bytes;
      for (const auto& each : needs.resources) in.resources[each.name] += each.count;
      one.began = now;
      out.push_back(
          commands::start{one.run, static_cast<std::uint32_t>(i), one.how, one.what, now - one.taken});
    }
  }
}

void node_agent::take_end(std::uint64_t run, control::attempt_end what) {
  const auto found = attempts_.find(run);
  if (found == attempts_.end() || !found->second.began) return;
  what.times.waited = *found->second.began - found->second.taken;
  auto& in = domains_[found->second.what->domain];
  const auto& needs = found->second.how->needs;
  in.cpu_milli -= needs.cpu_milli;
  in.memory_bytes -= needs.memory_bytes;
  for (const auto& each : needs.resources) in.resources[each.name] -= each.count;
  if (session_ == session::joining)
    ended_meanwhile_.emplace_back(run, std::move(what));
  else
    finish(run, std::move(what));
}

agent_command_list node_agent::ended(std::vector<std::pair<std::uint64_t, control::attempt_end>> what,
                                     time_point now) {
  agent_command_list out;
  for (auto& [run, end] : what) take_end(run, std::move(end));
  begin_next(now, out);
  say_results(out);
  look_whether_gone(out);
  return out;
}

void node_agent::finish(std::uint64_t run, control::attempt_end what) {
  const auto found = attempts_.find(run);
  auto& one = found->second;
  if (!one.disowned && (!planted(planted_bug::credit_lost) || one.began)) --domains_[one.what->domain].held;
  by_name_.erase(one.name);
  if (!one.disowned) {
    what.attempt = one.name;
    said_.push_back({one.what->domain, one.how, one.what->key, std::move(what)});
  }
  attempts_.erase(found);
}

void node_agent::finish_meanwhile() {
  for (auto& [run, what] : std::exchange(ended_meanwhile_, {}))
    if (!planted(planted_bug::result_lost_while_joining)) finish(run, std::move(what));
}

void node_agent::say_results(agent_command_list& out) {
  if (session_ != session::joined) return;
  while (sent_ < said_.size()) {
    control::results message;
    message.first = first_said_ + sent_;
    for (std::size_t bytes = 0; sent_ < said_.size() && message.ends.size() < control_limits::results_max;
         ++sent_) {
      const auto& next = said_[sent_].what;
      bytes += control::bytes_of(next);
      if (bytes > options_.message_bytes && !message.ends.empty()) break;
      message.ends.push_back(next);
    }
    out.push_back(commands::send{std::move(message)});
  }
}

agent_command_list node_agent::tick(time_point now) {
  agent_command_list out;
  if (session_ == session::joined && now >= beat_at_) {
    beat_at_ = now + options_.beat_every;
    out.push_back(commands::send{control::beat{count().running}});
  }
  if (leaves_at_ && now >= *leaves_at_)
    for (auto& [run, one] : attempts_) cancel_running(one, out);
  if (leaves_at_ && now >= *leaves_at_ + options_.last_words_within) said_.clear(), sent_ = 0;
  look_whether_gone(out);
  return out;
}

agent_command_list node_agent::ask(control::need_question question) {
  if (session_ != session::joined) return {};
  return {commands::send{std::move(question)}};
}

agent_command_list node_agent::tell(const control::store_state& state) {
  if (session_ != session::joined) return {};
  return {commands::send{state}};
}

agent_command_list node_agent::leave(std::string reason, time_point now) {
  agent_command_list out;
  leaves_at_ = now + options_.finish_within;
  hand_back_waiting("the node leaves");
  if (session_ == session::joined) out.push_back(commands::send{control::leave{std::move(reason)}});
  say_results(out);
  look_whether_gone(out);
  return out;
}

/// Without a coordinator there is nobody to say results to.
void node_agent::look_whether_gone(agent_command_list& out) {
  if (!leaves_at_ || gone_ || !attempts_.empty()) return;
  if (session_ != session::none && session_ != session::over && !said_.empty()) return;
  gone_ = true;
  out.push_back(commands::gone{});
}

node_agent::counts node_agent::count() const {
  counts out;
  for (const auto& in : domains_) out.waiting += in.waiting.size();
  out.running = attempts_.size() - out.waiting;
  out.unacknowledged = said_.size();
  return out;
}

}  // namespace graphite
