#include "platform/linux/tool_resolver.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/cancel_token.hpp"
#include "core/tool_identity.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/program_lookup.hpp"

namespace graphite {

namespace {

result<stat_signature> signature_of(int fd, const std::string& path) {
  const auto checked = coarse_now_ns();
  struct stat state {};
  if (::fstat(fd, &state) != 0) return fail_errno(errno, "stat " + path);
  const auto info = make_file_info(state, checked);
  if (info.kind != file_kind::regular) return fail(errc::invalid_argument, path + " is no regular file");
  return info.signature;
}

/// The bytes of a file that may be replaced (rename) but not cut while a tool: read, not mapped, so that
/// a truncation is a short read and no SIGBUS.
result<std::string> read_all(int fd, std::uint64_t size, const std::string& path) {
  std::string out(size, '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const auto count = ::read(fd, out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "read " + path);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  out.resize(done);
  return out;
}

}  // namespace

result<resolved_tool> linux_tool_resolver::resolve(const tool_spec& spec) {
  auto out = spec.how == tool_spec::kind::machine ? resolve_machine(spec) : resolve_content(spec);
  if (!out) out.error().context = fmt::format("tool '{}': {}", spec.name, out.error().context);
  return out;
}

/// A file that is data of a tool need not be executable; a program named without `/` must be.
result<std::string> linux_tool_resolver::find(const std::string& program) const {
  if (program.find('/') == program.npos) return look_up_program(program, options_.path, options_.root);
  auto path = program.starts_with('/') ? program : fmt::format("{}/{}", options_.root, program);
  if (::access(path.c_str(), F_OK) == 0) return path;
  return fail_errno(errno, path);
}

result<resolved_tool> linux_tool_resolver::resolve_content(const tool_spec& spec) {
  if (spec.paths.empty()) return fail(errc::invalid_argument, "names no file");
  resolved_tool out;
  out.name = spec.name;
  std::vector<tool_file> files;
  for (const auto& named : spec.paths) {
    GRAPHITE_TRY(auto path, find(named));
    GRAPHITE_TRY(const auto now, look_at(path));
    files.push_back({named, now.value});
    out.files.push_back({std::move(path), now.signature});
  }
  out.program = out.files.front().path;
  out.identity = content_tool_identity(spec, files, hash_);
  return out;
}

result<resolved_tool> linux_tool_resolver::resolve_machine(const tool_spec& spec) {
  if (spec.version_argv.empty()) return fail(errc::invalid_argument, "has no version command");
  const auto& named = spec.paths.empty() ? spec.version_argv.front() : spec.paths.front();
  resolved_tool out;
  out.name = spec.name;
  GRAPHITE_TRY(out.program, find(named));
  const owned_fd file(::open(out.program.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, "open " + out.program);
  GRAPHITE_TRY(const auto signature, signature_of(file.get(), out.program));
  out.files.push_back({out.program, signature});
  auto key = "version\n" + out.program;
  for (const auto& argument : spec.version_argv) key += '\n' + argument;
  if (const auto seen = look_up(key, signature)) {
    out.identity = *seen;
    return out;
  }
  GRAPHITE_TRY(out.identity, identity_by_version(spec));
  remember(key, signature, out.identity);
  return out;
}

result<digest> linux_tool_resolver::identity_by_version(const tool_spec& spec) {
  process_spec run;
  run.argv = spec.version_argv;
  run.environment = {{"PATH", options_.path}, {"LC_ALL", "C"}};
  run.working_folder = options_.root;
  run.timeout = options_.version_timeout;
  GRAPHITE_TRY(const auto outcome, processes_.run(run, cancel_token()));
  if (outcome.timed_out)
    return fail(errc::action_failed, fmt::format("'{}' did not end within {} ms", run.argv.front(),
                                                 options_.version_timeout.count()));
  if (outcome.exit_code != 0)
    return fail(errc::action_failed, fmt::format("'{}' ended with {} {}", fmt::join(run.argv, " "),
                                                 outcome.signal ? "signal" : "status",
                                                 outcome.signal ? outcome.signal : outcome.exit_code));
  return machine_tool_identity(spec, outcome.out, outcome.err, hash_);
}

result<linux_tool_resolver::known> linux_tool_resolver::look_at(const std::string& path) {
  const owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno(errno, "open " + path);
  GRAPHITE_TRY(const auto before, signature_of(file.get(), path));
  const auto key = "file\n" + path;
  if (const auto seen = look_up(key, before)) return known{before, *seen};
  if (before.size > options_.file_bytes_max)
    return fail(errc::too_large, fmt::format("{} has more than {} bytes", path, options_.file_bytes_max));
  GRAPHITE_TRY(const auto bytes, read_all(file.get(), before.size, path));
  GRAPHITE_TRY(const auto after, signature_of(file.get(), path));
  if (!before.same_file_state(after) || bytes.size() != before.size)
    return fail(errc::busy, fmt::format("{} is being written", path));
  const auto out = hash_.sha256(as_bytes(bytes));
  remember(key, before, out);
  return known{before, out};
}

std::optional<digest> linux_tool_resolver::look_up(const std::string& key, const stat_signature& now) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(key);
  if (found == known_.end() || !found->second.signature.same_file_state(now)) return std::nullopt;
  return found->second.value;
}

void linux_tool_resolver::remember(const std::string& key, const stat_signature& now, const digest& value) {
  if (!now.trusted) return;  // a later write could leave the same signature
  const std::lock_guard lock(mutex_);
  if (known_.size() >= options_.cached_max && !known_.contains(key)) known_.erase(known_.begin());
  known_[key] = {now, value};
}

}  // namespace graphite
