#include <algorithm>

#include "coordinator/engine_state.hpp"

// Whether something is up to date, and what is not.

namespace graphite {

using impl = engine_impl;

/// What `a` is directly made of or refers to; of a source that a rule takes, what the rule reads beside it.
std::vector<artefact_index> impl::made_of(artefact_index a) const {
  const auto by = main_action[a];
  if (by == no_index) return needs(a);
  auto out = input_artefacts(by);
  std::erase(out, a);
  return out;
}

artefact_index impl::file_behind(artefact_index a) const {
  for (auto by = nodes.producer(a); by != no_index; by = nodes.producer(a)) a = nodes.main_input(by);
  return a;
}

/// Whether a build would run something for `a`, or show it differently.
bool impl::is_stale(artefact_index a) const {
  const auto open = [&](action_index by) {
    return by != no_index && actions[by].phase != action_phase::clean;
  };
  const auto changed = [&](artefact_index one) { return dirty.count(one) != 0; };
  if (changed(a) || held(a) || open(nodes.producer(a))) return true;
  const auto taken_by = main_action[a];
  if (taken_by == no_index) return false;
  const auto outputs = nodes.outputs(taken_by);
  return open(taken_by) || std::any_of(outputs.begin(), outputs.end(), changed);
}

void impl::tell_action(action_index a, asset_report& into) const {
  if (a == no_index) return;
  if (into.rule.empty()) into.rule = rule_of(a).name;
  into.broken = into.broken || actions[a].broken;
  const auto text = failures.find(a);
  if (text == failures.end() || into.failed) return;
  into.failed = true;
  into.message = text->second;
}

void impl::tell_shown(artefact_index a, asset_report& into) const {
  if (into.failed || dirty.count(a) == 0) return;
  const auto want = wanted(a);
  into.failed = want.is == wanted_asset::state::failed;
  into.message = want.message;
}

/// A source that nobody has ever been able to read.
static asset_report never_read(const std::string& path, const std::string& why) {
  asset_report out;
  out.path = path;
  out.kind = "source";
  out.stale = out.failed = true;
  out.state = "could not be read";
  out.message = why;
  return out;
}

result<asset_report> build_engine::describe(const logical_path& path) const {
  const auto& impl = *impl_;
  const auto unread = impl.unread.find(path.str());
  if (unread != impl.unread.end() && impl.nodes.find(path.str()) == no_index)
    return never_read(path.str(), unread->second);
  GRAPHITE_TRY(const auto a, impl.known(path));
  asset_report out;
  out.path = path.str();
  out.kind = impl.kind_text(a);
  out.stale = impl.is_stale(a) || unread != impl.unread.end();
  if (out.kind == "missing" && !out.stale)
    return fail(errc::not_found, "no source or asset " + path.str() + ", though something refers to it");
  const auto by = impl.nodes.producer(a), taken_by = impl.main_action[a];
  out.content = impl.nodes.content(a);
  out.source = impl.path(impl.file_behind(a));
  out.signature = impl.signatures[impl.file_behind(a)];
  if (by == no_index && impl.rules[a] != no_rule) out.rule = impl.config.rules[impl.rules[a]].name;
  out.state = by == no_index && taken_by != no_index ? impl::phase_text(impl.actions[taken_by].phase)
                                                     : impl.state_text(a);
  if (unread != impl.unread.end())
    out.failed = true, out.message = unread->second, out.state = "could not be read";
  impl.tell_action(by, out);
  impl.tell_action(taken_by, out);
  impl.tell_shown(a, out);
  for (const auto one : impl.made_of(a)) {
    if (out.dependencies.size() < asset_report::dependencies_max)
      out.dependencies.push_back(impl.path(one));
    else
      ++out.dependencies_left_out;
  }
  std::sort(out.dependencies.begin(), out.dependencies.end());
  return out;
}

stale_task impl::copy_task(artefact_index a) const {
  using state = wanted_asset::state;
  stale_task out;
  out.path = path(a);
  if (rules[a] != no_rule) out.rule = config.rules[rules[a]].name;
  const auto want = wanted(a);
  out.failed = want.is == state::failed;
  if (out.failed)
    out.reason = want.message;
  else if (want.is == state::building)
    out.reason = "being written";
  else if (const auto d = dirty.find(a); d == dirty.end() || !d->second.shown)
    out.reason = "not shown yet";
  else
    out.reason = want.is == state::gone ? "gone" : "changed";
  return out;
}

stale_task impl::task_of(artefact_index main) const {
  const auto a = main_action[main];
  if (a == no_index) return copy_task(main);
  stale_task out;
  out.path = path(main);
  const auto& st = actions[a];
  out.rule = rule_of(a).name;
  out.failed = st.phase == action_phase::failed;
  if (out.failed) {
    out.reason = failures.at(a);
  } else if (st.phase == action_phase::clean) {
    out.reason = "made already, not shown yet";
  } else {
    out.reason = reason_text(st.why);
    if (st.why_artefact != no_index) out.reason += " " + path(st.why_artefact);
  }
  return out;
}

namespace {

/// Puts what needs one another in an order in which it can be done. Not recursive: chains may be long.
class needs_first {
 public:
  /// `before` gives what must be done before its argument.
  explicit needs_first(std::function<std::vector<artefact_index>(artefact_index)> before)
      : before_(std::move(before)) {}

