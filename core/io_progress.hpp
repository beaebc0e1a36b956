#pragma once

#include <cstdint>

#include "core/ports/async_io.hpp"

namespace graphite {

/// What becomes of one operation as the system answers: systems transfer less than they were asked to, are
/// interrupted, and fail half-way. Pure.
class io_progress {
 public:
  /// Answers in a row that moved nothing and ask for another try, after which it fails.
  static constexpr unsigned interruptions_max = 1000;

  enum class step {
    again,     ///< ask for what is left
    look,      ///< what is left cannot be asked for: looked() decides whether the file just ends there
    finished,  ///< completion() has it
  };

  explicit io_progress(const io_request& request);

  /// The system's answer: bytes moved, or a negative errno.
  step take(std::int64_t answer);
  /// After `look`: whether the file ends where the progress stands.
  void looked(bool file_ends_here);
  /// Ends it as cancelled, before the system was asked or between two questions.
  void cancel();
  /// Ends it with an error of the system that was met before this could be asked for.
  void refuse(int system_error) { fail(system_error); }

  std::size_t done() const { return completion_.bytes; }
  const io_completion& completion() const { return completion_; }

 private:
  step fail(int system_error);

  io_operation what_;
  std::size_t wanted_;
  unsigned interruptions_ = 0;
  io_completion completion_;
};

}  // namespace graphite
