#include "platform/sandbox/sandbox_report.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

constexpr int end_ms_max = 5'000;
constexpr std::size_t head_bytes = 1 + sizeof(int);

bool is_shortage(int number) {
  for (const int one : {EAGAIN, ENOMEM, ENOSPC, EUSERS, EMFILE, ENFILE})
    if (number == one) return true;
  return false;
}

error setup_failure(int number, std::string_view what) {
  const auto text = errno_error(number, fmt::format("the sandbox could not be made: {}", what)).context;
  return {is_shortage(number) ? errc::busy : errc::action_failed, text};
}

error start_failure(int number, std::string_view program) {
  if (number == ENOEXEC)
    return {errc::invalid_argument,
            fmt::format("{} is no program: a script needs a first line like #!/bin/sh", program)};
  if (number == ENOENT)
    return {errc::not_found,
            fmt::format(
                "the interpreter of {} does not exist, or is not shown in the sandbox: name its folder in "
                "sandbox_read",
                program)};
  return errno_error(number, fmt::format("execve {} in the sandbox", program));
}

/// Whether this is the first process of a namespace below ours: its number could be another's by now.
bool is_first_of_namespace(pid_t process) {
  const owned_fd file(::open(fmt::format("/proc/{}/status", process).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(4 * KiB, '\0');
  const auto size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto at = text.find("NSpid:");
  const auto line = at == text.npos ? std::string() : text.substr(at, text.find('\n', at) - at);
  return line.ends_with("\t1") && line.find('\t') != line.rfind('\t');
}

}  // namespace

sandbox_report read_sandbox_report(std::string_view bytes) {
  sandbox_report out;
  while (bytes.size() >= head_bytes) {
    int number = 0;
    std::memcpy(&number, bytes.data() + 1, sizeof number);
    const char letter = bytes.front();
    bytes.remove_prefix(head_bytes);
    if (letter == 'P') {
      out.first_process = number > 0 ? number : 0;
      continue;
    }
    // The last word: its text is all the rest.
    if (letter == 'S') out.failure = setup_failure(number, bytes);
    if (letter == 'X') out.failure = start_failure(number, bytes);
    return out;
  }
  return out;
}

void await_namespace_end(pid_t first) {
  const owned_fd handle(static_cast<int>(::syscall(SYS_pidfd_open, first, 0u)));
  if (!handle || !is_first_of_namespace(first)) return;
  pollfd end{handle.get(), POLLIN, 0};
  (void)::poll(&end, 1, end_ms_max);
}

}  // namespace graphite
