#include "tests/coordinator/cluster/cluster_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace graphite::test {

digest key_of(std::uint64_t number) {
  digest out;
  std::uint64_t x = number;
  for (std::size_t i = 0; i < 32; ++i) {
    if (i % 8 == 0) x = (x + i + 1) * 0x9e3779b97f4a7c15u ^ x >> 29;
    out.bytes[i] = static_cast<std::uint8_t>(x >> i % 8 * 8);
  }
  return out;
}

scheduler_options cluster_world::default_options() {
  scheduler_options out;
  out.epoch = epoch_number{100};
  out.placement.contents_max = 1'024;
  return out;
}

cluster_world::cluster_world(scheduler_options given) : options(std::move(given)), shapes_{{}} {
  make_scheduler();
}

/// With the same numbers as before.
void cluster_world::make_scheduler() {
  scheduler_ = std::make_unique<scheduler>(options);
  for (std::size_t i = 0; i < pool_limits.size(); ++i) EXPECT_TRUE(scheduler_->pool(i + 50, pool_limits[i]));
  for (const auto& needs : shapes_) EXPECT_TRUE(scheduler_->shape(needs));
  for (const auto& limits : tenants_) EXPECT_TRUE(scheduler_->add_tenant(limits));
  for (const auto of : jobs_) EXPECT_TRUE(scheduler_->open_job(of));
  for (std::uint64_t rule = 1; rule < 10; ++rule) scheduler_->rule(rule);
}

tenant_index cluster_world::tenant(scheduler::tenant_limits limits) {
  tenants_.push_back(limits);
  return *scheduler_->add_tenant(limits);
}
job_index cluster_world::job(tenant_index of) {
  jobs_.push_back(of);
  return *scheduler_->open_job(of);
}
pool_index cluster_world::pool(std::uint32_t at_once) {
  pool_limits.push_back(at_once);
  return *scheduler_->pool(pool_limits.size() + 49, at_once);
}
shape_index cluster_world::shape(const task_needs& needs) {
  const auto made = *scheduler_->shape(needs);
  if (made == shapes_.size()) shapes_.push_back(needs);
  return made;
}

void cluster_world::at(time_point when, std::function<void()> what) {
  events_.emplace(when, std::move(what));
}

