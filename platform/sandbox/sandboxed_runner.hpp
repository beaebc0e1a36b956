#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/ports/process_runner.hpp"
#include "core/sandbox.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/sandbox/sandbox_view.hpp"
#include "platform/sandbox/usage_meter.hpp"

namespace graphite {

class read_listener;

/// What every action in a sandbox is bounded by, beside its rule's memory_max and timeout.
struct sandbox_limits {
  std::uint64_t processes_max = 1'024;  ///< and threads; 301 at least where the namespace bounds them
  /// In tiers where the kernel counts a user's processes all together: what he may have beside those that he
  /// had when the sandbox was made.
  std::uint64_t user_processes_more_max = 8'192;
  std::uint64_t disk_bytes_max = 16 * GiB;           ///< of all files in its scratch folder
  std::uint64_t small_disk_bytes_max = 1 * GiB;      ///< the same, of a scratch folder in memory
  std::uint64_t shared_memory_bytes_max = 64 * MiB;  ///< of its /dev/shm
  std::uint64_t memory_bytes_max =
      0;  ///< of all its processes together; zero: three quarters of the machine's
  std::size_t read_only_inputs_max = 64;  ///< further ones are copies that it can write
  milliseconds look_every{250};           ///< how often disk and memory are looked at
};

struct sandbox_options {
  std::string program;                ///< graphite-sandbox, absolute
  std::string bubblewrap;             ///< bwrap, absolute; empty: not installed
  std::vector<std::string> readable;  ///< absolute: what the project shows every tool beside the system
  hidden_folders hidden;
  sandbox_limits limits;
};

/// Runs processes in a sandbox of one tier: each sees the system, its own tools and its working folder, and
/// can write nothing but that and its temporary folder.
///
/// Thread-safe. Uses `with`, which outlives it. What the outcome's exit code is of a process that a signal
/// ended: in `bubblewrap` 128 and the signal, otherwise as without a sandbox.
class sandboxed_runner final : public process_runner {
 public:
  /// `tier` is none of `none`. Errors: unsupported (no system call filter), io.
  static result<std::unique_ptr<sandboxed_runner>> make(linux_process_runner& with, sandbox_tier tier,
                                                        sandbox_options options);
  ~sandboxed_runner() override;

  /// Errors: as linux_process_runner::run(), and action_failed (the sandbox cannot be made for this action),
  /// busy (the machine has no more namespaces).
  result<process_outcome> run(const process_spec& spec, const cancel_token& cancel) override;
  sandbox_tier tier() const { return tier_; }

 private:
  sandboxed_runner(linux_process_runner& with, sandbox_tier tier, sandbox_options options);
  sandbox_view view_of(const process_spec& spec, const std::string& program) const;
  void show_file(sandbox_view& view, const std::string& file) const;
  std::vector<std::string> arguments(const process_spec& spec, const std::string& program) const;
  usage_meter meter_of(const process_spec& spec) const;
  result<process_outcome> run_once(const process_spec& spec, const std::string& program,
                                   const cancel_token& cancel, read_listener* reads);

  linux_process_runner& with_;
  sandbox_tier tier_;
  sandbox_options options_;
  sandbox_view system_;
  owned_fd filter_, telling_filter_;
  std::uint64_t processes_max_ = 0;  ///< of this user, or in the sandbox
};

/// Whether a tier works here, by running nothing much in it: empty, or why not, for people.
std::string try_sandbox(linux_process_runner& with, sandbox_tier tier, const sandbox_options& options,
                        const std::string& scratch);

}  // namespace graphite
