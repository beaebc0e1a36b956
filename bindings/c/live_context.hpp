#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "bindings/c/feed.hpp"
#include "bindings/c/internal.hpp"
#include "platform/linux/owned_fd.hpp"
#include "runtime/crash_guard.hpp"
#include "runtime/handle_table.hpp"
#include "runtime/live_bundle.hpp"
#include "runtime/unused_places.hpp"

namespace graphite::c_api {

/// graphite_hot_reload_config with its strings.
struct live_config {
  explicit live_config(const graphite_hot_reload_config& from);

  graphite_hot_reload_config raw;  ///< its strings are not to be used
  std::string watch_directory, bundle_path, state_directory;
};

/// What a graphite_hot_reload_context is: the pure live_bundle with its lock, clock and callbacks.
///
/// Two locks: `feeding_` keeps those who bring generations apart, while they read and compare; `state_` is
/// held for moments, and never during a callback.
class live_context final : public feed_host {
 public:
  /// Errors: invalid_argument, out_of_memory, io.
  static result<std::unique_ptr<live_context>> make(live_config config);
  ~live_context();
  live_context(const live_context&) = delete;
  live_context& operator=(const live_context&) = delete;

  const live_config& config() const { return config_; }
  const graphite_atomic_bundle& bundle() const { return bundle_; }
  int descriptor() const { return news_fd_.get(); }

  // ---- the feed's side; any thread

  void start(std::unique_ptr<generation_feed> feed) { feed_ = std::move(feed); }
  result<offered> offer(byte_span head, std::shared_ptr<const bundle_files> files, bool verified) override;
  /// Memory for the time of an offer.
  struct staging_memory {
    std::span<std::byte> contents;  ///< as in generation::verify_since
    std::pmr::memory_resource* lists = library_memory();
    duration opened_in{};    ///< what it took already
    bool first_too = false;  ///< verifies all of the first generation: else that is believed, as
                             ///< graphite_bundle_open() does
  };
  /// The same for one that is open.
  result<offered> offer(std::shared_ptr<generation> next, bool verified, const staging_memory& staging);
  time_point upkeep() override;
  void arrived(std::span<const asset_id> ids, bool here) override;
  void ended(error why) override;
  void note_failure(const error& why) override;
  log_sink& log() override { return library_log(); }

  // ---- the program's side

  /// `shut_down`: a callback asked for it, and it is due now.
  graphite_result poll(std::uint64_t budget_ns, std::size_t* left, bool& shut_down);
  graphite_result wait(std::uint64_t version, duration timeout);
  /// True where it may be destroyed now; else poll() says so when it returns.
  bool may_shut_down();
  graphite_result open_handle(std::uint64_t id, std::uint64_t& out);
  void close_handle(std::uint64_t handle);
  const handle_table& handles() const { return handles_; }
  std::size_t generations(graphite_generation_info* out, std::size_t capacity) const;
  graphite_result roll_back(std::uint32_t steps);
  graphite_result resume();
  graphite_result want(std::span<const asset_id> ids);
  graphite_result wait_for(asset_id id, duration timeout);
  void note_missing() { missing_.fetch_add(1, std::memory_order_relaxed); }
  void statistics(graphite_statistics& out) const;

 private:
  explicit live_context(live_config config);
  void load_record();
  /// Lets `state` go while it writes.
  void keep_record(std::unique_lock<std::mutex>& state);
  std::string record_path() const;
  result<live_bundle::carried> show(const shown_ref& next, live_bundle::known_changes known, bool going_back);
  void note_unused(const generation& before, const change_set& changes);
  void collect();
  void tell(const live_event& event);
  void news();
  std::optional<graphite_result> readable(asset_id id) const;
  void report_held_pins(time_point now);

  const live_config config_;
  graphite_atomic_bundle bundle_{};
  owned_fd news_fd_;

  std::mutex feeding_, recording_;
  mutable std::mutex state_;  ///< guards all below but atomics
  std::condition_variable changed_;
  std::optional<live_bundle> live_;
  handle_table handles_;
  std::optional<crash_guard> guard_;
  unused_places unused_;
  std::deque<std::uint64_t> arrived_;
  std::set<std::uint64_t> unavailable_;  ///< on demand: asked for in vain; bounded as arrived_
  std::optional<error> ended_;
  time_point staged_at_{};  ///< what waits for poll()
  bool stopping_ = false;
  graphite_statistics counts_{};
  std::set<std::pair<std::uint64_t, std::uint32_t>> reported_pins_;
  time_point next_pin_report_{};

  std::atomic<bool> has_news_{false}, polling_{false}, shutdown_asked_{false};
  std::atomic<std::uint64_t> missing_{0};
  std::unique_ptr<generation_feed> feed_;  ///< the last member: ends first
};

/// Follows a folder, or a file that is replaced.
std::unique_ptr<generation_feed> follow_folder(live_context& context);

}  // namespace graphite::c_api

/// The C type.
struct graphite_hot_reload_context {
  std::unique_ptr<graphite::c_api::live_context> live;
  std::uint32_t forks = graphite::c_api::forks();  ///< of the process that made it
  /// False in a child of fork(): its thread is not there, and who has its locks may not be either.
  bool is_of_this_process() const { return forks == graphite::c_api::forks(); }
};
