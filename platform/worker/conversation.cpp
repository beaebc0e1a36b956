#include "platform/worker/conversation.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "platform/linux/poll_wait.hpp"
#include "platform/worker/helper_threads.hpp"
#include "platform/worker/task_codec.hpp"
#include "platform/worker/worker_loop.hpp"

namespace graphite {

namespace {

using frame_kind = worker_frame::kind;

/// A task that waits for a loaded machine's processor is given this many times its limit.
constexpr int patience = 20;
constexpr std::uint64_t answer_bytes_max = 64 * MiB;
/// Different files that one task may ask for.
constexpr std::size_t wants_max = 65'536;
/// How long a worker that said its last may take to end, and the server to tell of it: both may have to wait
/// for a loaded machine's processor.
constexpr milliseconds end_max{1'000}, told_max{30'000};

time_point present() { return std::chrono::steady_clock::now(); }

/// How a worker that ended by itself or was ended by the kernel is told of.
std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return fmt::format(
        "the worker crashed ({}) while it had this file: it is probably broken in a way that the "
        "decoder does not expect",
        ::strsignal(WTERMSIG(status)));
  return fmt::format("the worker ended by itself with exit code {}", WEXITSTATUS(status));
}

class conversation {
 public:
  conversation(worker_process& worker, const worker_task& task, const task_threads& threads,
               worker_exchange& with, const cancel_token& cancel)
      : worker_(worker), task_(task), threads_(threads), with_(with), cancel_(cancel) {}

  result<worker_outcome> run() {
    const auto wake = cancel_.on_cancel([this] { worker_.wake(); });
    const auto began = present();
    cpu_before_ = worker_.processor_time();
    auto outcome = talk();
    if (outcome) {
      outcome->wall = present() - began;
      outcome->cpu = std::max(duration(0), worker_.processor_time() - cpu_before_);
    }
    return outcome;
  }

 private:
  static worker_outcome failed(errc code, std::string why) {
    worker_outcome out;
    out.failure = error{code, std::move(why)};
    return out;
  }

  result<worker_outcome> talk() {
    const auto sent = worker_.limit_memory(memory_bytes_max()).and_then([this] { return send_task(); });
    if (!sent && sent.error().code == errc::unavailable) return ended();
    if (!sent) return tl::unexpected(sent.error());
    deadline_ = present() + soonest(task_.what.timeout);
    latest_ = present() + patience * duration(task_.what.timeout);
    while (true) {
      GRAPHITE_TRY(const bool said, await());
      if (!said) return failed(errc::action_failed, over_time());
      const auto heard = receive_frame(worker_.socket());
      if (!heard) return heard.error().code == errc::unavailable ? ended() : nonsense();
      const auto& frame = heard->frame;
      if (frame.what == frame_kind::done) return done(frame);
      if (frame.what != frame_kind::want) return nonsense();
      GRAPHITE_TRY(const bool sense, bring(frame));
      if (!sense) return nonsense();
    }
  }

  /// Its threads' stacks are not the rule's affair.
  std::uint64_t memory_bytes_max() const {
    const auto wanted = task_.what.memory_bytes_max;
    return wanted == 0 ? 0 : wanted + (threads_.of_worker - 1) * helper_threads::stack_bytes;
  }

  static worker_outcome nonsense() {
    return failed(errc::action_failed,
                  "the worker does not keep to the protocol: its input may have taken it over");
  }

  std::string over_time() const {
    return fmt::format("it took more than {} s of processor time (the rule's 'timeout')",
                       std::chrono::duration<double>(task_.what.timeout).count());
  }

  result<void> send_task() {
    encoded_task out;
    out.transform = task_.what.name;
    out.version = task_.what.version;
    out.options = task_.what.options;
    out.path = task_.path.str();
    out.outputs = task_.outputs;
    out.output_bytes_max = task_.what.output_bytes_max;
    out.threads = threads_.of_task;
    GRAPHITE_TRY(out.main, load(task_.path));
    brought_[task_.path] = out.main;
    const auto text = encode(out);
    GRAPHITE_TRY(const auto where, worker_.place(text.size()));
    std::memcpy(where.bytes.data(), text.data(), text.size());
    return send_frame(worker_.socket(), {frame_kind::task, 0, where.offset, text.size()});
  }

  result<memory_range> load(const logical_path& path) {
    memory_range out;
    const auto place = [&](std::uint64_t bytes) -> result<std::span<std::byte>> {
      GRAPHITE_TRY(const auto where, worker_.place(bytes));
      out = {where.offset, bytes};
      return where.bytes;
    };
    GRAPHITE_CHECK(with_.load(path, place));
    return out;
  }

  /// When all of its threads can have used as much processor time at the soonest.
  duration soonest(duration processor_time) const {
    return std::max<duration>(processor_time / threads_.of_worker, milliseconds(1));
  }

  /// Whether the task has used up its time; moves the deadline to when to look next.
  bool out_of_time() {
    const auto used = worker_.processor_time() - cpu_before_;
    if (used >= task_.what.timeout || present() >= latest_) return true;
    deadline_ = std::min(latest_, present() + soonest(task_.what.timeout - used));
    return false;
  }