  void add(artefact_index one) {
    enter(one);
    while (!open_.empty()) {
      auto& top = open_.back();
      if (top.before.empty()) {
        order_.push_back(top.at);
        open_.pop_back();
        continue;
      }
      const auto next = top.before.back();
      top.before.pop_back();
      enter(next);
    }
  }
  std::vector<artefact_index> take() { return std::move(order_); }

 private:
  struct frame {
    artefact_index at;
    std::vector<artefact_index> before;
  };
  /// Once for each: so a cycle ends, too.
  void enter(artefact_index one) {
    if (seen_.insert(one).second) open_.push_back({one, before_(one)});
  }

  std::function<std::vector<artefact_index>(artefact_index)> before_;
  std::set<artefact_index> seen_;
  std::vector<frame> open_;
  std::vector<artefact_index> order_;
};

}  // namespace

/// What rules are to be applied to and what is only to be shown, each after all that it needs, else by path.
std::vector<artefact_index> impl::stale_mains() const {
  std::set<std::string> starts;
  for (action_index a = 0; a < actions.size(); ++a)
    if (nodes.live(a) && actions[a].phase != action_phase::clean) starts.insert(path(nodes.main_input(a)));
  for (const auto& [a, shown] : dirty) {
    const auto by = nodes.producer(a);
    starts.insert(path(by == no_index ? a : nodes.main_input(by)));
  }
  needs_first order([this](artefact_index main) {
    std::vector<artefact_index> before;
    if (main_action[main] == no_index) return before;
    for (const auto input : input_artefacts(main_action[main])) {
      const auto by = nodes.producer(input);
      if (by != no_index && actions[by].phase != action_phase::clean) before.push_back(nodes.main_input(by));
    }
    std::ranges::sort(before, std::greater{},
                      [this](artefact_index a) { return path(a); });  // taken from the end
    return before;
  });
  for (const auto& start : starts) order.add(nodes.find(start));
  return order.take();
}

stale_list build_engine::stale(std::size_t most) const {
  stale_list out;
  const auto add = [&](stale_task one) {
    if (out.tasks.size() < most)
      out.tasks.push_back(std::move(one));
    else
      ++out.left_out;
  };
  for (const auto main : impl_->stale_mains()) add(impl_->task_of(main));
  for (const auto& [path, why] : impl_->unread) {
    const auto a = impl_->nodes.find(path);
    const bool told = a != no_index && (impl_->dirty.count(a) != 0 || impl_->main_action[a] != no_index);
    if (!told) add({path, {}, "could not be read: " + why, true});
  }
  return out;
}

}  // namespace graphite
