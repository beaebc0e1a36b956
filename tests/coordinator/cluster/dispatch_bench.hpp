#pragma once

#include <gtest/gtest.h>

#include "coordinator/cluster/dispatcher.hpp"

namespace graphite::test {

/// Tells other bytes apart, no more.
class small_hasher final : public hasher {
 public:
  digest sha256(byte_span bytes) const override {
    digest out;
    std::uint64_t sum = 14695981039346656037u;
    for (const auto byte : bytes) sum = (sum ^ static_cast<std::uint64_t>(byte)) * 1099511628211u;
    for (std::size_t i = 0; i < 32; ++i) out.bytes[i] = static_cast<std::uint8_t>(sum >> i % 8 * 8 ^ i);
    return out;
  }
};

inline digest numbered(std::uint64_t number) {
  digest out;
  out.bytes.fill(0x11);
  for (std::size_t i = 0; i < 8; ++i) out.bytes[i] = static_cast<std::uint8_t>(number >> i * 8);
  return out;
}

inline logical_path path_of(std::string_view text) { return logical_path::parse(text).value(); }

inline control::recipe recipe_of(std::string rule, attempt_needs needs = {}) {
  control::recipe out;
  out.rule = std::move(rule);
  out.rule_number = std::hash<std::string>()(out.rule);
  command_spec command;
  command.argv = {"cc", "{in}"};
  out.command = std::make_shared<const command_spec>(command);
  out.needs = std::move(needs);
  return out;
}

/// A dispatcher, and nodes that say what the test makes them say.
class dispatch_bench {
 public:
  explicit dispatch_bench(dispatcher_options options = default_options())
      : options(options), d(options, std::make_shared<small_hasher>()) {}
  static dispatcher_options default_options() {
    dispatcher_options out;
    out.schedule.epoch.value = 100;
    out.schedule.placement.contents_max = 1'024;
    return out;
  }

  /// What came out, by kind, since the last step().
  void step() {
    sent.clear();
    hung_up.clear();
    dones.clear();
    batches.clear();
    came.clear();
    lost.clear();
    drained.clear();
    differing.clear();
    unplaceable.clear();
    remembers = 0;
    refusing.clear();
    learned.clear();
    asked.clear();
    told.clear();
    wake.reset();
    for (auto& command : d.step(now)) std::visit([this](auto& one) { take(one); }, command);
  }
  void step_at(duration later) {
    now += later;
    step();
  }

