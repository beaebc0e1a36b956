#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "cli/command_line.hpp"
#include "cli/doctor/look.hpp"
#include "cli/worker_program.hpp"
#include "core/cancel_token.hpp"
#include "kernels/simd_target.hpp"
#include "platform/worker/worker_pool.hpp"
#include "transforms/registry.hpp"

namespace graphite::doctor {

namespace {

constexpr std::string_view small_text = "{ \"a\": 1 }", small_result = "{\"a\":1}";

/// Gives a task its one small text and keeps what is made of it.
class small_exchange final : public worker_exchange {
 public:
  result<void> load(const logical_path&, const placing& place) override {
    GRAPHITE_TRY(auto memory, place(small_text.size()));
    std::memcpy(memory.data(), small_text.data(), small_text.size());
    return {};
  }
  result<void> take(const logical_path&, std::span<const byte_span> parts) override {
    for (const auto& part : parts) taken_.insert(taken_.end(), part.begin(), part.end());
    return {};
  }
  bool as_expected() const { return as_text(taken_) == small_result; }

 private:
  byte_vector taken_;
};

result<built_in_spec> small_task() {
  const auto* const what = find_built_in("text");
  if (what == nullptr) return fail(errc::unsupported, "this build has no transform 'text'");
  built_in_spec out;
  out.name = what->name;
  out.version = what->version;
  out.timeout = what->timeout;
  out.memory_bytes_max = what->memory_bytes_max;
  out.output_bytes_max = what->output_bytes_max;
  GRAPHITE_TRY(out.options, option_values::make(what->options, {}));
  return out;
}

result<void> try_worker(const std::string& program) {
  GRAPHITE_TRY(const auto spec, small_task());
  GRAPHITE_TRY(const auto path, logical_path::parse("doctor.json"));
  const std::vector<output_name> outputs{{"doctor.min.json"}};
  worker_pool workers({.program = program, .environment = worker_environment(caller_environment())});
  small_exchange exchange;
  const cancel_token never;
  GRAPHITE_TRY(const auto outcome, workers.run({spec, path, outputs}, exchange, never));
  if (outcome.failure) return tl::unexpected(*outcome.failure);
  return exchange.as_expected() ? result<void>()
                                : fail(errc::corrupt, "it made something else than expected");
}

}  // namespace

program_report look_at_programs() {
  program_report out{.version = program_version};
  if (::utsname names{}; ::uname(&names) == 0) {
    out.kernel = names.release;
    out.architecture = names.machine;
  }
  for (const auto name : simd_targets()) out.simd.emplace_back(name);
  if (const char* const forced = std::getenv("GRAPHITE_SIMD"); forced != nullptr && *forced != '\0')
    out.forced_simd = forced;
  out.worker = worker_program();
  out.worker_there = ::access(out.worker.c_str(), X_OK) == 0;
  if (!out.worker_there) return out;
  if (const auto done = try_worker(out.worker); !done) out.worker_refused = done.error().context;
  return out;
}

}  // namespace graphite::doctor
