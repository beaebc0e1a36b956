#include "platform/linux/tool_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "platform/linux/c_strings.hpp"
#include "platform/linux/processor_time.hpp"
#include "platform/linux/program_lookup.hpp"

namespace graphite {

namespace {

constexpr std::size_t length_bytes = 4, kept_error_bytes = 64 * KiB;
/// How long a tool whose output has ended may take to end itself.
constexpr milliseconds end_max{1'000};

time_point time_now() { return std::chrono::steady_clock::now(); }

struct pipe_ends {
  owned_fd reader, writer;
};

/// Ends that are no standard streams; `ours` does not block.
result<pipe_ends> make_pipe(owned_fd pipe_ends::*ours) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  pipe_ends out{owned_fd(ends[0]), owned_fd(ends[1])};
  for (auto* one : {&out.reader, &out.writer})
    if (one->get() < 3) one->reset(::fcntl(one->get(), F_DUPFD_CLOEXEC, 3));
  if (!out.reader || !out.writer || ::fcntl((out.*ours).get(), F_SETFL, O_NONBLOCK) != 0)
    return fail_errno(errno, "pipe");
  return out;
}

/// Blocks SIGPIPE for the calling thread, and forgets one that came meanwhile: a tool may go while it is
/// written to, and whoever uses this library may not have ignored the signal.
class without_sigpipe {
 public:
  without_sigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    was_pending_ = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~without_sigpipe() {
    const timespec no_wait{};
    if (!was_pending_) ::sigtimedwait(&pipe_, nullptr, &no_wait);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

/// The length of the message that `bytes` begin with; nothing yet where there are too few.
std::optional<std::size_t> message_length(const byte_vector& bytes) {
  if (bytes.size() < length_bytes) return std::nullopt;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), length_bytes);
  return length;
}

byte_vector with_length(byte_span message) {
  byte_vector out(length_bytes + message.size());
  const auto length = static_cast<std::uint32_t>(message.size());
  std::memcpy(out.data(), &length, length_bytes);
  std::memcpy(out.data() + length_bytes, message.data(), message.size());
  return out;
}

}  // namespace

result<std::unique_ptr<tool_process>> tool_process::start(const process_spec& spec) {
  const auto path = spec.environment.find("PATH");
  const auto folders = path == spec.environment.end() ? std::string_view() : std::string_view(path->second);
  GRAPHITE_TRY(const auto program, look_up_program(spec.worker.front(), folders, spec.working_folder));
  std::unique_ptr<tool_process> out(new tool_process);
  out->worker_ = spec.worker;
  out->environment_ = spec.environment;
  out->memory_bytes_max_ = spec.memory_bytes_max;
  GRAPHITE_TRY(auto in, make_pipe(&pipe_ends::writer));
  GRAPHITE_TRY(auto answers, make_pipe(&pipe_ends::reader));
  GRAPHITE_TRY(auto errors, make_pipe(&pipe_ends::reader));
  const auto variables = environment_lines(spec.environment);
  const auto argv = c_strings(spec.worker), environment = c_strings(variables);
  spawn_request request;
  request.program = program.c_str();
  request.argv = argv.data();
  request.environment = environment.data();
  request.working_folder = "/";  // that of its first work goes
  request.in = in.reader.get();
  request.out = answers.writer.get();
  request.err = errors.writer.get();
  request.nice = spec.nice;
  request.memory_bytes_max = spec.memory_bytes_max;
  out->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!out->wake_) return fail_errno(errno, "cannot make an event");
  GRAPHITE_TRY(out->child_, spawn(request));
  out->in_ = std::move(in.writer);
  out->out_ = std::move(answers.reader);
  out->err_ = std::move(errors.reader);
  return out;
}

tool_process::~tool_process() {
  if (child_.pid > 0) (void)end();
}

bool tool_process::ends() const {
  pollfd ended{child_.handle.get(), POLLIN, 0};
  return ::poll(&ended, 1, static_cast<int>(end_max.count())) > 0;
}

