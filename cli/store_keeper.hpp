#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/store_port.hpp"
#include "cli/store_traffic.hpp"
#include "core/messages/control.hpp"
#include "core/ports/key_value_store.hpp"
#include "platform/store/segment_store.hpp"
#include "relay/store_upkeep.hpp"

namespace graphite {

/// What a store does by itself, beside answering: it keeps within its bound (relay/store_ledger), sees to it
/// that others have what they should (relay/store_upkeep), looks at contents that somebody has found wrong,
/// and follows which keys are revoked.
///
/// What somebody needs is asked of the coordinator: without its answer nothing goes and nothing is copied.
/// Owns three threads, so that none of these waits for another. Thread-safe.
class store_keeper {
 public:
  struct ports {
    store_port& port;  ///< with `keeping`; that and what follows outlives it
    segment_store& contents;
    key_value_store& rows;  ///< when contents were used, for a later process
    store_traffic& others;  ///< to the other stores, without this one, from `contents`; asks always
    const hasher& hash;
    clock_source& clock;
    log_sink& log;
    /// To the coordinator; may be lost.
    std::function<void(control::need_question)> ask;
    std::function<void(const control::store_state&)> tell;
    std::function<role_trust()> trust = {};  ///< in force now; null: a port without keys
  };
  struct options {
    std::string self;  ///< as its traffic calls it (store_traffic::set_stores)
    store_upkeep::options upkeep = {};
    duration tick = seconds(1);
    duration answer_within = seconds(10);
    duration tell_every = seconds(2);
    duration write_uses_every = std::chrono::minutes(2);
    duration look_for_losses_every = seconds(10);
  };
  store_keeper(ports with, options chosen);
  ~store_keeper();
  store_keeper(const store_keeper&) = delete;
  store_keeper& operator=(const store_keeper&) = delete;

  /// What the coordinator says. Any thread.
  void use(const control::settings& said);
  void answered(const control::need_answer& said);
  control::store_state state();

 private:
  struct counted {
    std::uint64_t dropped = 0, dropped_bytes = 0, damaged = 0;
  };
  using work = bool (store_keeper::*)();

  void run(const char* name, work what);
  bool follow();
  bool care();
  bool look_after();

  // Of the thread that cares for what is here.
  result<void> load();
  void write_uses();
  void look_at_doubted();
  void look_for_losses();
  bool collect();
  std::uint64_t drop(std::span<const digest> contents, milliseconds age);
  std::vector<digest> elsewhere(const std::vector<content_ref>& needed);
  result<void> free_segments();

  std::optional<control::need_answer> needed(const std::vector<content_ref>& contents);
  bool bring(const std::vector<content_ref>& contents);
  bool sleep(duration most);
  std::int64_t now_ms() const { return with_.clock.unix_ns() / 1'000'000; }

  const ports with_;
  const options options_;
  std::mutex mutex_;  ///< of all that follows, but for what is of one thread
  std::condition_variable wake_;
  bool stopping_ = false, loaded_ = false;
  store_upkeep upkeep_;
  std::size_t copies_ = 1;
  counted counted_;
  std::optional<control::need_answer> answer_;
  std::uint64_t asked_ = 0;
  std::mutex asking_;  ///< one question at a time
  // Of the thread that cares.
  bool collecting_ = false;  ///< from more than may be until there is enough room
  bool dead_ = false;        ///< segments have something to free
  time_point written_{}, looked_for_losses_{};
  std::uint64_t losses_ = 0;
  std::string trouble_;
  // Of the thread that follows.
  control::store_state told_;
  time_point told_at_{};
  // Of the thread that looks after copies.
  std::string upkeep_trouble_;
  bool in_pass_ = false;
  std::thread following_, caring_, copying_;
};

}  // namespace graphite