  control::join joining(std::uint32_t cpus = 4) const {
    control::join out;
    out.incarnation.value.bytes.fill(1);
    out.domains = {{cpus * 1'000, 8 * GiB, {}, 64, ""}};
    return out;
  }
  /// A node of this name, joined.
  link_id join(const std::string& name, const control::join& what) {
    const link_id link{++links};
    d.connected(link, name, now);
    d.received(link, what, now);
    return link;
  }
  link_id join(const std::string& name, std::uint32_t cpus = 4) { return join(name, joining(cpus)); }

  void with_job() {
    tenant = *d.tenant("team", {});
    job = *d.open_job(tenant);
    recipe = *d.add_recipe(recipe_of("compile"));
  }
  dispatch_task task(std::uint64_t number) const {
    return {.job = job,
            .cookie = number,
            .key = numbered(number),
            .recipe = recipe,
            .main_input = path_of("in" + std::to_string(number)),
            .inputs = {{path_of("in" + std::to_string(number)), {numbered(number + 1'000), 10}}},
            .outputs = {{"out" + std::to_string(number), false}}};
  }
  waiter_id submit(std::uint64_t number) { return *d.submit(task(number), now); }

  control::attempt_end end_of(const control::assignment& what,
                              attempt_status status = attempt_status::succeeded) const {
    control::attempt_end out;
    out.attempt = what.attempt;
    out.result.status = status;
    if (status == attempt_status::succeeded) out.result.outputs = {{path_of("out"), {what.key, 5}, {}}};
    if (status == attempt_status::lost_input) out.result.lost = {what.inputs.at(0).content.id};
    out.result.wall = out.result.cpu = milliseconds(1);
    return out;
  }
  void say(link_id link, std::uint64_t first, std::vector<control::attempt_end> ends) {
    d.received(link, control::results{first, std::move(ends)}, now);
  }
  void commit(const result<void>& how = {}) {
    for (const auto& batch : std::exchange(batches, {})) d.committed(batch->number, how, now);
  }

  template <class Message>
  std::vector<Message> said(link_id link) const {
    std::vector<Message> out;
    for (const auto& one : sent)
      if (one.link == link)
        if (const auto* what = std::get_if<Message>(&one.what)) out.push_back(*what);
    return out;
  }
  std::vector<control::assignment> assigned(link_id link) const {
    std::vector<control::assignment> out;
    for (const auto& one : said<control::work>(link))
      out.insert(out.end(), one.assignments.begin(), one.assignments.end());
    return out;
  }
  std::uint64_t acknowledged(link_id link) const {
    std::uint64_t out = 0;
    for (const auto& one : said<control::work>(link)) out = one.acknowledged;
    return out;
  }
  /// The text of the refusal that the link ended with; empty: it did not.
  std::string refused(link_id link) const {
    for (std::size_t i = 0; i < hung_up.size(); ++i) {
      if (hung_up[i].link != link) continue;
      const auto words = said<control::refusal>(link);
      EXPECT_EQ(words.size(), 1u);
      EXPECT_EQ(words.at(0).text, hung_up[i].why.context);
      return words.at(0).text;
    }
    return "";
  }

  dispatcher_options options;
  dispatcher d;
  time_point now = time_from_ns(1'000'000'000'000);
  std::uint64_t links = 0;
  tenant_index tenant = 0;
  job_index job = 0;
  recipe_id recipe;

  std::vector<dispatch_commands::send> sent;
  std::vector<dispatch_commands::hang_up> hung_up;
  std::vector<dispatch_commands::done> dones;
  std::vector<std::shared_ptr<const commit_batch>> batches;
  std::vector<dispatch_commands::node_came> came;
  std::vector<dispatch_commands::node_lost> lost;
  std::vector<std::string> drained;
  std::vector<nondeterminism> differing;
  std::vector<dispatch_commands::unplaceable> unplaceable;
  int remembers = 0;
  std::vector<dispatch_commands::refuses> refusing;
  std::vector<learned_rules::row> learned;
  std::vector<dispatch_commands::asked> asked;
  std::vector<dispatch_commands::store_told> told;
  std::optional<time_point> wake;
  bool deposed = false;

 private:
  void take(dispatch_commands::send& one) { sent.push_back(std::move(one)); }
  void take(dispatch_commands::hang_up& one) { hung_up.push_back(std::move(one)); }
  void take(dispatch_commands::commit& one) { batches.push_back(std::move(one.what)); }
  void take(dispatch_commands::done& one) { dones.push_back(std::move(one)); }
  void take(dispatch_commands::differs& one) { differing.push_back(*one.what); }
  void take(dispatch_commands::unplaceable& one) { unplaceable.push_back(std::move(one)); }
  void take(dispatch_commands::node_came& one) { came.push_back(std::move(one)); }
  void take(dispatch_commands::node_lost& one) { lost.push_back(std::move(one)); }
  void take(dispatch_commands::drained& one) { drained.push_back(std::move(one.name)); }
  void take(dispatch_commands::remember&) { ++remembers; }
  void take(dispatch_commands::refuses& one) { refusing.push_back(std::move(one)); }
  void take(dispatch_commands::learned& one) { learned = std::move(one.rules); }
  void take(dispatch_commands::asked& one) { asked.push_back(std::move(one)); }
  void take(dispatch_commands::store_told& one) { told.push_back(std::move(one)); }
  void take(dispatch_commands::deposed&) { deposed = true; }
  void take(dispatch_commands::wake_at& one) { wake = one.when; }
};

}  // namespace graphite::test
