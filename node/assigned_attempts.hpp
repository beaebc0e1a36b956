#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/cancel_token.hpp"
#include "core/messages/control.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

/// A program of this machine that attempts may call.
struct installed_tool {
  digest what;                          ///< as it enters keys (core/tool_identity.hpp)
  std::string program;                  ///< absolute
  std::vector<std::string> files = {};  ///< absolute: all it consists of
};

/// What a coordinator assigned, as an attempt_runner takes it, and its result as a coordinator takes it.
///
/// Thread-safe; run() blocks and belongs on pool threads. Through ports only, which outlive it. Invariant: a
/// result that says `succeeded` names outputs that are durable as the store's sync() understands it, and its
/// bodies are bytes of them.
class assigned_attempts {
 public:
  struct mended {
    bool again = false;        ///< some were wrong here, and are not any more
    std::vector<digest> lost;  ///< nowhere to be had
  };
  struct ports {
    std::function<attempt_result(const attempt_spec&, const cancel_token&)> run;
    chunk_store& contents;
    const hasher& hash;
    /// Sees to it that contents of inputs are here; which of them are nowhere to be had. Errors: ours.
    std::function<result<std::vector<digest>>(std::span<const content_ref>)> fetch;
    /// The same after an attempt that could not read its inputs: each is looked at.
    std::function<result<mended>(std::span<const content_ref>)> mend;
    /// A clock that never goes back: what each step takes is told with the result. Null: it is not.
    std::function<time_point()> now = {};
  };
  struct options {
    std::map<std::string, installed_tool> tools;  ///< by name
    std::uint64_t bodies_bytes_max = 128 * KiB;   ///< of one result; more is left to the stores
  };

  assigned_attempts(ports with, options how) : ports_(std::move(with)), options_(std::move(how)) {}

  /// Always has a result; `refused` where this side is at fault (a tool is not here, the disk is full),
  /// `lost_input` where no store has what it is to read.
  control::attempt_end run(const control::recipe& how, const control::assignment& what,
                           const cancel_token& cancel) const;

 private:
  result<attempt_spec> spec_of(const control::recipe& how, const control::assignment& what) const;
  attempt_result run_with(const attempt_spec& spec, const cancel_token& cancel, time_point& fetched) const;
  time_point now() const { return ports_.now ? ports_.now() : time_point{}; }
  result<void> take_bodies(const std::vector<byte_vector>& bodies) const;
  result<std::vector<byte_vector>> bodies_of(const std::vector<attempt_output>& outputs) const;

  ports ports_;
  options options_;
};

}  // namespace graphite
