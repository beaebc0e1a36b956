#include "sim/history.hpp"

#include <algorithm>

namespace graphite::sim {

namespace {

using kind = event::kind;

std::string at_time(const event& one) {
  const auto ms = (to_ns(one.at) - 1'000'000'000'000) / 1'000'000;
  return std::to_string(ms) + " ms: ";
}

std::string named(const digest& key) { return to_hex(key).substr(0, 12); }

std::string named(const attempt_key& one) {
  return std::to_string(one.epoch.value) + "/" + std::to_string(one.task.value) + "/" +
         std::to_string(one.number.value);
}

std::string named(std::size_t node) { return "node " + std::to_string(node); }

class checker {
 public:
  checker(const expectations& of) : of_(of), nodes_(of.cpu_milli.size()) {}

  void read(const event& one) {
    look_for_silent_nodes(one.at);
    switch (one.what) {
      case kind::job_acknowledged:
        jobs_[one.number].acknowledged = true;
        break;
      case kind::job_cancelled:
        jobs_[one.number].cancelled = true;
        break;
      case kind::job_ended:
        job_ended(one);
        break;
      case kind::committed:
        committed(one);
        break;
      case kind::told:
        told(one);
        break;
      case kind::began:
        began(one);
        break;
      case kind::ended:
        ended(one);
        break;
      case kind::forgot:
        forgot(one);
        break;
      case kind::coordinator_began:
      case kind::coordinator_died:
        coordinator(one);
        break;
      case kind::trouble:
        say(one, one.text);
        break;
      default:
        node_event(one);
    }
  }

  std::vector<std::string> end(time_point at) {
    look_for_silent_nodes(at);
    for (const auto& [number, job] : jobs_)
      if (job.acknowledged && !job.cancelled && !job.ended)
        broken_.push_back("job " + std::to_string(number) + " was acknowledged and never ended");
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (!nodes_[i].running.empty()) broken_.push_back(named(i) + " still runs something");
    return std::move(broken_);
  }

 private:
  struct job {
    bool acknowledged = false, cancelled = false, ended = false;
  };
  struct going_on {
    digest key;
    std::uint64_t cpu_milli = 0;
    bool survived = false;  ///< of a coordinator that died; its node is well since
  };
  struct node {
    std::map<attempt_key, going_on> running;
    std::uint64_t reign = 0;
    bool joined = false, here = false, away = false, lost_told = true;
    time_point joined_at{}, away_since{};
  };

  void say(const event& one, const std::string& what) {
    if (broken_.size() < 20) broken_.push_back(at_time(one) + what);
  }

  void job_ended(const event& one) {
    auto& job = jobs_[one.number];
    job.ended = true;
    const auto wanted = of_.jobs.find(one.number);
    if (wanted == of_.jobs.end() || wanted->second != one.value)
      say(one, "job " + std::to_string(one.number) + " made something else than without faults");
  }

  void committed(const event& one) {
    const auto [there, first] = committed_.emplace(one.key, std::pair(one.value, one.attempt));
    if (!first) say(one, "the result of " + named(one.key) + " was committed twice");
    const auto wanted = of_.results.find(one.key);
    if (wanted == of_.results.end())
      say(one, "a result of what nobody wants was committed: " + named(one.key));
    else if (wanted->second != one.value)
      say(one, "a wrong result of " + named(one.key) + " was committed");
  }

  void told(const event& one) {
    const auto there = committed_.find(one.key);
    if (there == committed_.end())
      say(one, "a result of " + named(one.key) + " was told before it was safe");
    else if (there->second.first != one.value)
      say(one, "another result of " + named(one.key) + " was told than what was committed");
  }

  void began(const event& one) {
    auto& node = nodes_[one.node];
    if (one.attempt.epoch.value > node.reign)
      say(one, named(one.node) + " began " + named(one.attempt) + " in reign " + std::to_string(node.reign));
    std::uint64_t cpu = one.number;
    for (const auto& [name, other] : node.running) cpu += other.cpu_milli;
    if (cpu > of_.cpu_milli[one.node]) say(one, named(one.node) + " runs more than it has");
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (const auto& [name, other] : nodes_[i].running) {
        if (i == one.node || other.key != one.key || of_.hedged || given_up(one.key)) continue;
        // What its node was sent in a session that is over it may begin all the same.
        if (node.here && nodes_[i].joined && nodes_[i].here && !nodes_[i].away)
          say(one, named(one.key) + " runs twice, on nodes " + std::to_string(i) + " and " +
                       std::to_string(one.node));
        else if (node.here && other.survived && one.at < began_at_ + of_.grace)
          say(one, named(one.key) + " was begun again after a restart, and runs on " + named(i));
      }
    node.running[one.attempt] = {one.key, one.number};
  }

