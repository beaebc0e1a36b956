#include "platform/linux/process_runner.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <optional>
#include <span>

#include "core/cancel_token.hpp"
#include "platform/linux/c_strings.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/process_group.hpp"
#include "platform/linux/program_lookup.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/linux/warden.hpp"

namespace graphite {

namespace {

time_point now() { return std::chrono::steady_clock::now(); }

/// The last `max` bytes of a stream, in at most three times that memory.
class tail_buffer {
 public:
  explicit tail_buffer(std::size_t max) : max_(max) {}
  void append(const char* bytes, std::size_t count) {
    text_.append(bytes, count);
    if (text_.size() > 2 * max_ + 4096) trim();
  }
  std::string take() {
    trim();
    return std::move(text_);
  }

 private:
  void trim() {
    if (text_.size() > max_) text_.erase(0, text_.size() - max_);
  }
  std::size_t max_;
  std::string text_;
};

/// One stream of the child.
struct capture {
  owned_fd reader, writer;
  tail_buffer tail;

  explicit capture(std::size_t max) : tail(max) {}

  result<void> open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
    reader.reset(ends[0]);
    writer.reset(ends[1]);
    if (writer.get() < 3) writer.reset(::fcntl(writer.get(), F_DUPFD_CLOEXEC, 3));
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    return {};
  }

  /// Takes what is there; closes at the end of the stream. `rounds` bounds a writer that is never quiet.
  void drain(int rounds) {
    char buffer[16 * KiB];
    while (reader && rounds-- > 0) {
      const auto count = ::read(reader.get(), buffer, sizeof buffer);
      if (count > 0)
        tail.append(buffer, static_cast<std::size_t>(count));
      else if (count < 0 && errno == EINTR)
        continue;
      else if (count < 0 && errno == EAGAIN)
        return;
      else
        reader.reset();
      if (count > 0 && static_cast<std::size_t>(count) < sizeof buffer) return;
    }
  }
};

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

result<void> check(const process_spec& spec) {
  if (spec.argv.empty()) return fail(errc::invalid_argument, "the command is empty");
  for (const auto& argument : spec.argv)
    if (has_nul(argument)) return fail(errc::invalid_argument, "an argument holds a NUL byte");
  for (const auto& [name, value] : spec.environment)
    if (name.empty() || name.find('=') != name.npos || has_nul(name) || has_nul(value))
      return fail(errc::invalid_argument,
                  fmt::format("environment name or value of '{}' is not possible", name));
  if (!spec.working_folder.starts_with('/') || has_nul(spec.working_folder))
    return fail(errc::invalid_argument, "the working folder is not absolute");
  return {};
}

enum class ending { by_itself, timed_out, cancelled, over_limit };

/// Waits until the process ends, taking its output, or there is a reason to end it.
class watch_loop {
 public:
  watch_loop(spawned_process& child, capture& out, capture& err, int wake, std::optional<time_point> deadline,
             const run_extras& more)
      : child_(child), out_(out), err_(err), wake_(wake), deadline_(deadline), more_(more) {
    if (more.look) next_look_ = now() + more.look_every;
  }

  ending run(const cancel_token& cancel) {
    while (true) {
      if (cancel.cancelled()) return ending::cancelled;
      if (deadline_ && now() >= *deadline_) return ending::timed_out;
      if (is_over_limit()) return ending::over_limit;
      pollfd waits[4] = {{child_.handle.get(), POLLIN, 0},
                         {wake_, POLLIN, 0},
                         {out_.reader.get(), POLLIN, 0},  // -1 after its end: ignored by poll
                         {err_.reader.get(), POLLIN, 0}};
      if (wait(waits) < 0) continue;
      if (waits[2].revents) out_.drain(rounds_max);
      if (waits[3].revents) err_.drain(rounds_max);
      if (waits[0].revents) return ending::by_itself;
    }
  }

  /// After run(): what was too much.
  std::string over_limit() { return std::move(over_); }

 private:
  static constexpr int rounds_max = 16;

  bool is_over_limit() {
    if (!next_look_ || now() < *next_look_) return false;
    over_ = more_.look(child_.pid);
    next_look_ = now() + more_.look_every;
    return !over_.empty();
  }

  int wait(std::span<pollfd> waits) const {
    auto until = deadline_;
    if (next_look_ && (!until || *next_look_ < *until)) until = next_look_;
    if (!until) return ::ppoll(waits.data(), waits.size(), nullptr, nullptr);
    const auto left = std::max(duration(0), *until - now()).count();
    const timespec limit{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    return ::ppoll(waits.data(), waits.size(), &limit, nullptr);
  }

  spawned_process& child_;
  capture &out_, &err_;
  int wake_;
  std::optional<time_point> deadline_, next_look_;
  const run_extras& more_;
  std::string over_;
};

duration of(const timeval& time) { return seconds(time.tv_sec) + microseconds(time.tv_usec); }

/// Our own peak: a child of vfork starts with it on its account, so a smaller figure says nothing.
long own_peak_kib() {
  rusage own{};
  ::getrusage(RUSAGE_SELF, &own);
  return own.ru_maxrss;
}

void describe(process_outcome& out, int status, const rusage& used) {
  out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  out.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  out.file_too_large = out.signal == SIGXFSZ || out.exit_code == 128 + SIGXFSZ;  // as a shell tells it
  out.cpu = of(used.ru_utime) + of(used.ru_stime);
  if (used.ru_maxrss > own_peak_kib())
    out.memory_bytes_peak = static_cast<std::uint64_t>(used.ru_maxrss) * KiB;
}

class slot_guard {
 public:
  explicit slot_guard(group_warden& of) : of_(of), slot_(of.take()) {}
  ~slot_guard() {
    if (slot_) of_.give_back(slot_);
  }
  std::atomic<pid_t>* get() const { return slot_; }

