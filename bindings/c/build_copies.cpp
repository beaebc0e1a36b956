#include "bindings/c/build_copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/logical_path.hpp"

namespace graphite::build_api {

namespace {

/// Everything that a rule says but where it says so.
std::string text_of(const rule_spec& rule) {
  std::string out =
      fmt::format("{}\n{}\n{}\n{}\n", rule.name, rule.transform, rule.publish, rule.settle.count());
  const auto add = [&](std::string_view what, const std::vector<std::string>& texts) {
    for (const auto& text : texts) out += fmt::format("{} {} {}\n", what, text.size(), text);
  };
  for (const auto& pattern : rule.match) add("match", {pattern.text()});
  for (const auto& pattern : rule.exclude) add("exclude", {pattern.text()});
  const auto& command = rule.command;
  add("argument", command.argv);
  add("input", command.inputs);
  add("output", rule.outputs);
  add("environment", command.environment);
  for (const auto& [name, value] : command.set_environment) add("set", {name, value});
  add("tool", command.tools);
  add("depfile", {command.depfile});
  out += fmt::format("{} {} {}\n", command.shell, command.timeout.count(), command.memory_bytes_max);
  for (const auto& one : rule.references) {
    add("reference", {one.pattern, one.scanner});
    add("search", one.search);
    out += fmt::format("{} {}\n", static_cast<int>(one.relative_to), one.required);
  }
  return out;
}

}  // namespace

const char** text_arena::list(const std::vector<std::string>& texts) {
  if (texts.empty()) return nullptr;
  auto& out = lists_.emplace_back();
  out.reserve(texts.size());
  for (const auto& text : texts) out.push_back(add(text));
  return out.data();
}

graphite_transform_config describe_rule(const rule_spec* rule, text_arena& texts) {
  static const rule_spec copy;
  const auto& from = rule == nullptr ? copy : *rule;
  graphite_transform_config out{};
  out.rule = texts.add(from.name);
  out.transform = texts.add(from.transform);
  out.arguments = texts.list(from.command.argv);
  out.argument_count = from.command.argv.size();
  out.inputs = texts.list(from.command.inputs);
  out.input_count = from.command.inputs.size();
  out.outputs = texts.list(from.outputs);
  out.output_count = from.outputs.size();
  out.tools = texts.list(from.command.tools);
  out.tool_count = from.command.tools.size();
  out.depfile = texts.add(from.command.depfile);
  out.shell = from.command.shell;
  out.publish = from.publish;
  out.timeout_ms = static_cast<std::uint64_t>(from.command.timeout.count());
  out.memory_bytes_max = from.command.memory_bytes_max;
  out.file = texts.add(from.where.file);
  out.line = from.where.line;
  out.key = id_of_path_text(text_of(from)).value;
  return out;
}

void give(const rule_spec* rule, graphite_transform_config& out) {
  auto texts = std::make_unique<text_arena>();
  out = describe_rule(rule, *texts);
  out.owner_ = texts.release();
}

void give(const asset_report& report, graphite_asset_state& out) {
  auto texts = std::make_unique<text_arena>();
  out = {};
  out.asset_path = texts->add(report.path);
  out.content_hash = short_hash(report.content.id);
  out.modification_time = static_cast<std::uint64_t>(std::max<std::int64_t>(report.signature.mtime_ns, 0));
  out.dependencies = texts->list(report.dependencies);
  out.dependency_count = report.dependencies.size();
  out.needs_rebuild = report.stale;
  out.failed = report.failed;
  out.dependencies_left_out = report.dependencies_left_out;
  out.size = report.content.size;
  std::memcpy(out.digest, report.content.id.bytes.data(), sizeof out.digest);
  out.kind = texts->add(report.kind);
  out.rule = texts->add(report.rule);
  out.state = texts->add(report.state);
  out.message = texts->add(report.message);
  out.owner_ = texts.release();
}

void release(void* owner) { delete static_cast<text_arena*>(owner); }

std::uint64_t short_hash(const digest& of) {
  std::uint64_t out = 0;
  for (std::size_t i = 8; i-- > 0;) out = out << 8 | of.bytes[i];
  return out;
}

}  // namespace graphite::build_api
