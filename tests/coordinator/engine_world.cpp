#include "engine_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace graphite::test {

content_ref content_of(const std::string& text) {
  return {openssl_hasher{}.sha256(as_bytes(text)), text.size()};
}

rule_spec command_rule(std::string name, std::vector<std::string> match, std::vector<std::string> outputs,
                       std::vector<std::string> inputs) {
  rule_spec rule;
  rule.name = std::move(name);
  for (const auto& pattern : match) rule.match.push_back(*glob::parse(pattern));
  rule.transform = "command";
  rule.outputs = std::move(outputs);
  rule.command.argv = {"tool", "{in}"};
  rule.command.inputs = std::move(inputs);
  return rule;
}

rule_spec copy_rule(std::string name, std::vector<std::string> match, bool publish) {
  rule_spec rule;
  rule.name = std::move(name);
  for (const auto& pattern : match) rule.match.push_back(*glob::parse(pattern));
  rule.publish = publish;
  return rule;
}

attempt_result concatenate(engine_world& world, const attempt_spec& spec) {
  attempt_result out;
  out.action = spec.action;
  out.attempt = spec.attempt;
  out.status = attempt_status::succeeded;
  std::string text;
  for (const auto& input : spec.inputs) {
    if (input.path == spec.main_input)
      text.insert(0, world.texts[input.content] + ":");
    else
      text += world.texts[input.content] + ",";
  }
  if (text.find("bad") != std::string::npos) {
    out.status = attempt_status::failed;
    out.message = "bad input";
    return out;
  }
  for (const auto& name : spec.outputs) {
    if (name.wildcard) continue;
    const auto made = spec.rule + "(" + text + ")";
    world.texts[content_of(made)] = made;
    out.outputs.push_back({path_of(name.text), content_of(made)});
  }
  std::sort(out.outputs.begin(), out.outputs.end());
  return out;
}

engine_world::engine_world(std::vector<rule_spec> rules, std::function<void(engine_options&)> adjust_options)
    : adjust(std::move(adjust_options)) {
  config.rules = std::move(rules);
  tool = [this](const attempt_spec& spec) { return concatenate(*this, spec); };
  make_engine();
}

void engine_world::make_engine() {
  engine_options options;
  options.config = std::make_shared<const project>(config);
  options.hash = std::make_shared<openssl_hasher>();
  options.jobs = 4;
  if (adjust) adjust(options);
  engine = std::make_unique<build_engine>(std::move(options));
  for (const auto where : {table::sources, table::graph})
    for (const auto& [key, value] : stored[where]) ASSERT_TRUE(engine->load_row(where, key, value));
  running.clear();
  queue_.clear();
  wake.reset();
  handle(engine->load_finished());
}

void engine_world::lose(std::set<std::string> texts_gone) {
  stored[table::action_cache].clear();
  std::set<digest> gone;
  for (const auto& text : texts_gone) gone.insert(content_of(text).id);
  handle(engine->contents_lost([&](const digest& content) { return !gone.contains(content); }, now));
}

void engine_world::restart() { make_engine(); }

void engine_world::save(std::map<std::string, std::optional<std::string>> changes, bool complete) {
  revision what;
  what.complete_scan = complete;
  for (auto& [name, text] : changes) {
    source_change change{path_of(name), std::nullopt};
    if (text) {
      texts[content_of(*text)] = *text;
      change.now = source_state{content_of(*text), {}, {}};
    }
    what.changes.push_back(std::move(change));
  }
  apply(std::move(what));
}

void engine_world::refer(const std::string& name, const std::string& text,
                         std::vector<std::string> references) {
  revision what;
  source_state state{content_of(text), {}, {}};
  texts[state.content] = text;
  for (auto& one : references) {
    scanned_reference reference;
    if (one.front() == '!') reference.required = true, one.erase(0, 1);
    if (one.front() == '@') reference.at_run = true, one.erase(0, 1);
    for (std::size_t first = 0; first <= one.size();) {
      const auto last = std::min(one.find('|', first), one.size());
      reference.candidates.push_back(path_of(one.substr(first, last - first)));
      first = last + 1;
    }
    state.references.push_back(std::move(reference));
  }
  what.changes.push_back({path_of(name), std::move(state)});
  apply(std::move(what));
}

void engine_world::apply(revision what) {
  what.id = revision_id{++revisions};
  handle(engine->apply(what, now));
}

why_report engine_world::why(const std::string& path) const {
  history_rows rows;
  while (const auto key = engine->wanted_history(path_of(path), rows)) {
    std::optional<std::string> row;
    if (const auto kept = stored.find(table::history); kept != stored.end())
      if (const auto found = kept->second.find(*key); found != kept->second.end()) row = found->second;
    rows[*key] = std::move(row);
  }
  return *engine->why(path_of(path), rows);
}

