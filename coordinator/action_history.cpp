#include "coordinator/action_history.hpp"

#include <algorithm>

#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::uint8_t history_row_version = 2, history_row_version_without_sandbox = 1;
constexpr std::size_t digest_digits = 16, components_max = 256;

std::size_t encoded_bytes(std::string_view text) { return text.size() + 2; }

std::size_t encoded_bytes(const key_component& one) {
  return encoded_bytes(one.name) + encoded_bytes(one.value);
}

std::size_t encoded_bytes(const key_difference& one) {
  return encoded_bytes(one.name) + encoded_bytes(one.before.value_or("")) +
         encoded_bytes(one.after.value_or("")) + 1;
}

const key_component* find(const std::vector<key_component>& in, std::string_view name) {
  const auto found = std::find_if(in.begin(), in.end(), [&](const auto& one) { return one.name == name; });
  return found == in.end() ? nullptr : &*found;
}

void put(record_writer& out, const key_difference& one) {
  out.bytes(one.name);
  out.byte(static_cast<std::uint8_t>((one.before ? 1 : 0) | (one.after ? 2 : 0)));
  if (one.before) out.bytes(*one.before);
  if (one.after) out.bytes(*one.after);
}

key_difference get_difference(record_reader& in) {
  key_difference one;
  one.name = in.bytes(key_component::name_bytes_max);
  const auto sides = in.byte();
  if (sides == 0 || sides > 3) in.fault();
  if ((sides & 1) != 0) one.before = in.bytes(key_component::value_bytes_max);
  if ((sides & 2) != 0) one.after = in.bytes(key_component::value_bytes_max);
  return one;
}

/// As a shell would take it, so that arguments with blanks can be told apart.
std::string quoted(const std::string& argument) {
  const bool plain = !argument.empty() && argument.find_first_of(" \t\n'\"\\$`") == std::string::npos;
  if (plain) return argument;
  std::string out = "'";
  for (const char c : argument) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

/// Keeps the first that fit.
void fit_changes(action_history& what) {
  std::size_t bytes = 0, kept = 0;
  while (kept < what.changed.size() &&
         (bytes += encoded_bytes(what.changed[kept])) <= action_history::changed_bytes_max)
    ++kept;
  what.changed_left_out += what.changed.size() - kept;
  what.changed.resize(kept);
}

}  // namespace

std::string shortened(const hasher& hash, std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  constexpr std::string_view mark = "… ";
  auto keep = max - digest_digits - mark.size();
  while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xc0) == 0x80) --keep;
  return std::string(text.substr(0, keep)) + std::string(mark) +
         to_hex(hash.sha256(as_bytes(text))).substr(0, digest_digits);
}

std::vector<key_component> components_of(const hasher& hash, const action_recipe& recipe) {
  std::vector<key_component> out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out.push_back({shortened(hash, name, key_component::name_bytes_max),
                   shortened(hash, value, key_component::value_bytes_max)});
  };
  add("transform", recipe.transform + " " + std::to_string(recipe.transform_version));
  std::string argv;
  for (const auto& one : recipe.argv) (argv.empty() ? argv : argv += ' ') += quoted(one);
  if (!argv.empty()) add(recipe.shell ? "script" : "argv", argv);
  std::string worker;
  for (const auto& one : recipe.worker) (worker.empty() ? worker : worker += ' ') += quoted(one);
  if (!worker.empty()) add("worker", worker);
  for (const auto& [name, value] : recipe.options) add("option " + name, value);
  for (const auto& [name, build] : recipe.built_with) add("built with " + name, build);
  for (const auto& one : recipe.outputs) add("output " + one, "");
  if (!recipe.depfile.empty()) add("depfile", recipe.depfile);
  for (const auto& [name, value] : recipe.environment) add("environment " + name, value);
  for (const auto& [name, tool] : recipe.tools) add("tool " + name, to_hex(tool).substr(0, digest_digits));
  add("timeout", std::to_string(recipe.timeout_ms) + " ms");
  add("memory", std::to_string(recipe.memory_bytes_max) + " bytes");
  add("platform", recipe.platform);
  add("trust domain", recipe.trust_domain);
  return out;
}

