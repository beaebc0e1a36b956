#pragma once

#include <functional>
#include <memory>

#include "core/ports/hasher.hpp"
#include "core/ports/log.hpp"
#include "runtime/content_sink.hpp"
#include "runtime/subscriber.hpp"
#include "runtime/tree_index.hpp"

namespace graphite {

/// How much of a state from before a restart is believed.
enum class state_trust {
  usual,   ///< what was synced is good, the rest is checked
  little,  ///< everything that the shown generation needs is read and checked; what is bad is removed
  none,    ///< as `little`, and the generation is shown anew from what is good
};

/// What `graphite subscribe` keeps in DIR: a sink with a past, work for idle moments, and syncs.
///
/// One thread, but for the work that begin_sync() hands out. A state that is damaged is no error of open:
/// what is bad is removed with a line in the log, memory() then has nothing active, and it is fetched again.
class subscriber_state : public content_sink {
 public:
  tree_index& index() { return *index_; }
  /// What was shown when it was opened.
  const subscriber_memory& memory() const { return memory_; }

  /// Work that swaps left for later, in small steps: true where there is more. `idle`: no generation is
  /// under way.
  virtual bool tidy(bool idle) = 0;
  /// True where something is shown that a power cut would take. False while a sync is under way.
  virtual bool needs_sync() const = 0;
  /// What a thread of its own has to do while the state lives, then end_sync() with the outcome.
  virtual std::function<result<void>()> begin_sync() = 0;
  virtual result<void> end_sync(const result<void>& outcome) = 0;
  /// Found while it was open: to be opened again, trusting less.
  virtual std::optional<error> damage() const = 0;

  /// Of the latest swap(): when it was called and when readers saw the new generation.
  time_point staged_at() const { return staged_at_; }
  time_point swapped_at() const { return swapped_at_; }

 protected:
  std::unique_ptr<tree_index> index_;
  subscriber_memory memory_;
  time_point staged_at_{}, swapped_at_{};
};

/// Head and marks as they are kept with a generation.
byte_vector encode_note(const swap_plan& plan);
/// Strict. Errors: corrupt.
result<subscriber_memory> decode_note(byte_span note, const hasher& hash);
/// `memory` without its generation, so that the same one may be shown once more.
subscriber_memory without_active(subscriber_memory memory);

/// What the pages of a tree name, one entry or record blob at a time. `path` is empty for a record blob.
/// Reads every page through its source; nothing is kept. Errors: those of the source and of `visit`, corrupt.
result<void> for_each_part(
    const index_tree& tree,
    const std::function<result<void>(std::string_view path, const std::vector<asset_part>& parts)>& visit);

}  // namespace graphite
