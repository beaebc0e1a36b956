#pragma once

#include <deque>

#include "actors/generation_rows.hpp"
#include "actors/interfaces.hpp"
#include "actors/published_state.hpp"
#include "actors/restore.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "core/ports/transport.hpp"
#include "relay/ack_summary.hpp"

namespace graphite {

/// What a channel actor works with; outlives the actor.
struct channel_dependencies {
  chunk_store* contents = nullptr;
  key_value_store* rows = nullptr;
  const hasher* hash = nullptr;
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  head_publisher* publisher = nullptr;  ///< null: nobody is told (`build`)
  published_state* published = nullptr;
  const head_signer* signer = nullptr;  ///< null: nothing is signed
  /// Who reports to follow which generation; empty where nobody is served.
  std::function<std::vector<ack_summary::peer>()> peers = [] { return std::vector<ack_summary::peer>(); };
  uuid boot;           ///< see announcement::clock
  bool beats = false;  ///< sends the heartbeat of all channels
  journal_actor journal;
  fold_actor folder;
  /// Writes the tree's new pages and the head into the bundle folder, durably; where the root page lies
  /// then. Blocks; called by the folding thread only.
  std::function<result<page_location>(const index_tree& tree, const head& now)> write_generation;
  /// The folder's newest index, as it lies there now; nothing before the first generation.
  std::function<result<std::optional<index_tree>>()> newest_tree;
  /// Opens an older generation's index.
  std::function<result<index_tree>(const digest& root, page_location where)> open_tree;
  /// Told of every generation; called by the actor's thread.
  std::function<void(const head&, const asset_changes&, const stage_times&)> on_generation =
      [](const auto&, const auto&, const auto&) {};
};

/// Commits and announces what the core plans, one generation at a time.
///
/// Small changes: one journal record (the announcement itself, with the small contents) and one sync, then
/// the announcement; pages, head and segments follow by the fold. Large ones are folded first and have no
/// record. A commit that fails for want of space is tried again each second and answered at the first
/// failure.
struct channel_actor_state {
  static constexpr std::size_t journalled_changes_max = 1024;
  static constexpr milliseconds fold_after{250};
  static constexpr milliseconds retry_after{1'000};
  static constexpr std::uint64_t wake_fold = 1, wake_beat = 2, wake_retry = 3;
  static inline const char* name = "channel";

  channel_actor_state() {}

  struct waiting {
    publication_ptr what;
    std::optional<index_tree> rollback_to;               ///< then `what` is empty
    std::function<void(const publish_outcome&)> answer;  ///< called once
    bool answered = false;
  };
  channel_dependencies with;
  std::optional<channel_core> core;
  std::deque<waiting> queue;  ///< front is being committed where `busy`
  bool busy = false;
  bool fold_scheduled = false, folding = false;
  bool bulk = false;  ///< what is being committed goes into the bundle folder first: nothing older may follow
                      ///< it there
  std::optional<std::string> follows;   ///< see restored_channel
  bool moved = false;                   ///< the folder's pages have moved since the core's tree was read
  std::function<void()> again;          ///< what wake_retry does
  std::vector<std::uint64_t> unfolded;  ///< sequences with a journal record
  /// Who waits until the generations up to a sequence are folded; later ones keep nobody waiting.
  struct folding_waiter {
    std::uint64_t up_to = 0;
    caf::typed_response_promise<outcome> promise;
  };
  std::vector<folding_waiter> drained;
};

/// Takes a rollback into the queue.
void enqueue(channel_actor::stateful_pointer<channel_actor_state> self, channel_actor_state::waiting next);

channel_actor::behavior_type channel(channel_actor::stateful_pointer<channel_actor_state> self,
                                     channel_dependencies with, restored_channel from);

}  // namespace graphite
