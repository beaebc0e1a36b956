#include "platform/worker/worker_pool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "platform/linux/c_strings.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/linux/poll_wait.hpp"
#include "platform/worker/conversation.hpp"

namespace graphite {

namespace {

constexpr std::size_t idle_max = 64;
/// Loading all libraries and warming them up is in it.
constexpr milliseconds server_answer_max{30'000};

/// The two streams of the server that are not its control socket.
result<owned_fd> stream_to(const char* path, int flags) {
  owned_fd out(::open(path, flags | O_CLOEXEC));
  if (out && out.get() < 3) out.reset(::fcntl(out.get(), F_DUPFD_CLOEXEC, 3));
  if (!out) return fail_errno(errno, fmt::format("cannot open {}", path));
  return out;
}

/// One of the tasks that run.
struct running_task {
  explicit running_task(std::atomic<std::uint32_t>& all) : count(all), running_now(++all) {}
  ~running_task() { --count; }
  running_task(const running_task&) = delete;
  running_task& operator=(const running_task&) = delete;
  std::atomic<std::uint32_t>& count;
  const std::uint32_t running_now;  ///< this one included
};

worker_pool_options checked(worker_pool_options options) {
  options.threads = std::clamp(options.threads, 1u, worker_threads_max);
  return options;
}

}  // namespace

worker_pool::worker_pool(worker_pool_options options) : options_(checked(std::move(options))) {}

worker_pool::~worker_pool() {
  idle_.clear();
  control_.reset();
  if (server_.pid <= 0) return;
  ::kill(server_.pid, SIGKILL);  // its workers go with it
  while (::waitpid(server_.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::uint64_t worker_pool::started() const {
  const std::lock_guard lock(mutex_);
  return started_;
}

result<void> worker_pool::start_server() {
  if (server_.pid > 0) {
    ::kill(server_.pid, SIGKILL);
    ::waitpid(server_.pid, nullptr, 0);
    server_ = {};
  }
  GRAPHITE_TRY(auto ends, worker_socket_pair());
  GRAPHITE_TRY(const auto out, stream_to("/dev/null", O_WRONLY));
  owned_fd err(::fcntl(2, F_DUPFD_CLOEXEC, 3));
  if (!err) err.reset(::fcntl(out.get(), F_DUPFD_CLOEXEC, 3));
  if (ends.second.get() < 3) ends.second.reset(::fcntl(ends.second.get(), F_DUPFD_CLOEXEC, 3));
  std::vector<std::string> arguments{options_.program};
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  const auto variables = environment_lines(options_.environment);
  const auto argv = c_strings(arguments), environment = c_strings(variables);
  spawn_request request;
  request.program = options_.program.c_str();
  request.argv = argv.data();
  request.environment = environment.data();
  request.working_folder = "/";
  request.in = ends.second.get();
  request.out = out.get();
  request.err = err.get();
  request.nice = options_.nice;
  auto made = spawn_server(request);
  if (!made && ::access(options_.program.c_str(), F_OK) != 0)
    return fail(errc::unavailable, fmt::format("there is no {}: it belongs beside `graphite`, or "
                                               "GRAPHITE_WORKER names it",
                                               options_.program));
  if (!made)
    return fail(errc::unavailable, fmt::format("cannot run {}: {}; it belongs beside `graphite`, or "
                                               "GRAPHITE_WORKER names it",
                                               options_.program, made.error().context));
  server_ = std::move(*made);
  control_ = std::move(ends.first);
  return {};
}

/// On the processors that its workers may use: they inherit them.
result<spawned_process> worker_pool::spawn_server(const spawn_request& request) {
  one_each_ = false;
  if (!options_.cpus.empty()) {
    const rebound_thread domain(options_.cpus);
    one_each_ = domain.bound() && options_.one_each;
    if (domain.bound()) return spawn(request);
    options_.on_unbound(domain.bound().error());
  }
  const unbound_thread everywhere;
  return spawn(request);
}

/// The lowest number, from 1, that no other worker has; it is free again when nothing holds it.
std::shared_ptr<const std::uint32_t> worker_pool::take_place() {
  auto place = std::ranges::find_if(places_, [](const auto& one) { return one.expired(); });
  if (place == places_.end()) place = places_.emplace(places_.end());
  auto number =
      std::make_shared<const std::uint32_t>(static_cast<std::uint32_t>(place - places_.begin() + 1));
  *place = number;
  return number;
}

result<std::unique_ptr<worker_process>> worker_pool::start_worker() {
  GRAPHITE_TRY(auto parts, worker_process::prepare());
  const auto place = one_each_ ? take_place() : nullptr;
  const int given[] = {parts.socket.get(), parts.inbox.get(), parts.outbox, parts.status.get()};
  GRAPHITE_CHECK(
      send_frame(control_.get(),
                 {worker_frame::kind::start, place ? *place : 0, worker_protocol, options_.threads}, given));
  if (!readable_within(control_.get(), server_answer_max))
    return fail(errc::unavailable, "the server of the workers does not answer");
  GRAPHITE_TRY(auto reply, receive_frame(control_.get()));
  const auto refusal = static_cast<int>(reply.frame.size);
  if (reply.frame.what == worker_frame::kind::started && (refusal == EPROTO || refusal == EINVAL))
    return fail(errc::unsupported, options_.program +
                                       " is of another version than the program that uses it: "
                                       "install both anew, and start services again");
  // The server is well: it has no process or descriptor to give.
  if (reply.frame.what != worker_frame::kind::started || reply.descriptors.size() != 1)
    return fail(errc::busy, errno_error(refusal == 0 ? EMFILE : refusal, "cannot start a worker").context);
  ++started_;
  parts.made->started(static_cast<pid_t>(reply.frame.offset), std::move(reply.descriptors.front()), place);
  return std::move(parts.made);
}

/// One at rest, else a fresh one.
result<std::unique_ptr<worker_process>> worker_pool::take() {
  const std::lock_guard lock(mutex_);
  while (!idle_.empty()) {
    auto one = std::move(idle_.back());
    idle_.pop_back();
    if (!one->has_ended()) return one;
  }
  if (!control_) GRAPHITE_CHECK(start_server());
  auto made = start_worker();
  if (!made && made.error().code == errc::unavailable) {  // it has died
    GRAPHITE_CHECK(start_server());
    made = start_worker();
  }
  if (made || made.error().code != errc::unavailable) return made;
  control_.reset();  // what it may still answer is not for the next one
  return fail(errc::unavailable,
              fmt::format("{} does not do what graphite-worker does ({}): is "
                          "GRAPHITE_WORKER, or what stands beside `graphite`, of this version?",
                          options_.program, made.error().context));
}

void worker_pool::give_back(std::unique_ptr<worker_process> one) {
  if (!one->rest(options_.kept_bytes) || one->tasks_done() >= options_.tasks_max) return;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < idle_max) idle_.push_back(std::move(one));
}

result<void> worker_pool::warm_up() {
  GRAPHITE_TRY(auto one, take());
  give_back(std::move(one));
  return {};
}

result<worker_outcome> worker_pool::run(const worker_task& task, worker_exchange& with,
                                        const cancel_token& cancel) {
  if (cancel.cancelled()) return fail(errc::cancelled, "cancelled before it began");
  const running_task counted(running_);
  GRAPHITE_TRY(auto one, take());
  const task_threads threads{.of_worker = options_.threads,
                             .of_task = std::max(1u, options_.threads / counted.running_now)};
  auto outcome = converse(*one, task, threads, with, cancel);
  if (outcome && !outcome->failure) give_back(std::move(one));
  return outcome;
}

}  // namespace graphite
