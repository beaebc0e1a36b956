#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/transform_options.hpp"
#include "platform/worker/worker_pool.hpp"

namespace graphite::bench {

/// Files in memory, for a worker; keeps what it made, each output's parts one after the other.
class memory_files final : public worker_exchange {
 public:
  result<void> load(const logical_path& path, const placing& place) override;
  result<void> take(const logical_path& path, std::span<const byte_span> parts) override;

  std::map<std::string, std::string> files;
  std::map<std::string, std::string> made;
};

using given_options = std::map<std::string, option_value, std::less<>>;

/// The shipped graphite-worker, used as a build uses it: one task after the other.
class worker_client {
 public:
  /// `threads`: that a task may use.
  explicit worker_client(const std::string& programs, std::uint32_t threads = 1);

  /// Has `path` of `with.files` transformed with these options, the others as they are; exits the bench where
  /// that fails. What the worker measured of it.
  /// A worker that is killed meanwhile is replaced, as a build does.
  worker_outcome run(const std::string& transform, const std::string& path, memory_files& with,
                     const given_options& options = {});
  /// The same, with the pool's error.
  result<worker_outcome> run_once(const std::string& transform, const std::string& path, memory_files& with,
                                  const given_options& options = {});
  worker_pool& pool() { return pool_; }

 private:
  worker_pool pool_;
};

}  // namespace graphite::bench
