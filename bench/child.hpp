#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace graphite::bench {

/// A running program that prints one JSON object a line. Ended (SIGTERM, then SIGKILL) by its destructor.
class child {
 public:
  /// Starts `argv`; standard error goes to `log_path`. Exits the bench with a message where that fails.
  child(const std::vector<std::string>& argv, const std::string& log_path);
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  int out() const { return out_; }
  pid_t pid() const { return pid_; }
  /// Reads what is there without waiting and hands over each complete line's object. False at the end.
  bool drain(const std::function<void(const nlohmann::json&)>& on_event);
  /// Waits for the program's end; its exit code, or -1 for a signal.
  int wait();

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  std::string pending_;
};

/// Waits until `accept(index, event)` was true once for every child, at most `deadline_s` seconds; exits the
/// bench with `what` where it was not.
void wait_for_all(const std::vector<child*>& children,
                  const std::function<bool(std::size_t index, const nlohmann::json&)>& accept,
                  const std::string& what, double deadline_s = 120);
void wait_for_all(const std::vector<std::unique_ptr<child>>& children,
                  const std::function<bool(std::size_t index, const nlohmann::json&)>& accept,
                  const std::string& what, double deadline_s = 120);

/// Waits for one event of a program, and returns it; as above.
nlohmann::json wait_for(child& one, const std::string& event, double deadline_s = 120);

/// Runs `argv` to its end and returns its last JSON line; exits the bench with its log where it failed.
nlohmann::json run_json(const std::vector<std::string>& argv, const std::string& log_path);

/// Writes a file at once (open, write, close).
void write_file(const std::string& path, const std::string& bytes);
/// `count` pseudo-random bytes.
std::string random_bytes(std::size_t count, std::uint64_t seed);
[[noreturn]] void give_up(const std::string& text);

}  // namespace graphite::bench
