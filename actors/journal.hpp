#pragma once

#include "actors/interfaces.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// What the journal actor works on; outlives the actor.
struct journal_dependencies {
  key_value_store* rows = nullptr;
  chunk_store* contents = nullptr;
  log_sink* log = nullptr;
  /// Called where a sync failed for another reason than a full disk: what is on disk is then unknown, and
  /// only a restart's recovery can tell. Ends the process in the shipped program.
  std::function<void(const error&)> on_fatal;
};

/// The only writer of synced rows.
///
/// Group commit: batches that wait while one is being synced are written together with one sync, up to
/// `batches_max` at a time.
struct journal_state {
  static constexpr std::size_t batches_max = 256;
  static inline const char* name = "journal";

  journal_state() {}
  void flush();
  outcome write(const std::vector<row_write>& rows, bool sync_contents);

  struct waiting {
    commit_ptr request;
    caf::typed_response_promise<outcome> promise;
  };
  journal_dependencies with;
  std::vector<waiting> pending;
};

journal_actor::behavior_type journal(journal_actor::stateful_pointer<journal_state> self,
                                     journal_dependencies with);

/// Runs fold work one piece at a time; see fold_actor.
fold_actor::behavior_type fold_worker(fold_actor::pointer self);

}  // namespace graphite
