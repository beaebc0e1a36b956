#include "coordinator/action_key.hpp"

#include <algorithm>

#include "bundle/asset.hpp"
#include "core/record_codec.hpp"

namespace graphite {

namespace {

// Bump when the meaning of a key changes: old rows are then simply never found.
constexpr std::string_view key_format = "graphite action key 2";
constexpr std::uint8_t cache_row_version = 4, cache_row_version_without_sandbox = 3,
                       cache_row_version_without_parts = 2, cache_row_version_without_use = 1;

void put(record_writer& out, std::string_view tag, std::string_view value) {
  out.bytes(tag);
  out.bytes(value);
}

digest hash_text(const hasher& hash, const record_writer& text) { return hash.sha256(as_bytes(text.text())); }

void put_content(record_writer& out, const named_input& input) {
  out.bytes(input.path);
  out.content(input.content);
}

}  // namespace

digest recipe_key(const hasher& hash, const action_recipe& recipe) {
  record_writer out;
  put(out, "format", key_format);
  put(out, "transform", recipe.transform);
  out.number(recipe.transform_version);
  out.number(recipe.argv.size());
  for (const auto& argument : recipe.argv) put(out, "argv", argument);
  for (const auto& argument : recipe.worker) put(out, "worker", argument);
  put(out, "shell", recipe.shell ? "1" : "0");
  for (const auto& [name, value] : recipe.options) put(out, "option " + name, value);
  for (const auto& [name, build] : recipe.built_with) put(out, "built with " + name, build);
  put(out, "depfile", recipe.depfile);
  out.number(recipe.environment.size());
  for (const auto& [name, value] : recipe.environment) put(out, name, value);
  out.number(recipe.tools.size());
  for (const auto& [name, tool] : recipe.tools) put(out, name, as_text(as_bytes(tool)));
  put(out, "platform", recipe.platform);
  put(out, "trust domain", recipe.trust_domain);
  out.number(recipe.outputs.size());
  for (const auto& output : recipe.outputs) put(out, "output", output);
  out.number(recipe.timeout_ms);
  out.number(recipe.memory_bytes_max);
  return hash_text(hash, out);
}

digest weak_key(const hasher& hash, const digest& recipe, const std::vector<named_input>& exact,
                const std::vector<std::string>& globs) {
  record_writer out;
  put(out, "format", key_format);
  out.digest_value(recipe);
  out.number(exact.size());
  for (const auto& input : exact) put_content(out, input);
  out.number(globs.size());
  for (const auto& text : globs) out.bytes(text);
  return hash_text(hash, out);
}

digest strong_key(const hasher& hash, const digest& weak, const path_set& set,
                  const std::vector<digest>& values) {
  GRAPHITE_INVARIANT(set.size() == values.size());
  record_writer out;
  put(out, "format", key_format);
  out.digest_value(weak);
  for (std::size_t i = 0; i < set.size(); ++i) {
    out.byte(static_cast<std::uint8_t>(set[i].what));
    out.bytes(set[i].text);
    out.digest_value(values[i]);
  }
  return hash_text(hash, out);
}

digest listing_digest(const hasher& hash, const std::vector<named_input>& matches) {
  record_writer out;
  put(out, "format", key_format);
  for (const auto& match : matches) put_content(out, match);
  return hash_text(hash, out);
}

digest names_digest(const hasher& hash, const std::set<std::string>& paths) {
  record_writer out;
  put(out, "format", key_format);
  for (const auto& path : paths) out.bytes(path);
  return hash_text(hash, out);
}

std::string cache_row_key(const digest& weak) { return std::string(as_text(as_bytes(weak))); }

void cache_row::add(cached_result what) {
  std::erase_if(results, [&](const cached_result& r) { return r.strong == what.strong; });
  results.insert(results.begin(), std::move(what));
  if (results.size() > results_max) results.resize(results_max);
}

bool cache_row::use(const digest& strong, std::uint64_t unix_ms) {
  const auto at = std::find_if(results.begin(), results.end(),
                               [&](const cached_result& one) { return one.strong == strong; });
  if (at == results.end()) return false;
  // A stamp from the future, by a clock that was wrong, is put right.
  const bool fresh = at->used_unix_ms <= unix_ms && unix_ms - at->used_unix_ms < use_step_ms;
  if (fresh && at == results.begin()) return false;
  at->used_unix_ms = unix_ms;
  std::rotate(results.begin(), at, at + 1);
  return true;
}

namespace {

void encode_result(record_writer& out, const cached_result& one) {
  out.digest_value(one.strong);
  out.number(one.set.size());
  for (const auto& entry : one.set) {
    out.byte(static_cast<std::uint8_t>(entry.what));
    out.bytes(entry.text);
  }
  out.number(one.outputs.size());
  for (const auto& output : one.outputs) {
    out.bytes(output.path.str());
    out.content(output.content);
    out.contents(output.parts);
  }
  out.number(one.wall_ns);
  out.number(one.cpu_ns);
  out.bytes(std::string_view(one.provenance).substr(0, cache_row::provenance_bytes_max));
  out.number(one.used_unix_ms);
  out.byte(static_cast<std::uint8_t>(one.sandbox));
}

void decode_set(record_reader& in, path_set& set) {
  const auto entries = in.number_up_to(cache_row::entries_max);
  for (std::uint64_t i = 0; in.ok() && i < entries; ++i) {
    path_set_entry entry;
    const auto kind = in.byte();
    if (kind > 2) in.fault();
    entry.what = static_cast<path_set_entry::kind>(kind);
    entry.text = in.bytes(64 * KiB);
    if (!set.empty() && !(set.back() < entry)) in.fault();
    set.push_back(std::move(entry));
  }
}

void decode_outputs(record_reader& in, std::uint8_t version, std::vector<attempt_output>& outputs) {
  const auto count = in.number_up_to(cache_row::outputs_max);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    auto path = logical_path::parse(in.bytes(logical_path::bytes_max));
    const auto content = in.content();
    std::vector<content_ref> parts;
    if (version > cache_row_version_without_parts) parts = in.contents(asset_record::parts_max);
    if (!in.ok() || !path || (!outputs.empty() && !(outputs.back().path < *path))) return in.fault();
    outputs.push_back({std::move(*path), content, std::move(parts)});
  }
}

cached_result decode_result(record_reader& in, std::uint8_t version) {
  cached_result one;
  one.strong = in.digest_value();
  decode_set(in, one.set);
  decode_outputs(in, version, one.outputs);
  one.wall_ns = in.number();
  one.cpu_ns = in.number();
  one.provenance = in.bytes(cache_row::provenance_bytes_max);
  if (version > cache_row_version_without_use) one.used_unix_ms = in.number();
  if (version > cache_row_version_without_sandbox) {
    const auto tier = in.byte();
    if (tier > static_cast<std::uint8_t>(sandbox_tier::namespaces)) in.fault();
    one.sandbox = static_cast<sandbox_tier>(tier);
  }
  return one;
}

}  // namespace

std::string encode(const cache_row& row) {
  record_writer out;
  out.byte(cache_row_version);
  out.number(row.results.size());
  for (const auto& one : row.results) encode_result(out, one);
  return out.take();
}

result<cache_row> decode_cache_row(std::string_view bytes) {
  if (bytes.size() > cache_row::bytes_max) return fail(errc::corrupt, "an action cache row is over 16 MiB");
  record_reader in(bytes);
  const auto version = in.byte();
  if (in.ok() && version > cache_row_version)
    return fail(errc::newer_version, "an action cache row of a newer version");
  cache_row row;
  const auto count = in.number_up_to(cache_row::results_max);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) row.results.push_back(decode_result(in, version));
  if (!in.ok() || !in.at_end() || version < cache_row_version_without_use)
    return fail(errc::corrupt, "an action cache row is damaged");
  return row;
}

}  // namespace graphite
