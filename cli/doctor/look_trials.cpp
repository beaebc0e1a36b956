#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "cli/doctor/look.hpp"
#include "cli/session_sandbox.hpp"
#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/uring_io.hpp"
#include "platform/numa/placed_memory.hpp"
#include "platform/worker/worker_sandbox.hpp"

namespace graphite::doctor {

namespace {

constexpr std::uint64_t announced_bytes = 8 * MiB;

/// Runs `attempt` in a child and gives what it says; what ended the child, where it did not come to that.
std::string in_child(const std::function<std::string()>& attempt) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return errno_error(errno, "pipe").context;
  const owned_fd from(pipe[0]);
  owned_fd to(pipe[1]);
  const ::pid_t child = ::fork();
  if (child < 0) return errno_error(errno, "fork").context;
  if (child == 0) {
    const auto said = attempt() + '.';
    const bool told = ::write(to.get(), said.data(), said.size()) == static_cast<::ssize_t>(said.size());
    ::_exit(told ? 0 : 1);
  }
  to.reset();
  std::string said;
  std::array<char, 512> part{};
  for (::ssize_t n = 0; (n = ::read(from.get(), part.data(), part.size())) > 0;)
    said.append(part.data(), static_cast<std::size_t>(n));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (said.empty()) return fmt::format("a child that tried it ended with status {}", status);
  said.pop_back();
  return said;
}

std::string try_user_namespace() {
  return ::unshare(CLONE_NEWUSER) == 0 ? std::string() : errno_error(errno, "unshare").context;
}

std::string try_worker_sandbox() {
  const auto entered = enter_worker_sandbox();
  return entered ? std::string() : entered.error().context;
}

/// Runs nothing much in each tier.
std::vector<sandbox_offer> try_sandboxes() {
  std::vector<sandbox_offer> out;
  std::error_code code;
  auto folder = (std::filesystem::temp_directory_path(code) / "graphite-doctor-XXXXXX").string();
  if (code || ::mkdtemp(folder.data()) == nullptr) return out;
  linux_process_runner processes;
  const auto how = sandbox_options_for(folder, folder, {});
  for (const auto tier : sandbox_tiers) out.push_back({tier, try_sandbox(processes, tier, how, folder)});
  std::filesystem::remove_all(folder, code);
  return out;
}

}  // namespace

async_io_report look_at_async_io() {
  async_io_report out;
  if (const auto disabled = kernel_number("/proc/sys/kernel/io_uring_disabled"))
    out.disabled = static_cast<int>(*disabled);
  out.filtered = own_status("Seccomp") == "2";
  constexpr unsigned ipc_lock = 14;
  out.locked = look_at_limit(RLIMIT_MEMLOCK);
  out.lock_any = has_capability(ipc_lock);
  out.announced_bytes = announced_bytes;
  auto ring = uring_io::make({.depth = 8});
  if (!ring) {
    out.refused = ring.error().context;
    return out;
  }
  const auto pages = anonymous_pages::make(announced_bytes);
  if (!pages) return out;
  const std::array buffers{pages->bytes()};
  if (const auto done = (*ring)->announce(buffers, {}); !done) out.announce_refused = done.error().context;
  return out;
}

sandbox_report look_at_sandbox() {
  sandbox_report out;
  if (const auto mode = own_status("Seccomp"); !mode.empty()) out.seccomp_mode = std::atoi(mode.c_str());
  out.no_new_privs = own_status("NoNewPrivs") == "1";
  out.user_namespaces_refused = in_child(try_user_namespace);
  out.workers_refused = in_child(try_worker_sandbox);
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi >= 0)
    out.landlock_abi = static_cast<int>(abi);
  else
    out.landlock_refused = errno_error(errno, "landlock_create_ruleset").context;
  out.commands = try_sandboxes();
  return out;
}

}  // namespace graphite::doctor
