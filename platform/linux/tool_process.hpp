#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/cancel_token.hpp"
#include "core/messages/tools.hpp"
#include "core/ports/process_runner.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/spawn.hpp"

namespace graphite {

/// One process that is kept, with its three streams. One thread at a time. Ended, group and all, with it.
class tool_process {
 public:
  /// Starts spec.worker. Errors: not_found, permission_denied, invalid_argument, io.
  static result<std::unique_ptr<tool_process>> start(const process_spec& spec);
  ~tool_process();

  /// Whether it is what `spec` would start.
  bool fits(const process_spec& spec) const;
  /// It has ended, reads no more, or has printed something nobody asked for.
  bool is_unusable() const;

  /// Ended before: without having read any of the message.
  enum class ending { answered, ended, ended_before, timed_out, cancelled, nonsense };
  /// Sends `message` and waits for one; `answer` is set where it answered. What it prints on standard error
  /// is added to `err`, the end of it.
  ending exchange(byte_span message, duration timeout, const cancel_token& cancel, byte_vector& answer,
                  std::string& err);
  /// Adds what it has printed on standard error since; the end of it is kept.
  void take_errors(std::string& err);
  /// Waits a moment for its end: false where it has only closed its output.
  bool ends() const;
  /// Kills what is left of it, and tells how it ended as waitpid() does.
  int end();
  /// That of the process, not of those it started; none after end().
  duration processor_time() const;

 private:
  tool_process() = default;
  bool has_read_nothing(std::size_t sent) const;
  bool write_some(byte_span& left);
  enum class stream { more, empty, ended };
  stream read_some(byte_vector& into);
  static std::optional<ending> meaning_of(const byte_vector& bytes, bool all_is_sent);

  std::vector<std::string> worker_;
  std::map<std::string, std::string> environment_;
  std::uint64_t memory_bytes_max_ = 0, file_bytes_max_ = 0;
  spawned_process child_;
  owned_fd in_, out_, err_, wake_;
  int status_ = 0;
  bool reaped_ = false;
};

}  // namespace graphite
