#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/units.hpp"

namespace graphite {

struct line_queue_options {
  std::size_t bytes_max = 1 * MiB;               ///< that wait; a line alone may be longer
  duration last_wait = std::chrono::seconds(2);  ///< for the reader, at the end
};

/// Lines for a reader who may be slow, or not read at all: who has one to write never waits for him.
///
/// A thread of its own writes them, begun with the first. What does not fit is dropped and counted, and the
/// next line that fits learns how many were. Where the reader is gone everything is dropped. Thread-safe.
class line_queue {
 public:
  /// `fd` stays open for as long as the process lives.
  explicit line_queue(int fd, line_queue_options options = {});
  /// Gives the reader last_wait to take the rest, then leaves it.
  ~line_queue();
  line_queue(const line_queue&) = delete;
  line_queue& operator=(const line_queue&) = delete;

  /// `line` gives the text without its end, for how many were dropped since the one before. Called at once.
  /// False where it is dropped.
  bool push(const std::function<std::string(std::uint64_t dropped)>& line);

 private:
  struct shared;
  static void write_lines(const std::shared_ptr<shared>& state);

  const line_queue_options options_;
  const std::shared_ptr<shared> state_;  ///< of the thread, too, which may outlive this
  std::thread writer_;
};

}  // namespace graphite
