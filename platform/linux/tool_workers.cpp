#include "platform/linux/tool_workers.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <atomic>

#include "core/text_tail.hpp"
#include "platform/linux/tool_process.hpp"

namespace graphite {

namespace {

tool_work work_of(const process_spec& spec) {
  static std::atomic<std::uint64_t> last = 0;  // tells an answer from one to earlier work
  tool_work out;
  out.id = ++last;
  out.arguments = spec.argv;
  out.working_folder = spec.working_folder;
  out.temporary_folder = spec.temporary_folder;
  out.inputs = spec.inputs;
  return out;
}

constexpr const char* not_an_answer =
    "it printed something else than an answer to its work on standard output (schemas/tools.capnp)\n";

}  // namespace

tool_workers::tool_workers(process_runner& others, tool_workers_options options)
    : others_(others), options_(std::move(options)) {}

tool_workers::~tool_workers() = default;

std::unique_ptr<tool_process> tool_workers::take(const process_spec& spec) {
  const std::lock_guard lock(mutex_);
  for (auto one = idle_.begin(); one != idle_.end();) {
    if ((*one)->is_unusable()) {
      one = idle_.erase(one);
    } else if ((*one)->fits(spec)) {
      auto out = std::move(*one);
      idle_.erase(one);
      return out;
    } else {
      ++one;
    }
  }
  return nullptr;
}

void tool_workers::drop_idle(const process_spec& spec) {
  std::list<std::unique_ptr<tool_process>> dropped;  // they end when the lock is gone
  const std::lock_guard lock(mutex_);
  for (auto one = idle_.begin(); one != idle_.end();) {
    const auto next = std::next(one);
    if ((*one)->fits(spec)) dropped.splice(dropped.end(), idle_, one);
    one = next;
  }
}

void tool_workers::give_back(std::unique_ptr<tool_process> one) {
  std::unique_ptr<tool_process> oldest;
  const std::lock_guard lock(mutex_);
  idle_.push_front(std::move(one));
  if (idle_.size() <= options_.idle_max) return;
  oldest = std::move(idle_.back());
  idle_.pop_back();
}

result<process_outcome> tool_workers::run(const process_spec& spec, const cancel_token& cancel) {
  if (spec.worker.empty()) return others_.run(spec, cancel);
  process_outcome out;
  out.cancelled = cancel.cancelled();
  if (out.cancelled) return out;
  const auto work = work_of(spec);
  const auto message = options_.encode(work);
  if (message.size() > tool_message_bytes_max)
    return fail(errc::too_large, "the arguments and inputs of an action do not fit a message to its worker");
  if (auto kept = take(spec)) {
    GRAPHITE_TRY(auto done, ask(std::move(kept), spec, {work.id, message}, cancel));
    if (done.has_begun && !done.had_enough) return std::move(done.outcome);
    // One that had enough and went has not failed; what it has begun is begun anew in another folder, and by
    // a process that cannot have had enough.
    if (done.has_begun) {
      drop_idle(spec);
      return fail(errc::unavailable, spec.worker.front() + " ended well in the middle of its work");
    }
  }
  GRAPHITE_TRY(auto fresh, tool_process::start(spec));
  GRAPHITE_TRY(auto done, ask(std::move(fresh), spec, {work.id, message}, cancel));
  return std::move(done.outcome);
}

result<tool_workers::asked> tool_workers::ask(std::unique_ptr<tool_process> process, const process_spec& spec,
                                              const numbered_message& work, const cancel_token& cancel) {
  asked done;
  auto& out = done.outcome;
  const auto cpu_before = process->processor_time();
  const auto began = std::chrono::steady_clock::now();
  byte_vector reply;
  const auto how = process->exchange(work.bytes, spec.timeout, cancel, reply, out.err);
  out.wall = std::chrono::steady_clock::now() - began;
  out.cpu = process->processor_time() - cpu_before;
  using ending = tool_process::ending;
  out.timed_out = how == ending::timed_out;
  out.cancelled = how == ending::cancelled;
  if (how == ending::ended || how == ending::ended_before) {
    if (!process->ends()) out.err += "it closed a standard stream without an answer\n";
    const auto status = process->end();
    process->take_errors(out.err);
    out.err = last_lines(out.err, spec.output_bytes_max);
    done.has_begun = how == ending::ended;
    done.had_enough = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    out.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    out.unanswered = true;
    out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    out.file_too_large = spec.file_bytes_max != 0 && out.signal == SIGXFSZ;
    return done;
  }
  auto answer =
      how == ending::answered ? options_.decode(reply) : result<tool_answer>(fail(errc::corrupt, {}));
  const bool sense = answer && answer->id == work.id;
  if (how == ending::nonsense || (how == ending::answered && !sense)) out.err += not_an_answer;
  out.unanswered = !sense;
  if (!sense) return done;
  out.exit_code = answer->exit_code;
  out.out = std::move(answer->output);
  out.err = last_lines(out.err, spec.output_bytes_max);
  give_back(std::move(process));
  return done;
}

}  // namespace graphite