int tool_process::end() {
  if (reaped_) return status_;
  ::kill(-child_.pid, SIGKILL);  // all its group; one not waited for, dead or not, still holds the number
  while (::waitpid(child_.pid, &status_, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  return status_;
}

duration tool_process::processor_time() const { return processor_time_of(child_.pid); }

bool tool_process::has_read_nothing(std::size_t sent) const {
  int unread = 0;
  return ::ioctl(in_.get(), FIONREAD, &unread) == 0 && static_cast<std::size_t>(unread) == sent;
}

bool tool_process::fits(const process_spec& spec) const {
  return worker_ == spec.worker && environment_ == spec.environment &&
         memory_bytes_max_ == spec.memory_bytes_max;
}

bool tool_process::is_unusable() const {
  pollfd waits[2] = {{child_.handle.get(), POLLIN, 0}, {out_.get(), POLLIN, 0}};
  return ::poll(waits, 2, 0) != 0;
}

bool tool_process::write_some(byte_span& left) {
  const without_sigpipe quiet;
  const auto count = ::write(in_.get(), left.data(), left.size());
  if (count > 0) left = left.subspan(static_cast<std::size_t>(count));
  return count >= 0 || errno == EAGAIN || errno == EINTR;
}

bool tool_process::read_some(byte_vector& into) {
  std::byte buffer[64 * KiB];
  const auto count = ::read(out_.get(), buffer, sizeof buffer);
  if (count > 0) into.insert(into.end(), buffer, buffer + count);
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void tool_process::drain_errors(std::string& err) {
  char buffer[16 * KiB];
  const auto count = ::read(err_.get(), buffer, sizeof buffer);
  if (count > 0) err.append(buffer, static_cast<std::size_t>(count));
  if (count == 0) err_.reset();
  if (err.size() > 2 * kept_error_bytes) err.erase(0, err.size() - kept_error_bytes);
}

tool_process::ending tool_process::exchange(byte_span message, duration timeout, const cancel_token& cancel,
                                            byte_vector& answer, std::string& err) {
  std::uint64_t earlier = 0;
  (void)!::read(wake_.get(), &earlier, sizeof earlier);  // a cancel that came too late for the work before
  const auto woken = cancel.on_cancel([wake = wake_.get()] { ::eventfd_write(wake, 1); });
  const auto sent = with_length(message);
  byte_span left = sent;
  bool reads = true;
  byte_vector got;
  const auto deadline = time_now() + timeout;
  while (true) {
    if (cancel.cancelled()) return ending::cancelled;
    const auto rest = timeout.count() > 0 ? deadline - time_now() : duration(seconds(3600));
    if (rest.count() <= 0) return ending::timed_out;
    pollfd waits[4] = {{left.empty() || !reads ? -1 : in_.get(), POLLOUT, 0},
                       {out_.get(), POLLIN, 0},
                       {err_.get(), POLLIN, 0},
                       {wake_.get(), POLLIN, 0}};
    const auto milliseconds_left = std::chrono::ceil<milliseconds>(rest).count();
    if (::poll(waits, 4, static_cast<int>(std::min<std::int64_t>(milliseconds_left, 3'600'000))) < 0)
      continue;
    if (waits[2].revents != 0) drain_errors(err);
    if (waits[0].revents != 0 && reads && !write_some(left)) reads = false;  // it may still answer
    if (waits[1].revents == 0) continue;
    if (!read_some(got))
      return has_read_nothing(sent.size() - left.size()) ? ending::ended_before : ending::ended;
    const auto length = message_length(got);
    if (!length) continue;
    if (*length > tool_message_bytes_max || got.size() > length_bytes + *length) return ending::nonsense;
    if (got.size() < length_bytes + *length) continue;
    got.erase(got.begin(), got.begin() + length_bytes);
    answer = std::move(got);
    drain_errors(err);
    return ending::answered;
  }
}

}  // namespace graphite