  /// Waits until the worker says something, if only that it has ended; false when it has used up its time.
  result<bool> await() {
    while (true) {
      if (cancel_.cancelled()) {
        worker_.kill();
        return fail(errc::cancelled, "cancelled while the transform ran");
      }
      // Before the wait, so that one who always has something to say is out of time, too.
      if (present() >= deadline_ && out_of_time()) return false;
      pollfd waits[2] = {{worker_.socket(), POLLIN, 0}, {worker_.wake_descriptor(), POLLIN, 0}};
      const auto left = std::chrono::ceil<milliseconds>(deadline_ - present()).count();
      const auto ready = ::poll(waits, 2, static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
      if (ready < 0 && errno != EINTR) return fail_errno(errno, "cannot wait for a worker");
      if (ready > 0 && waits[0].revents != 0) return true;
    }
  }

  /// The worker has closed its socket. How it ended only the server knows: what it says itself may be a lie.
  result<worker_outcome> ended() const {
    bool by_us = false;
    if (!readable_within(worker_.status_descriptor(), end_max)) {
      by_us = !worker_.is_dead();  // it has only closed its socket
      worker_.kill();
      if (!readable_within(worker_.status_descriptor(), told_max))
        return fail(errc::unavailable, "the server of the workers does not tell how one ended");
    }
    const auto status = read_status(worker_.status_descriptor());
    if (!status) return tl::unexpected(status.error());
    // One that was about to end kept its own way to do so.
    if (by_us && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL) return nonsense();
    return exited(*status);
  }

  result<worker_outcome> exited(int status) const {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
      return fail(errc::unavailable, "the worker was killed from outside; is memory short?");
    if (WIFEXITED(status) && WEXITSTATUS(status) == worker_exit::no_sandbox)
      return fail(errc::unsupported,
                  "this kernel or container allows no system call filter (seccomp), so no worker may run");
    return failed(errc::action_failed, how_it_ended(status));
  }

  /// Brings a file the worker wants; false where what it says makes no sense.
  result<bool> bring(const worker_frame& frame) {
    if (frame.size > logical_path::bytes_max) return false;
    const auto text = worker_.in_outbox(frame.offset, frame.size);
    if (!text) return false;
    const auto path = logical_path::parse(std::string(as_text(*text)));
    if (!path) return false;
    auto known = brought_.find(*path);
    if (known == brought_.end()) {
      if (brought_.size() == wants_max) return false;
      const auto loaded = load(*path);
      if (!loaded && loaded.error().code != errc::not_found) return tl::unexpected(loaded.error());
      known = brought_.emplace(*path, loaded ? std::optional(*loaded) : std::nullopt).first;
    }
    const auto& found = known->second;
    const auto answer =
        found ? worker_frame{frame_kind::file, 0, found->offset, found->size}
              : worker_frame{frame_kind::no_file, 0, static_cast<std::uint64_t>(errc::not_found), 0};
    const auto sent = send_frame(worker_.socket(), answer);
    // One that has ended meanwhile is heard of; one that asks and does not read makes no sense.
    return sent || sent.error().code == errc::unavailable;
  }

  result<worker_outcome> done(const worker_frame& frame) {
    if (frame.size > answer_bytes_max) return nonsense();
    const auto text = worker_.in_outbox(frame.offset, frame.size);
    if (!text) return nonsense();
    const auto answer = decode_answer(std::string(as_text(*text)));
    if (!answer) return nonsense();
    if (answer->failed) {
      auto out = failed(checked_code(answer->code), answer->text);
      out.memory_bytes_peak = answer->memory_bytes_peak;
      return out;
    }
    // Whatever the number of threads: it need not have been looked at in time.
    if (worker_.processor_time() - cpu_before_ >= task_.what.timeout)
      return failed(errc::action_failed, over_time());
    std::vector<std::pair<logical_path, std::vector<byte_span>>> made;
    std::uint64_t sum = 0;
    for (const auto& asset : answer->assets) {
      auto path = logical_path::parse(asset.path);
      if (!path || asset.parts.empty()) return nonsense();
      auto& parts = made.emplace_back(std::move(*path), std::vector<byte_span>{}).second;
      for (const auto& part : asset.parts) {
        const auto bytes = worker_.in_outbox(part.offset, part.size);
        if (!bytes || (sum += part.size) > task_.what.output_bytes_max) return nonsense();
        parts.push_back(*bytes);
      }
    }
    for (const auto& [path, parts] : made) GRAPHITE_CHECK(with_.take(path, parts));
    worker_outcome out;
    out.warnings = answer->text;
    out.memory_bytes_peak = answer->memory_bytes_peak;
    return out;
  }

  /// What a transform may say of its input.
  static errc checked_code(std::uint16_t code) {
    for (const auto known :
         {errc::corrupt, errc::invalid_argument, errc::too_large, errc::not_found, errc::unsupported})
      if (static_cast<std::uint16_t>(known) == code) return known;
    return errc::action_failed;
  }

  worker_process& worker_;
  const worker_task& task_;
  const task_threads& threads_;
  worker_exchange& with_;
  const cancel_token& cancel_;
  duration cpu_before_{};
  time_point deadline_{};  ///< when to look at its processor time
  time_point latest_{};
  /// What it asked for, and where it is; nothing: it is not there.
  std::map<logical_path, std::optional<memory_range>> brought_;
};

}  // namespace

result<worker_outcome> converse(worker_process& worker, const worker_task& task, const task_threads& threads,
                                worker_exchange& with, const cancel_token& cancel) {
  return conversation(worker, task, threads, with, cancel).run();
}

}  // namespace graphite
