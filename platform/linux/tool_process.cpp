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
#include "platform/linux/cpu_set.hpp"
#include "platform/linux/poll_wait.hpp"
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
  out->file_bytes_max_ = spec.file_bytes_max;
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
  request.file_bytes_max = spec.file_bytes_max;
  out->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!out->wake_) return fail_errno(errno, "cannot make an event");
  const unbound_thread everywhere;  // it is kept for all domains' work
  GRAPHITE_TRY(out->child_, spawn(request));
  out->in_ = std::move(in.writer);
  out->out_ = std::move(answers.reader);
  out->err_ = std::move(errors.reader);
  return out;
}

tool_process::~tool_process() {
  if (child_.pid > 0) (void)end();
}

bool tool_process::ends() const { return readable_within(child_.handle.get(), end_max); }

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
         memory_bytes_max_ == spec.memory_bytes_max && file_bytes_max_ == spec.file_bytes_max;
}

bool tool_process::is_unusable() const {
  // Of its input only that it is closed is heard.
  pollfd waits[3] = {{child_.handle.get(), POLLIN, 0}, {out_.get(), POLLIN, 0}, {in_.get(), 0, 0}};
  return ::poll(waits, 3, 0) != 0;
}

bool tool_process::write_some(byte_span& left) {
  const without_sigpipe quiet;
  const auto count = ::write(in_.get(), left.data(), left.size());
  if (count > 0) left = left.subspan(static_cast<std::size_t>(count));
  return count >= 0 || errno == EAGAIN || errno == EINTR;
}

tool_process::stream tool_process::read_some(byte_vector& into) {
  std::byte buffer[64 * KiB];
  const auto count = ::read(out_.get(), buffer, sizeof buffer);
  if (count > 0) into.insert(into.end(), buffer, buffer + count);
  if (count > 0 || (count < 0 && errno == EINTR)) return stream::more;
  return count < 0 && errno == EAGAIN ? stream::empty : stream::ended;
}

void tool_process::take_errors(std::string& err) {
  char buffer[16 * KiB];
  // What a pipe can hold, and no more: one may write faster than this reads.
  for (int i = 0; i < 8 && err_; ++i) {
    const auto count = ::read(err_.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) err_.reset();
    if (count <= 0) break;
    err.append(buffer, static_cast<std::size_t>(count));
  }
  if (err.size() > 2 * kept_error_bytes) err.erase(0, err.size() - kept_error_bytes);
}

/// What the bytes of a tool mean; nothing as long as they are the beginning of an answer.
std::optional<tool_process::ending> tool_process::meaning_of(const byte_vector& bytes, bool all_is_sent) {
  const auto length = message_length(bytes);
  if (!length) return std::nullopt;
  if (*length > tool_message_bytes_max || bytes.size() > length_bytes + *length) return ending::nonsense;
  if (bytes.size() < length_bytes + *length) return std::nullopt;
  return all_is_sent ? ending::answered : ending::nonsense;
}

tool_process::ending tool_process::exchange(byte_span message, duration timeout, const cancel_token& cancel,
                                            byte_vector& answer, std::string& err) {
  std::uint64_t earlier = 0;
  (void)!::read(wake_.get(), &earlier, sizeof earlier);  // a cancel that came too late for the work before
  const auto woken = cancel.on_cancel([wake = wake_.get()] { ::eventfd_write(wake, 1); });
  const auto sent = with_length(message);
  byte_span left = sent;
  byte_vector got;
  const auto end_now = [&] {
    return has_read_nothing(sent.size() - left.size()) ? ending::ended_before : ending::ended;
  };
  const auto deadline = time_now() + timeout;
  while (true) {
    if (cancel.cancelled()) return ending::cancelled;
    const auto rest = timeout.count() > 0 ? deadline - time_now() : duration(seconds(3600));
    if (rest.count() <= 0) return ending::timed_out;
    pollfd waits[5] = {{left.empty() ? -1 : in_.get(), POLLOUT, 0},
                       {out_.get(), POLLIN, 0},
                       {err_.get(), POLLIN, 0},
                       {wake_.get(), POLLIN, 0},
                       {child_.handle.get(), POLLIN, 0}};
    const auto milliseconds_left = std::chrono::ceil<milliseconds>(rest).count();
    if (::poll(waits, 5, static_cast<int>(std::min<std::int64_t>(milliseconds_left, 3'600'000))) < 0)
      continue;
    if (waits[2].revents != 0) take_errors(err);
    if (waits[0].revents != 0 && !write_some(left)) return end_now();
    // A process that it started may hold its output open when it is dead.
    const bool dead = waits[4].revents != 0;
    if (waits[1].revents == 0 && !dead) continue;
    auto state = read_some(got);
    while (dead && state == stream::more && got.size() <= tool_message_bytes_max) state = read_some(got);
    const auto meaning = meaning_of(got, left.empty());
    if (meaning == ending::answered) {
      got.erase(got.begin(), got.begin() + length_bytes);
      answer = std::move(got);
      take_errors(err);
    }
    if (meaning) return *meaning;
    if (dead || state == stream::ended) return end_now();
  }
}

}  // namespace graphite