cluster_world::fake_node& cluster_world::add_node(const std::string& name, std::uint32_t cpus,
                                                  std::uint32_t domains) {
  auto& node = nodes[name];
  node.name = name;
  node.capacities.assign(domains, {.cpu_milli = cpus * 1'000, .memory_bytes = 64 * GiB});
  start(name);
  return node;
}

void cluster_world::start(const std::string& name) {
  auto& node = nodes.at(name);
  node.alive = true;
  node.greeted = false;
  node.attempts.clear();
  node.unsent.clear();
  node.unheard.clear();
  node.session = {};
  for (auto& byte : node.incarnation.value.bytes) byte = static_cast<std::uint8_t>(random());
  node.free.clear();
  for (const auto& one : node.capacities) node.free.emplace_back(one);
  if (node.reachable) greet(name);
  beat(name);
}

void cluster_world::greet(const std::string& name) {
  auto& node = nodes.at(name);
  node_hello hello{name, node.incarnation, node.epoch, node.capacities, {}, node.offers};
  // What has not begun is let go: the coordinator gives it out anew.
  std::erase_if(node.attempts, [](const auto& one) { return !one.begun; });
  for (const auto& one : node.attempts) {
    const auto& needs = sched().needs(works[one.id].shape);
    hello.running.push_back({one.name,
                             works[one.id].id == 0 ? digest{} : key_of(one.id),
                             one.domain,
                             needs,
                             {},
                             1,
                             now - one.began});
    if (needs.pool != no_cluster_index) hello.running.back().pool = needs.pool + 50;
  }
  const auto answer = scheduler_->hello(hello, now);
  node.greeted = answer.has_value();
  if (!answer) return step();
  node.session = answer->session;
  node.epoch = options.epoch;
  node.domains = answer->domains;
  for (std::size_t i = 0; i < answer->running.size(); ++i) {
    auto& one = node.attempts[i];
    one.stopped = !answer->running[i].now;
    if (answer->running[i].now) one.name = *answer->running[i].now, ++adopted;
    if (one.stopped) node.free[one.domain].give_back(sched().needs(works[one.id].shape));
  }
  std::erase_if(node.attempts, [](const auto& one) { return one.stopped; });
  begin_waiting(node);
  step();
}

void cluster_world::beat(const std::string& name) {
  const auto incarnation = nodes.at(name).incarnation;
  at(now + options.leases.ttl / 3, [this, name, incarnation] {
    auto& node = nodes.at(name);
    if (!node.alive || node.incarnation != incarnation) return;
    if (node.reachable && (!node.greeted || !scheduler_->heard(node.session, node.epoch, now))) greet(name);
    beat(name);
  });
}

void cluster_world::die(const std::string& name, bool told) {
  auto& node = nodes.at(name);
  const auto session = node.session;
  node.alive = false;
  node.attempts.clear();
  node.unsent.clear();
  node.unheard.clear();
  if (told && node.reachable) scheduler_->gone(session, now);
  step();
}

void cluster_world::cut(const std::string& name) { nodes.at(name).reachable = false; }

void cluster_world::heal(const std::string& name) {
  auto& node = nodes.at(name);
  node.reachable = true;
  if (!node.alive) return;
  // What it had to say before comes first, in the old session.
  for (auto& one : std::exchange(node.unsent, {})) one();
  for (auto& one : std::exchange(node.unheard, {})) one();
  if (!node.greeted || !scheduler_->heard(node.session, node.epoch, now)) greet(name);
  step();
}

void cluster_world::restart_coordinator(bool remembers) {
  const auto memory = scheduler_->remember();
  options.epoch.value += 1;
  make_scheduler();
  if (remembers) scheduler_->recall(memory, now);
  payloads_.clear();
  wishes_.clear();
  asked.clear();
  for (auto& [name, node] : nodes) node.greeted = false, node.session = {};
}

waiter_id cluster_world::submit(job_index of, const work& what) {
  works[what.id] = what;
  if (commits[what.id] > 0) {  // the action cache has it
    ended[what.id].push_back(task_end::finished);
    return {};
  }
  task_spec spec{of,
                 what.level,
                 what.id,
                 what.id == 0 ? digest{} : key_of(what.id),
                 what.shape,
                 what.rule,
                 static_cast<std::uint64_t>(what.critical.count()),
                 what.expected_ns,
                 time_from_ns(0),
                 what.revision,
                 what.inputs};
  const auto done = scheduler_->submit(spec, now);
  if (!done) {
    ended[what.id].push_back(task_end::poisoned);
    unfinished_.erase(what.id);
    return {};
  }
  payloads_[done->task] = what.id;
  wishes_[done->waiter] = {of, what.id};
  ++asked[what.id];
  unfinished_[what.id] = of;
  return done->waiter;
}

bool cluster_world::cancel(waiter_id waiter) {
  if (const auto wish = wishes_.find(waiter); wish != wishes_.end()) {
    if (--asked[wish->second.id] == 0) unfinished_.erase(wish->second.id);
    wishes_.erase(wish);
  }
  return scheduler_->cancel(waiter);
}

void cluster_world::submit_again() {
  for (const auto& [id, of] : std::map(unfinished_)) submit(of, works.at(id));
  step();
}

void cluster_world::step() {
  if (stepping_) return;
  stepping_ = true;
  for (;;) {
    auto commands = scheduler_->step(now);
    bool any = false;
    for (auto& command : commands) {
      any = any || !std::holds_alternative<schedule_commands::wake_at>(command);
      handle(command);
    }
    if (!any) break;
  }
  stepping_ = false;
}

void cluster_world::handle(schedule_command& command) {
  if (auto* one = std::get_if<schedule_commands::assign>(&command)) {
    const auto payload = payloads_.find(one->attempt.task);
    ASSERT_TRUE(payload != payloads_.end()) << "what is to run is known";
    EXPECT_EQ(one->cookie, payload->second);
    return later([this, what = *one, id = payload->second] { arrive(what, id); });
  }
  if (auto* one = std::get_if<schedule_commands::stop>(&command))
    return later([this, what = *one] { stop(what); });
  if (auto* one = std::get_if<schedule_commands::done>(&command)) {
    const auto wish = wishes_.at(one->waiter);
    EXPECT_EQ(one->cookie, wish.id);
    wishes_.erase(one->waiter);
    --asked[wish.id];
    ended[wish.id].push_back(one->how);
    unfinished_.erase(wish.id);
    dones.push_back(std::move(*one));
  } else if (auto* gone = std::get_if<schedule_commands::forget>(&command)) {
    payloads_.erase(gone->task);
  } else if (auto* differ = std::get_if<schedule_commands::differs>(&command)) {
    differences.push_back(*differ->what);
  } else if (auto* node = std::get_if<schedule_commands::node_lost>(&command)) {
    lost.push_back(scheduler_->leases().name_of(node->node));
  } else if (auto* empty = std::get_if<schedule_commands::drained>(&command)) {
    drained.push_back(scheduler_->leases().name_of(empty->node));
  } else if (auto* wake = std::get_if<schedule_commands::wake_at>(&command)) {
    EXPECT_GT(wake->when, now) << "what is due has been done";
    if (wake_ && *wake_ <= wake->when) return;
    wake_ = wake->when;
    at(wake->when, [this, when = wake->when] {
      if (wake_ == when) wake_.reset();
      step();
    });
  } else {
    deposed = true;
  }
}

cluster_world::fake_node* cluster_world::node_of(node_session session) {
  for (auto& [name, node] : nodes)
    if (node.session == session && node.alive) return &node;
  return nullptr;
}

void cluster_world::arrive(const schedule_commands::assign& what, std::uint64_t id) {
  auto* node = node_of(what.session);
  if (node == nullptr || node->epoch != what.attempt.epoch) return;
  if (!node->reachable) return node->unheard.push_back([this, what, id] { arrive(what, id); });
  const auto domain =
      std::find(node->domains.begin(), node->domains.end(), what.domain) - node->domains.begin();
  ASSERT_LT(static_cast<std::size_t>(domain), node->domains.size());
  node->attempts.push_back({what.attempt, id, {}, {}, static_cast<std::uint32_t>(domain), ++serials_});
  begin_waiting(*node);
}

/// Strictly in order, by domain.
void cluster_world::begin_waiting(fake_node& node) {
  std::vector<bool> held(node.capacities.size());
  for (auto& one : node.attempts) {
    if (one.begun || held[one.domain]) continue;
    const auto& what = works.at(one.id);
    const auto& needs = sched().needs(what.shape);
    if (!node.free[one.domain].fits(needs)) {
      held[one.domain] = true;
      continue;
    }
    node.free[one.domain].take(needs);
    one.begun = true;
    one.began = now;
    const auto slow =
        duration(static_cast<std::int64_t>(static_cast<double>(what.takes.count()) * node.slowness));
    one.ends = now + (what.kills ? slow / 2 : slow);
    ++began[one.id];
    order.push_back(one.id);
    at(one.ends, [this, name = node.name, serial = one.serial] { end(name, serial); });
  }
}

void cluster_world::end(const std::string& name, std::uint64_t serial) {
  auto& node = nodes.at(name);
  const auto found = std::find_if(node.attempts.begin(), node.attempts.end(),
                                  [&](const auto& one) { return one.serial == serial; });
  if (found == node.attempts.end()) return;
  // Without a coordinator it keeps what it has.
  if (!node.greeted) return at(now + milliseconds(10), [this, name, serial] { end(name, serial); });
  const auto attempt = *found;
  auto& what = works.at(attempt.id);
  if (what.kills) return die(name, true);
  node.attempts.erase(found);
  node.free[attempt.domain].give_back(sched().needs(what.shape));
  if (what.refused > 0) {
    --what.refused;
    report(node, attempt, what.refusal);
  } else {
    report(node, attempt, what.fails ? report_kind::failed : report_kind::succeeded);
  }
  begin_waiting(node);
}

attempt_report cluster_world::report_of(const begun_attempt& attempt, report_kind kind) {
  attempt_report out{
      attempt.name, kind, key_of(attempt.id + 1'000'000), now - attempt.began, now - attempt.began, 0, {}};
  if (works.at(attempt.id).random_result) out.result = key_of(random());
  return out;
}

void cluster_world::report(fake_node& node, begun_attempt attempt, report_kind kind) {
  const auto said = report_of(attempt, kind);
  const auto send = [this, session = node.session, said, id = attempt.id] {
    const auto use = scheduler_->finished(session, said, now);
    ++uses[use];
    if (use == report_use::committed || use == report_use::unasked) {
      if (use == report_use::unasked && commits[id] > 0) return step();
      ++commits[id];
      EXPECT_EQ(commits[id], 1) << "committed twice: " << id;
      if (use == report_use::unasked) unfinished_.erase(id);
    }
    step();
  };
  if (!node.reachable)
    node.unsent.push_back(send);
  else
    later(send);
}

void cluster_world::stop(const schedule_commands::stop& what) {
  auto* node = node_of(what.session);
  if (node == nullptr || node->epoch != what.attempt.epoch) return;
  if (!node->reachable) return node->unheard.push_back([this, what] { stop(what); });
  const auto found = std::find_if(node->attempts.begin(), node->attempts.end(),
                                  [&](const auto& one) { return one.name == what.attempt; });
  if (found == node->attempts.end() || (found->begun && what.if_waiting)) return;
  const auto attempt = *found;
  node->attempts.erase(found);
  if (attempt.begun) node->free[attempt.domain].give_back(sched().needs(works.at(attempt.id).shape));
  report(*node, attempt, report_kind::handed_back);
  begin_waiting(*node);
}

void cluster_world::run_until(time_point until) {
  step();
  while (!events_.empty() && events_.begin()->first <= until) {
    const auto first = events_.begin();
    now = std::max(now, first->first);
    const auto what = std::move(first->second);
    events_.erase(first);
    what();
    check_limits();
  }
  now = until;
}

bool cluster_world::settle(duration most) {
  const auto until = now + most;
  for (step(); now < until && !wishes_.empty();) run_until(std::min(until, now + milliseconds(50)));
  return wishes_.empty();
}

std::vector<std::string> cluster_world::where(std::uint64_t id) const {
  std::vector<std::string> out;
  for (const auto& [name, node] : nodes)
    for (const auto& one : node.attempts)
      if (one.id == id) out.push_back(one.begun ? name : "(" + name + ")");
  return out;
}

/// What is at nodes in sessions that count is within pools; domains' own limits the nodes keep.
void cluster_world::check_limits() const {
  std::vector<std::uint32_t> pools(pool_limits.size());
  for (const auto& [name, node] : nodes) {
    if (!node.alive || !scheduler_->leases().current(node.session)) continue;
    for (const auto& one : node.attempts)
      if (const auto pool = scheduler_->needs(works.at(one.id).shape).pool; pool != no_cluster_index)
        ++pools[pool];
  }
  for (std::size_t pool = 0; pool < pools.size(); ++pool) EXPECT_LE(pools[pool], pool_limits[pool]);
}

void cluster_world::check_agreement() const {
  std::map<domain_index, std::pair<std::uint64_t, std::uint64_t>> there;
  for (const auto& [name, node] : nodes)
    for (const auto& one : node.attempts)
      ++(one.begun ? there[node.domains[one.domain]].first : there[node.domains[one.domain]].second);
  for (const auto& one : status().domains) {
    EXPECT_EQ(one.running, there[one.domain].first) << "domain " << one.domain;
    EXPECT_EQ(one.ahead, there[one.domain].second) << "domain " << one.domain;
  }
}

}  // namespace graphite::test
