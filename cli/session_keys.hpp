#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "core/project.hpp"
#include "platform/keys/channel_signer.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "relay/chunk_service.hpp"

namespace graphite {

/// The publisher's keys of a session, read again when they change.
///
/// Owns a thread that asks each second whether a file is another. Where the keys cannot be read, those before
/// stay, the log says so, and each look tries again. Channels without a key that counts are signed no more;
/// roots, revocations and successions are in force all the same. What ends soon is told once a day.
class session_keys {
 public:
  /// Each of the project's channels needs a key. Null for no folder. Errors: permission_denied (a channel has
  /// none), those of load_publisher_keys.
  static result<std::unique_ptr<session_keys>> load(const std::string& folder, const project& of,
                                                    clock_source& clock, log_sink& log);
  ~session_keys();
  session_keys(const session_keys&) = delete;
  session_keys& operator=(const session_keys&) = delete;

  const head_signer& signer() const { return *signer_; }
  /// Those in force.
  std::shared_ptr<const publisher_keys> now() const;
  /// For the chunk port, while this lives: the list of revoked keys in force.
  std::function<chunk_service_sources::signed_list()> revocations() const;
  /// `changed` is called by the own thread after each change, until stop(). Once.
  void watch(std::function<result<void>()> changed);
  void stop();
  /// `use` is called at once with the keys in force, then by the own thread with those after each change,
  /// until stop(). Kept until the object ends, or until another takes its place.
  void on_change(std::function<void(const publisher_keys&)> use);

 private:
  session_keys(std::string folder, std::vector<std::string> channels, clock_source& clock, log_sink& log)
      : folder_(std::move(folder)), channels_(std::move(channels)), clock_(clock), log_(log) {}
  result<void> load();
  result<void> load_if_changed();
  void look();
  bool key_has_ended() const;
  void tell_refused(const publisher_keys& keys);
  void tell_silent(const publisher_keys& keys);
  void tell_ends();

  const std::string folder_;
  const std::vector<std::string> channels_;
  clock_source& clock_;
  log_sink& log_;
  mutable std::mutex mutex_;
  std::shared_ptr<const publisher_keys> keys_;
  std::unique_ptr<channel_signer> signer_;
  std::string version_;               ///< of what load() took last; from here on of the own thread alone
  std::string failure_;               ///< told last
  std::vector<std::string> refused_;  ///< told
  std::set<std::string> silent_;      ///< channels that were told of
  std::int64_t told_ends_unix_ns_ = 0;
  std::mutex using_;  ///< held while `use_` runs
  std::function<void(const publisher_keys&)> use_;
  bool stop_ = false;
  std::condition_variable stopping_;
  std::thread thread_;
};

}  // namespace graphite
