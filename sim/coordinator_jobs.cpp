#include <fmt/format.h>

#include <algorithm>

#include "core/record_codec.hpp"
#include "sim/coordinator_process.hpp"
#include "sim/world.hpp"

// The journal, and the jobs' graphs.

namespace graphite::sim {

namespace {

control::recipe recipe_of(const rule& one, std::uint64_t rule_number) {
  control::recipe out;
  out.rule = one.name;
  out.rule_number = rule_number;
  command_spec command;
  command.argv = {"do", "{in}"};
  out.command = std::make_shared<const command_spec>(command);
  out.environment["TAKES"] = std::to_string(one.takes.count());
  if (one.small) out.environment["SMALL"] = "yes";
  if (one.needs_tool) out.tools = {{"cc", hash_text("cc 12")}};
  out.needs.cpu_milli = one.cpu_milli;
  if (one.needs_gpu) out.needs.resources = {{"gpu", 1}};
  return out;
}

}  // namespace

void coordinator_process::replay() {
  memory_ = {};
  rules_.clear();
  last_epoch_ = 0;
  const auto records = journal.replay();
  for (const auto& record : records) {
    record_reader in(record);
    switch (in.byte()) {
      case 'E':
        last_epoch_ = in.number();
        break;
      case 'N':
        if (auto read = decode_cluster(in.bytes(1 * MiB))) memory_ = std::move(*read);
        break;
      case 'R':
        if (auto read = decode_rule(in.bytes(64 * KiB))) rules_.push_back(std::move(*read));
        break;
      case 'J':
        replay_job(in);
        break;
      case 'C':
        replay_results(in);
        break;
      case 'X':
        jobs_[in.number()].cancelled = true;
        break;
      case 'D':
        jobs_[in.number()].ended = true;
        break;
      default:
        in_.trouble("a record of no kind");
    }
  }
}

/// Once the disk has it: no reign is begun twice.
void coordinator_process::reign() {
  record_writer epoch;
  epoch.byte('E');
  epoch.number(last_epoch_);
  append({epoch.take()}, [this](const result<void>& how) {
    if (!how) return after(milliseconds(200), [this] { reign(); });
    begin();
  });
}

void coordinator_process::begin() {
  options_.schedule.epoch.value = last_epoch_;
  dispatcher_ = std::make_unique<dispatcher>(options_, std::make_shared<quick_hasher>());
  in_.record({.what = event::kind::coordinator_began, .number = last_epoch_});
  for (const auto& row : rules_) dispatcher_->restore(row);
  dispatcher_->recall(memory_, in_.all.now());
  tenants_[0] = *dispatcher_->tenant("first", {});
  tenants_[1] = *dispatcher_->tenant("second", {.weight = 256, .cpu_milli_max = 9'000});
  for (auto& [number, one] : jobs_)
    if (!one.ended && !one.cancelled) open_job(one);
  pump();
}

void coordinator_process::replay_job(record_reader& in) {
  job_request what{in.number(), in.number(), in.number(), in.number()};
  begin_job(what);
}

void coordinator_process::replay_results(record_reader& in) {
  const auto key = in.digest_value(), value = in.digest_value();
  const attempt_key attempt{{in.number()}, {in.number()}, {static_cast<std::uint32_t>(in.number())}};
  if (!results_.emplace(key, value).second) in_.trouble("the journal has two results of one action");
  note_committed(key, value, attempt);
}

/// As seen from outside: when it was safe, or else when it was found to be.
void coordinator_process::note_committed(const digest& key, const digest& value, const attempt_key& attempt) {
  if (seen_.emplace(key, attempt).second)
    in_.record({.what = event::kind::committed, .key = key, .value = value, .attempt = attempt});
}

void coordinator_process::submit(const job_request& what, const std::function<void(job_answer)>& answer) {
  if (jobs_.contains(what.number)) return answer(job_answer::acknowledged);
  if (!pending_.insert(what.number).second) return;
  record_writer out;
  out.byte('J');
  for (const auto number : {what.number, what.seed, what.family, std::uint64_t{what.actions}})
    out.number(number);
  append({out.take()}, [this, what, answer](const result<void>& how) {
    pending_.erase(what.number);
    if (!how) return in_.count("jobs refused");
    begin_job(what);
    open_job(jobs_.at(what.number));
    pump();
    answer(job_answer::acknowledged);
  });
}

job_answer coordinator_process::look(std::uint64_t number) const {
  const auto found = jobs_.find(number);
  if (found == jobs_.end()) return job_answer::not_known;
  return found->second.ended || found->second.cancelled ? job_answer::ended : job_answer::running;
}

job_answer coordinator_process::cancel(std::uint64_t number) {
  const auto found = jobs_.find(number);
  if (found == jobs_.end()) return job_answer::not_known;
  auto& one = found->second;
  if (one.ended || one.cancelled) return job_answer::ended;
  record_writer out;
  out.byte('X');
  out.number(number);
  append({out.take()}, [this, number](const result<void>& how) {
    auto& its = jobs_.at(number);
    if (!how || its.ended || std::exchange(its.cancelled, true)) return;
    in_.count("jobs cancelled");
    close(its);
    pump();
  });
  return job_answer::running;
}

void coordinator_process::begin_job(const job_request& what) {
  auto& one = jobs_[what.number];
  one.what = what;
  one.all = graph::make(what.seed, what.family, what.actions);
  one.left = one.all.actions.size();
  one.made.assign(one.left, false);
  one.readers.assign(one.left, {});
  one.missing.assign(one.left, 0);
  for (std::size_t i = 0; i < one.left; ++i)
    for (const auto read : one.all.actions[i].reads) one.readers[read].push_back(i), ++one.missing[i];
}

void coordinator_process::open_job(job& one) {
  one.open = true;
  one.index = *dispatcher_->open_job(tenants_[one.what.number % 2]);
  for (std::size_t i = 0; i < one.all.rules.size(); ++i) {
    const auto& rule = one.all.rules[i];
    const auto pool = rule.pooled ? std::optional(rule_pool{i + 1, 2}) : std::nullopt;
    one.recipes.push_back(*dispatcher_->add_recipe(recipe_of(rule, i + 100), pool));
  }
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < one.missing.size(); ++i)
    if (one.missing[i] == 0) ready.push_back(i);
  advance(one, std::move(ready));
}

/// What can be done is; of what has a result, what reads it can be done, too.
void coordinator_process::advance(job& one, std::vector<std::size_t> ready) {
  while (one.open && !ready.empty()) {
    const auto action = ready.back();
    ready.pop_back();
    if (results_.contains(one.all.actions[action].key))
      made(one, action, ready);
    else
      submit(one, action);
  }
  try_to_end(one);
}

void coordinator_process::made(job& one, std::size_t action, std::vector<std::size_t>& ready) {
  if (one.made[action]) return;
  one.made[action] = true;
  --one.left;
  for (const auto reader : one.readers[action])
    if (--one.missing[reader] == 0) ready.push_back(reader);
}

dispatch_task coordinator_process::task_of(const job& one, std::size_t which) const {
  const auto& what = one.all.actions[which];
  const auto path = [](const std::string& text) { return logical_path::parse(text).value(); };
  const auto body = [](const std::string& text) {
    const auto bytes = as_bytes(std::string_view(text));
    return byte_vector(bytes.begin(), bytes.end());
  };
  const auto source = source_text(what.source);
  dispatch_task out{.job = one.index,
                    .level = one.what.number % 3 == 0 ? task_class::job_high : task_class::job,
                    .cookie = which,
                    .key = what.key,
                    .recipe = one.recipes[what.rule],
                    .main_input = path("a")};
  out.inputs = {{path("a"), {hash_text(source), source.size()}, true, {}}};
  out.bodies = {body(source)};
  for (const auto read : what.reads) {
    const auto& from = one.all.actions[read];
    const auto& rule = one.all.rules[from.rule];
    std::uint64_t size = large_bytes;
    if (rule.small) {
      std::vector<digest> inputs{hash_text(source_text(from.source))};
      for (const auto each : from.reads) inputs.push_back(one.all.actions[each].output);
      const auto text = output_text(rule.name, inputs);
      size = text.size();
      out.bodies.push_back(body(text));
    }
    out.inputs.push_back({path(fmt::format("b{:05}", read)), {results_.at(from.key), size}, true, {}});
  }
  out.outputs = {{"out", false}};
  out.critical_ns = (one.all.actions.size() - which) * 1'000'000;
  out.wanted_since = in_.all.now();
  return out;
}

void coordinator_process::submit(job& one, std::size_t action) {
  const auto waiter = dispatcher_->submit(task_of(one, action), in_.all.now());
  const auto& key = one.all.actions[action].key;
  if (!waiter && waiter.error().code == errc::action_failed) {
    (void)dispatcher_->forgive(tenants_[one.what.number % 2], key);
    return submit(one, action);
  }
  if (!waiter) return in_.trouble("a task was refused: " + waiter.error().context);
  wishes_[waiter->value] = {one.what.number, action};
  one.waiters.insert(waiter->value);
}

void coordinator_process::try_to_end(job& one) {
  if (!one.open || one.left > 0) return;
  close(one);
  record_writer out;
  out.byte('D');
  out.number(one.what.number);
  append({out.take()}, [this, number = one.what.number](const result<void>& how) {
    auto& its = jobs_.at(number);
    if (!how) {
      its.open = true;  // once more, a little later
      return after(milliseconds(300), [this, number] { try_to_end(jobs_.at(number)); });
    }
    its.ended = true;
    std::string outputs;
    for (const auto& action : its.all.actions) outputs += as_text(as_bytes(results_.at(action.key)));
    in_.record({.what = event::kind::job_ended, .number = number, .value = hash_text(outputs)});
    in_.count("jobs ended");
  });
}

void coordinator_process::close(job& one) {
  if (!std::exchange(one.open, false)) return;
  if (one.recipes.empty()) return;
  for (const auto waiter : std::exchange(one.waiters, {})) wishes_.erase(waiter);
  if (!dispatcher_->close_job(one.index)) in_.trouble("a job could not be closed");
  for (const auto recipe : std::exchange(one.recipes, {})) dispatcher_->drop_recipe(recipe);
}

}  // namespace graphite::sim