std::vector<key_difference> differences(const std::vector<key_component>& before, bool before_partial,
                                        const std::vector<key_component>& after, bool after_partial) {
  std::vector<key_difference> out;
  for (const auto& one : after) {
    const auto* old = find(before, one.name);
    if (old == nullptr && !before_partial) out.push_back({one.name, std::nullopt, one.value});
    if (old != nullptr && old->value != one.value) out.push_back({one.name, old->value, one.value});
  }
  for (const auto& one : before)
    if (!after_partial && find(after, one.name) == nullptr)
      out.push_back({one.name, one.value, std::nullopt});
  return out;
}

void fit_components(const hasher& hash, action_history& what) {
  what.cause = shortened(hash, what.cause, action_history::cause_bytes_max);
  for (auto& one : what.components) {
    one.name = shortened(hash, one.name, key_component::name_bytes_max);
    one.value = shortened(hash, one.value, key_component::value_bytes_max);
  }
  constexpr std::size_t rest_bytes = 80;
  std::size_t bytes = 0, kept = 0;
  while (kept < what.components.size() &&
         (bytes += encoded_bytes(what.components[kept])) <= action_history::components_bytes_max - rest_bytes)
    ++kept;
  if (kept == what.components.size()) return;
  record_writer rest;
  for (std::size_t i = kept; i < what.components.size(); ++i) {
    rest.bytes(what.components[i].name);
    rest.bytes(what.components[i].value);
  }
  const auto text = std::to_string(what.components.size() - kept) + ", in all " +
                    to_hex(hash.sha256(as_bytes(rest.text()))).substr(0, digest_digits);
  what.components.resize(kept);
  what.components.push_back({"further inputs", text});
  what.partial = true;
}

std::string encode(const action_history& what) {
  record_writer out;
  out.byte(history_row_version);
  out.bytes(what.reason);
  out.bytes(what.cause);
  out.number(what.revision);
  out.digest_value(what.strong);
  out.byte(what.partial ? 1 : 0);
  out.number(what.components.size());
  for (const auto& one : what.components) {
    out.bytes(one.name);
    out.bytes(one.value);
  }
  out.number(what.changed.size());
  for (const auto& one : what.changed) put(out, one);
  out.number(what.changed_left_out);
  out.byte(static_cast<std::uint8_t>(what.sandbox));
  return out.take();
}

result<action_history> decode_action_history(std::string_view bytes) {
  record_reader in(bytes);
  const auto version = in.byte();
  if (in.ok() && version > history_row_version && version < ' ')
    return fail(errc::newer_version, "a history row of version " + std::to_string(version));
  if (version > history_row_version || version < history_row_version_without_sandbox) in.fault();
  action_history out;
  out.reason = in.bytes(64);
  out.cause = in.bytes(action_history::cause_bytes_max);
  out.revision = in.number();
  out.strong = in.digest_value();
  out.partial = in.number_up_to(1) == 1;
  for (auto left = in.number_up_to(components_max); in.ok() && left > 0; --left) {
    key_component one;
    one.name = in.bytes(key_component::name_bytes_max);
    one.value = in.bytes(key_component::value_bytes_max);
    out.components.push_back(std::move(one));
  }
  for (auto left = in.number_up_to(components_max); in.ok() && left > 0; --left)
    out.changed.push_back(get_difference(in));
  out.changed_left_out = in.number();
  if (version > history_row_version_without_sandbox) {
    const auto tier = in.byte();
    if (tier > static_cast<std::uint8_t>(sandbox_tier::namespaces)) in.fault();
    out.sandbox = static_cast<sandbox_tier>(tier);
  }
  if (!in.ok() || !in.at_end()) return fail(errc::corrupt, "a damaged history row");
  return out;
}

std::string as_lines(const std::vector<key_component>& components, std::size_t bytes_max) {
  std::string out;
  for (const auto& one : components) {
    if (out.size() + one.name.size() + one.value.size() + 4 > bytes_max) break;
    out += one.name + " = " + one.value + "\n";
  }
  return out;
}

std::string following_row(const std::optional<std::string>& stored, std::string row) {
  if (!stored) return row;
  const auto before = decode_action_history(*stored);
  auto now = decode_action_history(row);
  if (!before || !now) return row;
  if (before->components == now->components && before->strong == now->strong) return *stored;
  now->changed = differences(before->components, before->partial, now->components, now->partial);
  fit_changes(*now);
  return encode(*now);
}

}  // namespace graphite