void engine_world::write(const std::vector<row_write>& rows) {
  rows_last += rows.size();
  for (const auto& row : rows) {
    auto& rows = stored[row.where];
    const auto before = rows.find(row.key);
    if (row.value && row.where == table::history && before != rows.end())
      before->second = following_row(before->second, *row.value);  // as the graph actor does
    else if (row.value)
      rows[row.key] = *row.value;
    else
      stored[row.where].erase(row.key);
  }
}

void engine_world::perform(engine_command& command) {
  using namespace engine_commands;
  if (auto* start = std::get_if<start_attempt>(&command)) {
    started.push_back(start->spec);
    running.push_back({start->spec, now + tool_time(start->spec)});
  } else if (auto* cancel = std::get_if<cancel_attempt>(&command)) {
    ++cancels;
    const auto found = std::find_if(running.begin(), running.end(), [&](const running_attempt& r) {
      return r.spec.action == cancel->action && r.spec.attempt == cancel->attempt;
    });
    ASSERT_NE(found, running.end());
    running.erase(found);
    attempt_result result;
    result.action = cancel->action;
    result.attempt = cancel->attempt;
    result.status = attempt_status::cancelled;
    handle(engine->finished(result, now));
  } else if (auto* look = std::get_if<cache_lookup>(&command)) {
    const auto& rows = stored[table::action_cache];
    const auto found = rows.find(std::string(as_text(as_bytes(look->weak_key))));
    handle(engine->cache_answer(
        look->action, look->weak_key,
        found == rows.end() ? std::nullopt : std::optional<std::string_view>(found->second), now));
  } else if (auto* show = std::get_if<publish>(&command)) {
    for (const auto& record : show->what.changes.upserts) channel.insert_or_assign(record.path.str(), record);
    for (const auto& gone : show->what.changes.removals)
      ASSERT_EQ(channel.erase(gone.str()), 1u) << gone.str();
    write(show->what.rows);
    publications.push_back({now, show->what});
    if (on_publication) on_publication();
  } else if (auto* rows = std::get_if<persist>(&command)) {
    write(rows->rows);
  } else if (auto* message = std::get_if<diagnostic>(&command)) {
    diagnostics.push_back(*message);
  } else if (auto* at = std::get_if<wake_at>(&command)) {
    wake = at->when;
  } else if (auto* settled = std::get_if<idle>(&command)) {
    idles.push_back(*settled);
  }
}

void engine_world::handle(engine_command_list commands) {
  for (auto& command : commands) queue_.push_back(std::move(command));
  if (handling_) return;
  handling_ = true;
  while (!queue_.empty()) {
    auto command = std::move(queue_.front());
    queue_.pop_front();
    perform(command);
  }
  handling_ = false;
}

void engine_world::end(std::size_t which) {
  const auto spec = running.at(which).spec;
  running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
  auto result = tool(spec);
  result.action = spec.action;
  result.attempt = spec.attempt;
  handle(engine->finished(result, now));
}

void engine_world::run_until(time_point until) {
  while (true) {
    const auto first = std::min_element(running.begin(), running.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.end, a.spec.action) < std::tuple(b.end, b.spec.action);
    });
    const bool attempt = first != running.end() && first->end <= until;
    if (wake && *wake <= until && (!attempt || *wake <= first->end)) {
      now = std::max(now, *wake);
      wake.reset();
      handle(engine->tick(now));
      continue;
    }
    if (!attempt) break;
    now = std::max(now, first->end);
    end(static_cast<std::size_t>(first - running.begin()));
  }
  now = std::max(now, until);
}

void engine_world::settle() {
  for (int i = 0; i < 10'000 && (!running.empty() || wake); ++i) {
    auto next = time_point::max();
    for (const auto& one : running) next = std::min(next, one.end);
    if (wake) next = std::min(next, *wake);
    run_until(next);
  }
}

void engine_world::start(const run_options& how) {
  auto commands = engine->run(how, now);
  ASSERT_TRUE(commands) << commands.error().context;
  handle(std::move(*commands));
}

void engine_world::build(run_options how) {
  start(how);
  settle();
  engine->rest();
}

std::vector<std::string> engine_world::stale() const {
  std::vector<std::string> out;
  for (const auto& task : engine->stale().tasks)
    out.push_back(task.path + ": " + task.reason + (task.failed ? " (failed)" : ""));
  return out;
}

std::string engine_world::shown_text(const std::string& path) const {
  const auto found = channel.find(path);
  if (found == channel.end()) return "(nothing)";
  const auto text = texts.find(found->second.parts.at(0).content);
  return text == texts.end() ? "(unknown)" : text->second;
}

std::size_t engine_world::told(const std::string& text) const {
  return static_cast<std::size_t>(std::count_if(diagnostics.begin(), diagnostics.end(), [&](const auto& d) {
    return d.message.find(text) != std::string::npos || d.path.find(text) != std::string::npos;
  }));
}

}  // namespace graphite::test