 private:
  group_warden& of_;
  std::atomic<pid_t>* slot_;
};

/// The descriptors of one run.
struct streams {
  owned_fd null, wake;
  capture out, err;

  explicit streams(std::size_t max) : out(max), err(max) {}

  result<void> open() {
    null.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (null && null.get() < 3) null.reset(::fcntl(null.get(), F_DUPFD_CLOEXEC, 3));
    wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!null || !wake) return fail_errno(errno, "cannot open the streams of a process");
    GRAPHITE_CHECK(out.open());
    return err.open();
  }
};

/// Copies of `descriptors` that lie above the numbers they get.
result<std::vector<owned_fd>> movable(const std::vector<int>& descriptors) {
  std::vector<owned_fd> out;
  const int least = 3 + static_cast<int>(descriptors.size());
  for (const int one : descriptors) {
    out.emplace_back(::fcntl(one, F_DUPFD_CLOEXEC, least));
    if (!out.back()) return fail_errno(errno, "cannot hand on a descriptor");
  }
  return out;
}

result<spawned_process> start(const process_spec& spec, const std::string& program, streams& with,
                              std::atomic<pid_t>* slot, const run_extras& more) {
  GRAPHITE_TRY(const auto copies, movable(more.descriptors));
  std::vector<int> others;
  for (const auto& one : copies) others.push_back(one.get());
  const auto variables = environment_lines(spec.environment);
  const auto argv = c_strings(spec.argv), environment = c_strings(variables);
  spawn_request request;
  request.program = program.c_str();
  request.argv = argv.data();
  request.environment = environment.data();
  request.working_folder = spec.working_folder.c_str();
  request.in = with.null.get();
  request.out = with.out.writer.get();
  request.err = with.err.writer.get();
  request.nice = spec.nice;
  request.memory_bytes_max = spec.memory_bytes_max;
  request.file_bytes_max = spec.file_bytes_max;
  request.others = others.data();
  request.others_count = static_cast<int>(others.size());
  request.group_slot = slot;
  auto child = spawn(request);
  with.out.writer.reset();
  with.err.writer.reset();
  return child;
}

/// Kills what is left of the group, then takes the leader's account.
result<void> finish(const spawned_process& child, std::atomic<pid_t>* slot, duration limit,
                    process_outcome& out) {
  ::kill(-child.pid, SIGKILL);  // the leader still holds the number, so it can be nobody else's
  slot->store(0);
  int status = 0;
  rusage used{};
  pid_t reaped;
  while ((reaped = ::wait4(child.pid, &status, 0, &used)) < 0 && errno == EINTR) {
  }
  if (reaped < 0) return fail_errno(errno, "the exit status of a process was taken by somebody else");
  describe(out, status, used);
  return await_group_end(child.pid, limit);
}

}  // namespace

linux_process_runner::linux_process_runner(linux_process_options options)
    : options_(options), warden_(std::make_unique<group_warden>(options.running_max, options.warden)) {}

linux_process_runner::~linux_process_runner() = default;

result<process_outcome> linux_process_runner::run(const process_spec& spec, const cancel_token& cancel) {
  return run(spec, cancel, {});
}

result<process_outcome> linux_process_runner::run(const process_spec& spec, const cancel_token& cancel,
                                                  const run_extras& more) {
  GRAPHITE_CHECK(check(spec));
  const auto path = spec.environment.find("PATH");
  const auto folders = path == spec.environment.end() ? std::string_view() : std::string_view(path->second);
  GRAPHITE_TRY(const auto program, look_up_program(spec.argv.front(), folders, spec.working_folder));
  process_outcome out;
  if (cancel.cancelled()) {
    out.cancelled = true;
    return out;
  }
  const slot_guard slot(*warden_);
  if (!slot.get()) return fail(errc::busy, fmt::format("{} processes run already", options_.running_max));
  streams with(spec.output_bytes_max);
  GRAPHITE_CHECK(with.open());
  const auto begin = now();
  GRAPHITE_TRY(auto child, start(spec, program, with, slot.get(), more));
  const auto woken = cancel.on_cancel([wake = with.wake.get()] { ::eventfd_write(wake, 1); });
  std::optional<time_point> deadline;
  if (spec.timeout.count() > 0) deadline = begin + spec.timeout;
  watch_loop loop(child, with.out, with.err, with.wake.get(), deadline, more);
  const auto how = loop.run(cancel);
  out.over_limit = loop.over_limit();
  out.timed_out = how == ending::timed_out;
  out.cancelled = how == ending::cancelled;
  GRAPHITE_CHECK(finish(child, slot.get(), options_.group_end_max, out));
  out.wall = now() - begin;
  with.out.drain(64);
  with.err.drain(64);
  out.out = with.out.tail.take();
  out.err = with.err.tail.take();
  return out;
}

}  // namespace graphite
