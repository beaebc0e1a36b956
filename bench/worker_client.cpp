#include "bench/worker_client.hpp"

#include <cstring>

#include "bench/child.hpp"
#include "transforms/registry.hpp"

namespace graphite::bench {

result<void> memory_files::load(const logical_path& path, const placing& place) {
  const auto found = files.find(path.str());
  if (found == files.end()) return fail(errc::not_found, "no " + path.str());
  GRAPHITE_TRY(const auto memory, place(found->second.size()));
  if (!memory.empty()) std::memcpy(memory.data(), found->second.data(), memory.size());
  return {};
}

result<void> memory_files::take(const logical_path& path, std::span<const byte_span> parts) {
  auto& out = made[path.str()];
  out.clear();
  for (const auto part : parts) out += as_text(part);
  return {};
}

worker_client::worker_client(const std::string& programs, std::uint32_t threads)
    : pool_({.program = programs + "/graphite-worker", .environment = {}, .nice = 0, .threads = threads}) {
  if (const auto warm = pool_.warm_up(); !warm) give_up(warm.error().context);
}

result<worker_outcome> worker_client::run_once(const std::string& transform, const std::string& path,
                                               memory_files& with, const given_options& options) {
  const auto* const what = find_built_in(transform);
  if (what == nullptr) give_up("no transform " + transform);
  built_in_spec spec;
  spec.name = transform;
  spec.version = what->version;
  spec.memory_bytes_max = what->memory_bytes_max;
  spec.output_bytes_max = what->output_bytes_max;
  spec.timeout = what->timeout;
  const auto source = *logical_path::parse(path);
  auto values = option_values::make(what->options, options);
  if (!values) give_up(values.error().context);
  spec.options = std::move(*values);
  std::vector<output_name> outputs;
  for (const auto text : what->outputs) outputs.push_back(*expand_output(text, source));
  return pool_.run({spec, source, outputs}, with, cancel_token{});
}

worker_outcome worker_client::run(const std::string& transform, const std::string& path, memory_files& with,
                                  const given_options& options) {
  auto ran = run_once(transform, path, with, options);
  if (!ran && ran.error().code == errc::unavailable) ran = run_once(transform, path, with, options);
  if (!ran) give_up(ran.error().context);
  if (ran->failure) give_up(path + ": " + ran->failure->context);
  return *ran;
}

}  // namespace graphite::bench
