#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "core/messages/tools.hpp"
#include "core/ports/process_runner.hpp"

namespace graphite {

class tool_process;

struct tool_workers_options {
  std::size_t idle_max = 16;  ///< processes that rest; the one that has rested longest goes first
  /// How messages are written and read; injected, because this folder knows no schema.
  std::function<byte_vector(const tool_work&)> encode;
  std::function<result<tool_answer>(byte_span)> decode;
};

/// Runs what has a process_spec::worker by processes that are kept: each does one piece of work after the
/// other. Everything else goes to `others`, which outlives this.
///
/// A kept process leads a group of its own, with its memory limit as that of its first work; it is ended
/// (group and all) when it prints what is no answer, is cancelled or runs out of time, and with this object;
/// the kernel ends it with the thread that started it. Its outcome says the exit code and text it answered.
/// Thread-safe. A thread that calls run() should live as long as this, else what it started is lost.
class tool_workers final : public process_runner {
 public:
  tool_workers(process_runner& others, tool_workers_options options);
  ~tool_workers() override;

  /// Errors: as linux_process_runner::run().
  result<process_outcome> run(const process_spec& spec, const cancel_token& cancel) override;

 private:
  struct numbered_message {
    std::uint64_t id = 0;
    byte_span bytes;
  };
  struct asked {
    process_outcome outcome;
    bool had_enough = false;  ///< it ended well, without an answer
    bool has_begun = true;    ///< it had read some of the message
  };
  result<asked> ask(std::unique_ptr<tool_process> process, const process_spec& spec,
                    const numbered_message& work, const cancel_token& cancel);
  std::unique_ptr<tool_process> take(const process_spec& spec);
  void give_back(std::unique_ptr<tool_process> one);
  /// Ends those at rest that would do the same work.
  void drop_idle(const process_spec& spec);

  process_runner& others_;
  const tool_workers_options options_;
  std::mutex mutex_;
  std::list<std::unique_ptr<tool_process>> idle_;  ///< the one that worked last in front
};

}  // namespace graphite
