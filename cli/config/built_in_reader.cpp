#include "cli/config/built_in_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/did_you_mean.hpp"

namespace graphite {

namespace {

constexpr milliseconds timeout_max{86'400'000};
constexpr std::uint64_t memory_bytes_min = 16 * MiB, bytes_max = 64 * GiB, output_bytes_least = 4 * KiB,
                        output_bytes_most = 2 * GiB;

/// Nothing for a date or a table: no option has one.
std::optional<option_value> value_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return option_value(flag->get());
  if (const auto* integer = node.as_integer()) return option_value(integer->get());
  if (const auto* number = node.as_floating_point()) return option_value(number->get());
  if (const auto* text = node.as_string()) return option_value(text->get());
  const auto* list = node.as_array();
  if (list == nullptr || list->size() > table_reader::list_items_max) return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& item : *list) {
    const auto* text = item.as_string();
    if (text == nullptr) return std::nullopt;
    texts.push_back(text->get());
  }
  return option_value(std::move(texts));
}

/// Each option by itself, so that every mistake is told with its place.
option_values read_options(const toml::table* table, const std::string& title,
                           const transform_description& what, mistake_list& mistakes) {
  std::map<std::string, option_value, std::less<>> given;
  std::vector<std::string_view> known;
  for (const auto& one : what.options) known.push_back(one.name);
  if (table != nullptr) {
    for (const auto& [key, node] : *table) {
      const auto spec = std::ranges::find(what.options, key.str(), &option_spec::name);
      if (spec == what.options.end()) {
        mistakes.add(
            place_of(key.source()), fmt::format("'{}' in {} has no option '{}'", what.name, title, key.str()),
            did_you_mean(key.str(), known) + fmt::format("; see `graphite transforms {}`", what.name));
        continue;
      }
      auto value = value_of(node);
      if (!value) {
        mistakes.add(place_of(node),
                     fmt::format("'{}' in {}: expected {}", key.str(), title, kind_of_option(*spec)));
        continue;
      }
      auto checked = checked_option(*spec, std::move(*value));
      if (checked)
        given.emplace(key.str(), std::move(*checked));
      else
        mistakes.add(place_of(node), fmt::format("{} in {}", checked.error().context, title),
                     fmt::format("{}: {}", spec->name, spec->help));
    }
  }
  return *option_values::make(what.options, given);
}

void read_limits(const toml::table* table, const std::string& title, mistake_list& mistakes,
                 built_in_spec& spec) {
  if (table == nullptr) return;
  table_reader limits(*table, "[rule.limits] of " + title, mistakes);
  limits.read("timeout", spec.timeout, milliseconds(1), timeout_max);
  limits.read_size("memory", spec.memory_bytes_max, memory_bytes_min, bytes_max);
  limits.read_size("output", spec.output_bytes_max, output_bytes_least, output_bytes_most);
  limits.finish();
}

}  // namespace

void read_built_in(table_reader& rule_table, const transform_description& what, mistake_list& mistakes,
                   rule_spec& rule) {
  built_in_spec spec;
  spec.name = what.name;
  spec.version = what.version;
  spec.timeout = what.timeout;
  spec.cost_ns_per_byte = what.cost_ns_per_byte;
  spec.memory_bytes_max = what.memory_bytes_max;
  spec.output_bytes_max = what.output_bytes_max;
  spec.options = read_options(rule_table.table("options"), rule_table.title(), what, mistakes);
  spec.inputs.assign(what.inputs.begin(), what.inputs.end());
  if (what.more_inputs != nullptr)
    for (auto& text : what.more_inputs(spec.options)) spec.inputs.push_back(std::move(text));
  read_limits(rule_table.table("limits"), rule_table.title(), mistakes, spec);
  if (!rule_table.has("outputs")) rule.outputs.assign(what.outputs.begin(), what.outputs.end());
  rule.references = what.references;
  rule.built_in = std::move(spec);
}

}  // namespace graphite
