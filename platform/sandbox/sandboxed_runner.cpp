#include "platform/sandbox/sandboxed_runner.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/cancel_token.hpp"
#include "core/path_text.hpp"
#include "platform/linux/c_strings.hpp"
#include "platform/linux/program_lookup.hpp"
#include "platform/sandbox/call_filter.hpp"
#include "platform/sandbox/read_listener.hpp"
#include "platform/sandbox/sandbox_report.hpp"
#include "platform/sandbox/usage_meter.hpp"

namespace graphite {

namespace {

using kind = view_part::kind;

/// A file in memory that holds variables as graphite-sandbox takes them.
result<owned_fd> file_of(const std::map<std::string, std::string>& environment) {
  std::string text;
  for (const auto& line : environment_lines(environment)) text.append(line).push_back('\0');
  owned_fd out(::memfd_create("graphite-environment", MFD_CLOEXEC));
  if (!out || ::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, "cannot hand on an environment");
  return out;
}

std::string_view mode_of(sandbox_tier tier) {
  switch (tier) {
    case sandbox_tier::namespaces:
      return "namespaces";
    case sandbox_tier::bubblewrap:
      return "inner";
    case sandbox_tier::landlock:
      return "landlock";
    default:
      return "limits";
  }
}

/// All processes and threads that this user has now.
std::uint64_t processes_of_user() {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  std::uint64_t out = 0;
  while (const dirent* const entry = proc ? ::readdir(proc.get()) : nullptr) {
    struct stat state {};
    const auto tasks = fmt::format("/proc/{}/task", entry->d_name);
    const bool is_process = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    // Two links are the folder's own.
    if (is_process && ::stat(tasks.c_str(), &state) == 0 && state.st_uid == ::geteuid() && state.st_nlink > 2)
      out += state.st_nlink - 2;
  }
  return out;
}

std::uint64_t default_memory_bytes_max() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 4 * 3;
}

/// The program that a script begins with; empty where it is none.
std::string interpreter_of(const std::string& file) {
  const owned_fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  const auto size = opened ? ::read(opened.get(), text.data(), text.size() - 1) : -1;
  std::string_view line(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!line.starts_with("#!")) return {};
  line = line.substr(2, line.find('\n') - 2);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  line = line.substr(0, line.find_first_of(" \t\r"));
  return line.starts_with('/') ? std::string(line) : std::string();
}

/// Whether something is there that the tool was not shown. What every program looks for and does without is
/// left out.
bool is_hidden(const std::string& path, const sandbox_view& view) {
  for (const std::string_view one : {"/etc", "/proc", "/sys", "/dev", "/run", "/tmp", "/var"})
    if (is_at_or_below(path, one)) return false;
  std::error_code code;
  const auto real = std::filesystem::canonical(path, code).string();
  return !code && !std::filesystem::is_directory(real, code) && !shows(view, path) && !shows(view, real);
}

void show(sandbox_view& view, const std::string& path) {
  if (!shows(view, path)) view.push_back({kind::read, path, path});
}

struct status_pipe {
  owned_fd reader, writer;

  static result<status_pipe> open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno(errno, "pipe");
    return status_pipe{owned_fd(ends[0]), owned_fd(ends[1])};
  }

  std::string text() {
    writer.reset();
    std::string out(4 * KiB, '\0');
    const auto size = ::read(reader.get(), out.data(), out.size());
    out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return out;
  }
};

}  // namespace

sandboxed_runner::sandboxed_runner(linux_process_runner& with, sandbox_tier tier, sandbox_options options)
    : with_(with), tier_(tier), options_(std::move(options)), system_(system_view()) {
  auto& limits = options_.limits;
  if (limits.memory_bytes_max == 0) limits.memory_bytes_max = default_memory_bytes_max();
  processes_max_ =
      has_namespaces(tier) ? limits.processes_max : processes_of_user() + limits.user_processes_more_max;
}

sandboxed_runner::~sandboxed_runner() = default;

result<std::unique_ptr<sandboxed_runner>> sandboxed_runner::make(linux_process_runner& with,
                                                                 sandbox_tier tier, sandbox_options options) {
  GRAPHITE_INVARIANT(tier != sandbox_tier::none);
  std::unique_ptr<sandboxed_runner> out(new sandboxed_runner(with, tier, std::move(options)));
  if (!hides_files(tier)) return out;
  GRAPHITE_TRY(out->filter_, make_call_filter({tier, false}));
  GRAPHITE_TRY(out->telling_filter_, make_call_filter({tier, true}));
  return out;
}

void sandboxed_runner::show_file(sandbox_view& view, const std::string& file) const {
  std::error_code code;
  const auto real = std::filesystem::canonical(file, code).string();
  if (code) return;
  for (auto& part : tool_view(view, file, real, options_.hidden)) view.push_back(std::move(part));
}

