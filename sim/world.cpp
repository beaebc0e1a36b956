#include "sim/world.hpp"

#include <algorithm>

namespace graphite::sim {

namespace {

dispatcher_options options_of(random& any, bool hedged) {
  dispatcher_options out;
  auto& schedule = out.schedule;
  schedule.placement.contents_max = 1'024;
  schedule.orphan_patience = seconds(15);
  schedule.leases.ttl = seconds(3);
  schedule.hedging.after_min = hedged ? milliseconds(200) : std::chrono::hours(1);
  schedule.hedging.recheck_ppm = hedged ? 50'000 : 0;
  out.session_recipes_max = any.between(2, 12);
  out.message_bytes = any.between(2, 64) * KiB;
  out.commit_results_max = any.between(1, 40);
  out.uncommitted_max = any.between(3, 60);
  if (any.chance(60)) schedule.placement.slots.ahead_ns_max = 300'000'000;
  out.leave_within = seconds(4);
  return out;
}

}  // namespace

world::world(const world_options& given) : options(given), any(given.seed), net(all, any) {
  expected.hedged = any.chance(30);
  const auto dispatching = options_of(any, expected.hedged);
  expected.lease = dispatching.schedule.leases.ttl;
  expected.grace = dispatching.schedule.grace;
  coordinator = std::make_unique<coordinator_process>(*this, dispatching);
  client = std::make_unique<client_process>(*this, options.nodes + 1);
  make_nodes();
  make_jobs();
}

void world::record(event what) {
  what.at = all.now();
  history.push_back(std::move(what));
}

void world::make_nodes() {
  for (host at = 1; at <= options.nodes; ++at) {
    control::join offer;
    const auto cpus = static_cast<std::uint32_t>(any.between(2, 4));
    offer.domains = {{cpus * 1'000, 8 * GiB, {}, static_cast<std::uint32_t>(any.between(2, 10)), ""}};
    if (at % 2 == 1) offer.domains[0].resources = {{"gpu", 1}};
    offer.tools = {{"cc", hash_text(at % 3 == 0 ? "cc 11" : "cc 12")}};
    offer.store = true;
    offer.chunks = "node" + std::to_string(at);
    expected.cpu_milli.push_back(cpus * 1'000);
    nodes.push_back(std::make_unique<node_process>(*this, at, offer));
  }
}

void world::make_jobs() {
  client->start();
  const auto family = options.seed * 10;
  for (std::uint64_t number = 1; number <= options.jobs; ++number) {
    const job_request what{number, any.next() % 1'000'000, family + any.below(2), options.actions};
    const auto when = all.now() + any.between(milliseconds(10), options.trouble_for / 2);
    std::optional<time_point> cancel_at;
    if (any.chance(20)) cancel_at = when + any.between(milliseconds(500), seconds(8));
    client->add(what, when, cancel_at);
    const auto made = graph::make(what.seed, what.family, what.actions);
    expected.jobs[number] = made.outcome();
    for (const auto& one : made.actions) {
      expected.results[one.key] = one.output;
      expected.keys_of_jobs[number].insert(one.key);
    }
  }
}

bool world::all_quiet() const {
  if (!client->content() || !coordinator->ready()) return false;
  const auto counts = coordinator->what().count();
  return counts.tasks == 0 && counts.uncommitted == 0 && counts.held_waiters == 0 && counts.recipes == 0 &&
         counts.sessions == nodes.size() &&
         std::ranges::all_of(nodes, [](const auto& one) { return one->idle(); }) &&
         std::ranges::all_of(coordinator->what().status(all.now()).schedule.domains,
                             &schedule_status::domain_status::open);
}

report world::run() {
  coordinator->start();
  for (auto& one : nodes) one->start();
  plan_faults();
  const auto began = all.now();
  all.run_until(began + options.trouble_for);
  heal();
  const auto until = all.now() + options.settle_within;
  while (!all_quiet() && all.now() < until) all.run_until(all.now() + milliseconds(250));
  check_rest();
  report out;
  out.seed = options.seed;
  out.broken = check(history, expected);
  count("events", all.count());
  count("virtual seconds",
        static_cast<std::uint64_t>(std::chrono::duration_cast<seconds>(all.now() - began).count()));
  for (const auto& [name, value] : {std::pair("messages lost", net.lost),
                                    {"messages doubled", net.doubled},
                                    {"messages delayed", net.delayed},
                                    {"records torn", coordinator->journal.torn}})
    count(name, value);
  out.counters = counters;
  out.fingerprint = sim::fingerprint(history);
  return out;
}

/// What is left when nothing is wanted any more, and nobody is away.
void world::check_rest() {
  if (!coordinator->ready()) return trouble("the coordinator is not there at the end");
  const auto counts = coordinator->what().count();
  const auto status = coordinator->what().status(all.now());
  const auto left = [&](const char* what, std::uint64_t number, std::uint64_t wanted = 0) {
    if (number != wanted) trouble(std::to_string(number) + " " + what + " are left at the end");
  };
  left("tasks", counts.tasks);
  left("recipes", counts.recipes);
  left("results that wait for the disk", counts.uncommitted);
  left("waiters", counts.held_waiters + status.schedule.waiters);
  left("sessions", counts.sessions, nodes.size());
  left("links", counts.links, nodes.size());
  for (const auto& domain : status.schedule.domains) {
    left("attempts of a domain", domain.running + domain.ahead);
    left("milliprocessors in use", domain.cpu_milli_used);
    if (!domain.open) trouble("a domain is closed at the end");
  }
  for (const auto& node : nodes)
    if (!node->idle()) trouble(node->name() + " has something left at the end");
  std::set<digest> twice;
  for (const auto& record : coordinator->journal.replay())
    if (record[0] == 'C' && !twice.insert(hash_text(record.substr(1, 32))).second)
      trouble("the journal has a result twice");
}

}  // namespace graphite::sim