  /// Some job that has it was cancelled: what still runs of it may be on its way to be stopped.
  bool given_up(const digest& key) const {
    return std::ranges::any_of(jobs_, [&](const auto& one) {
      return one.second.cancelled && of_.keys_of_jobs.at(one.first).contains(key);
    });
  }

  void ended(const event& one) { nodes_[one.node].running.erase(one.attempt); }

  void forgot(const event& one) {
    if (committed_.contains(one.key) || given_up(one.key)) return;
    for (const auto& [number, keys] : of_.keys_of_jobs)
      if (keys.contains(one.key) && jobs_[number].acknowledged && !jobs_[number].cancelled)
        return say(one, "a result of " + named(one.key) + " was given up that is not safe");
  }

  void coordinator(const event& one) {
    up_ = one.what == kind::coordinator_began;
    if (!up_) {
      for (auto& node : nodes_) {
        for (auto& [name, running] : node.running)
          running.survived = node.joined && node.here && !node.away && one.at - node.joined_at > seconds(2);
        node.here = false;
        node.lost_told = true;
      }
      return;
    }
    if (one.number <= reign_) say(one, "a reign that is not higher than the one before");
    reign_ = one.number;
    began_at_ = one.at;
  }

  void node_event(const event& one) {
    auto& node = nodes_[one.node];
    switch (one.what) {
      case kind::welcomed:
        if (one.number < node.reign) say(one, named(one.node) + " was welcomed in an older reign");
        node.reign = one.number;
        node.joined = true;
        node.joined_at = one.at;
        break;
      case kind::link_ended:
        node.joined = false;
        break;
      case kind::node_died:
        node.running.clear();
        node.joined = false;
        node.reign = 0;
        break;
      case kind::node_came:
        node.here = true;
        break;
      case kind::node_lost:
        node.here = false;
        node.lost_told = true;
        for (auto& [name, running] : node.running) running.survived = false;
        break;
      case kind::cut_off:
        node.away = true;
        node.away_since = one.at;
        node.lost_told = !node.here;
        for (auto& [name, running] : node.running) running.survived = false;
        break;
      case kind::reachable:
        node.away = false;
        node.lost_told = true;
        break;
      default:
        break;
    }
  }

  /// Whose lease is over, and a second more.
  void look_for_silent_nodes(time_point now) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      auto& node = nodes_[i];
      if (!up_ || node.lost_told || !node.away) continue;
      if (now - std::max(node.away_since, began_at_) <= of_.lease + seconds(1)) continue;
      node.lost_told = true;
      if (began_at_ < node.away_since) broken_.push_back(named(i) + " is silent and not lost");
    }
  }

  const expectations& of_;
  std::map<std::uint64_t, job> jobs_;
  std::map<digest, std::pair<digest, attempt_key>> committed_;
  std::vector<node> nodes_;
  std::uint64_t reign_ = 0;
  bool up_ = false;
  time_point began_at_{};
  std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> check(const std::vector<event>& history, const expectations& of) {
  checker all(of);
  for (const auto& one : history) all.read(one);
  return all.end(history.empty() ? time_point{} : history.back().at);
}

std::uint64_t fingerprint(const std::vector<event>& history) {
  std::uint64_t sum = 14695981039346656037u;
  const auto add = [&sum](std::uint64_t value) { sum = (sum ^ value) * 1099511628211u; };
  for (const auto& one : history) {
    add(static_cast<std::uint64_t>(to_ns(one.at)));
    add(static_cast<std::uint64_t>(one.what));
    add(one.node);
    add(one.number);
    for (const auto byte : one.key.bytes) add(byte);
    for (const auto byte : one.value.bytes) add(byte);
    add(one.attempt.task.value << 8 | one.attempt.number.value);
  }
  return sum;
}

}  // namespace graphite::sim