sandbox_view sandboxed_runner::view_of(const process_spec& spec, const std::string& program) const {
  const auto& temporary = spec.temporary_folder;
  const bool own_root = has_namespaces(tier_);
  auto out = system_;
  if (own_root && !temporary.empty()) out.push_back({kind::write, temporary, "/tmp"});
  if (own_root && temporary.empty()) out.push_back({kind::memory, {}, "/tmp"});
  for (const auto& path : options_.readable) show(out, path);
  out.push_back({kind::write, spec.working_folder, spec.working_folder});
  if (!temporary.empty()) out.push_back({kind::write, temporary, temporary});
  std::size_t read_only = own_root ? options_.limits.read_only_inputs_max : 0;
  for (const auto& input : spec.inputs) {
    if (read_only-- == 0) break;
    const auto path = spec.working_folder + "/" + input.path;
    out.push_back({kind::read, path, path});
  }
  show_file(out, program);
  if (const auto interpreter = interpreter_of(program); !interpreter.empty()) show_file(out, interpreter);
  for (const auto& file : spec.readable) show_file(out, file);
  return out;
}

std::vector<std::string> sandboxed_runner::arguments(const process_spec& spec,
                                                     const std::string& program) const {
  auto view = hides_files(tier_) ? view_of(spec, program) : sandbox_view();
  std::vector<std::string> out;
  const auto add = [&](std::initializer_list<std::string> more) { out.insert(out.end(), more); };
  const auto add_view = [&] {
    for (auto& one : to_arguments(view)) out.push_back(std::move(one));
  };
  if (tier_ == sandbox_tier::bubblewrap) {
    add({options_.bubblewrap, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc",
         "--unshare-uts", "--unshare-cgroup-try", "--as-pid-1", "--die-with-parent", "--new-session",
         "--cap-drop", "ALL"});
    view.push_back({kind::read, options_.program, "/run/graphite-sandbox"});
    add_view();
    add({"--remount-ro", "/", "--remount-ro", "/proc", "--chdir", spec.working_folder, "--",
         "/run/graphite-sandbox", "inner"});
  } else {
    add({options_.program, std::string(mode_of(tier_))});
    add_view();
  }
  add({"--chdir", spec.working_folder, "--processes", std::to_string(processes_max_), "--memory-bytes",
       std::to_string(options_.limits.shared_memory_bytes_max)});
  return out;
}

result<process_outcome> sandboxed_runner::run(const process_spec& spec, const cancel_token& cancel) {
  if (spec.argv.empty()) return fail(errc::invalid_argument, "the command is empty");
  const auto path = spec.environment.find("PATH");
  const auto folders = path == spec.environment.end() ? std::string_view() : std::string_view(path->second);
  GRAPHITE_TRY(const auto program, look_up_program(spec.argv.front(), folders, spec.working_folder));
  if (!spec.tells_reads || !telling_filter_) return run_once(spec, program, cancel, nullptr);
  GRAPHITE_TRY(const auto reads, read_listener::start());
  auto out = run_once(spec, program, cancel, reads.get());
  auto heard = reads->stop();
  if (!out) return out;
  const auto view = view_of(spec, program);
  for (const auto& one : heard)
    if (is_hidden(one, view)) out->hidden.push_back(one);
  out->reads = std::move(heard);
  return out;
}

result<process_outcome> sandboxed_runner::run_once(const process_spec& spec, const std::string& program,
                                                   const cancel_token& cancel, read_listener* reads) {
  GRAPHITE_TRY(auto status, status_pipe::open());
  process_spec outer;
  run_extras more;
  outer.argv = arguments(spec, program);
  const auto hand_on = [&](const char* name, int descriptor) {
    outer.argv.insert(outer.argv.end(), {name, std::to_string(3 + more.descriptors.size())});
    more.descriptors.push_back(descriptor);
  };
  hand_on("--status", status.writer.get());
  const auto& filter = reads != nullptr ? telling_filter_ : filter_;
  if (filter) hand_on("--filter", filter.get());
  if (reads != nullptr) hand_on("--reads", reads->socket());
  owned_fd variables;
  if (tier_ == sandbox_tier::bubblewrap) {
    // bwrap is not to load what a rule names for its tool.
    GRAPHITE_TRY(variables, file_of(spec.environment));
    hand_on("--environment", variables.get());
  } else {
    outer.environment = spec.environment;
  }
  outer.argv.insert(outer.argv.end(), {"--", program});
  outer.argv.insert(outer.argv.end(), spec.argv.begin(), spec.argv.end());
  outer.working_folder = spec.working_folder;
  outer.timeout = spec.timeout;
  outer.memory_bytes_max = spec.memory_bytes_max;
  outer.file_bytes_max = spec.file_bytes_max;
  outer.output_bytes_max = spec.output_bytes_max;
  outer.nice = spec.nice;
  const auto meter = meter_of(spec);
  more.look = [&meter](pid_t process) { return meter.look(process); };
  more.look_every = options_.limits.look_every;
  GRAPHITE_TRY(auto out, with_.run(outer, cancel, more));
  const auto said = read_sandbox_report(status.text());
  if (said.first_process > 0) await_namespace_end(said.first_process);
  if (said.failure) return tl::unexpected(*said.failure);
  out.sandbox = tier_;
  return out;
}

usage_meter sandboxed_runner::meter_of(const process_spec& spec) const {
  const auto& limits = options_.limits;
  std::vector<std::string> folders{spec.working_folder};
  if (!spec.temporary_folder.empty()) folders.push_back(spec.temporary_folder);
  const bool small = spec.file_bytes_max != 0;
  return usage_meter({small ? limits.small_disk_bytes_max : limits.disk_bytes_max, limits.memory_bytes_max},
                     std::move(folders));
}

}  // namespace graphite
