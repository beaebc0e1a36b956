#pragma once

#include <atomic>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "cli/background_job.hpp"
#include "cli/cut_off_contents.hpp"
#include "cli/subscriber_state.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/bundle_folder.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

struct bundle_sink_options {
  std::string folder;                          ///< DIR
  std::uint64_t segment_bytes = 256 << 20;     ///< as in segment_store_options
  std::uint64_t dead_bytes_slack = 256 << 20;  ///< dead contents on disk that are not worth collecting
  std::uint64_t rewrite_bytes_min = 1 << 20;   ///< as in bundle_folder_options
  bool contents_later = false;     ///< generations are shown without contents; they come by put() and begin()
  duration quiet = seconds(1);     ///< after a swap, before pages are rewritten
  duration overdue = seconds(60);  ///< then they are rewritten between any two swaps
  duration scrub_after = seconds(600);  ///< of the start: everything is read and checked once
  std::uint64_t scrub_bytes_per_second = 64 << 20;
};

/// A bundle folder's pages as the index reads them: by their places. Thread-safe.
class placed_pages final : public kept_pages {
 public:
  explicit placed_pages(std::shared_ptr<const page_source> pages) : pages_(std::move(pages)) {}
  bool has(const digest&) const override { return false; }
  result<stored_page> load(const digest& id, page_location hint) const override {
    return pages_->load(id, hint);
  }

 private:
  std::shared_ptr<const page_source> pages_;
};

/// `--into DIR --no-files`: DIR is a bundle folder kept at the newest generation. `head`, pages, and links to
/// the segments, which lie in DIR/.graphite/segments with their index in DIR/.graphite/db.
///
/// One thread; collecting runs in one of its own beside the swaps. A swap costs O(changed) and waits for no
/// disk: what is newer than the last sync is checked by the next open. Bound: on disk lie this generation and
/// the one before, `dead_bytes_slack`, and as many dead bytes as live ones.
class bundle_sink final : public subscriber_state {
 public:
  /// Errors: already_exists (another process has it, DIR shows files, or is a bundle that somebody else
  /// writes), newer_version, permission_denied, out_of_space, io.
  static result<std::unique_ptr<bundle_sink>> open(bundle_sink_options options, state_trust trust,
                                                   const hasher& hash, log_sink& log);
  ~bundle_sink() override;

  bool has(const content_ref& content) override;
  result<void> put(const content_ref& content, byte_span bytes) override;
  result<std::unique_ptr<partial_content>> begin(const content_ref& content, const chunk_list& list) override;
  std::optional<chunk_list> list_of(const content_ref& content) override;
  result<void> read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) override;
  result<void> swap(const swap_plan& plan) override;

  bool tidy(bool idle) override;
  bool needs_sync() const override { return unsynced_ && !syncing_; }
  std::function<result<void>()> begin_sync() override;
  result<void> end_sync(const result<void>& outcome) override;
  std::optional<error> damage() const override { return damage_; }

  /// Where a content lies now. Nothing: it is not here.
  std::optional<extent> place_of(const content_ref& content) const;
  const bundle_folder& folder() const { return *folder_; }
  const segment_store& store() const { return *store_; }
  /// Collects now what is dead, and waits for it; for tests. Errors: io, out_of_space, corrupt.
  result<void> collect_now();

 private:
  enum class upkeep { none, rewrite, collect, scrub };

  bundle_sink(bundle_sink_options options, const hasher& hash, log_sink& log);
  // open; bundle_restore.cpp
  result<void> open_all(state_trust trust);
  result<void> take_lock();
  result<void> open_rows();
  result<void> open_store();
  result<void> open_folder();
  result<void> restore(state_trust trust);
  void remember_memory(const head_file& shown);
  result<void> discard_generations(const error& why);
  void relink_segments();
  result<void> check_shown(const head_file& shown, state_trust trust);
  result<void> check_beyond(const head_file& synced);
  result<void> check_all(std::uint64_t bytes_per_second);
  result<void> check_content(const content_ref& content);
  std::string row(const char* name) const;

  std::optional<extent> find(const content_ref& content);
  result<void> check_changed(const swap_plan& plan);
  result<void> keep_rows(const swap_plan& plan);
  bool rewrite_is_due();
  void start(upkeep what);
  result<void> rewrite();
  void finish_upkeep(bool wait);
  result<void> collect();
  result<void> mark_generation(const head_file& generation, std::uint64_t& live_bytes);
  std::string home() const { return options_.folder + "/.graphite"; }

  const bundle_sink_options options_;
  const hasher& hash_;
  log_sink& log_;
  owned_fd lock_;
  std::unique_ptr<rocks_store> rows_;
  std::unique_ptr<segment_store> store_;
  std::unique_ptr<bundle_folder> folder_;
  std::set<segment_id> linked_;  ///< as the row says
  std::shared_ptr<cut_off_contents> cut_off_;
  std::unordered_set<digest> fetched_;         ///< since the last swap: no generation names them yet
  std::unordered_map<digest, extent> places_;  ///< of the contents that the swap under way shows anew
  std::optional<error> damage_;
  bool unsynced_ = false, syncing_ = false;

  upkeep running_ = upkeep::none;
  upkeep next_upkeep_ = upkeep::none;  ///< to follow the one that runs
  time_point look_at_{};               ///< whether a rewrite is due
  time_point due_since_ = time_point::max();
  time_point scrub_at_{};
  std::uint64_t collect_above_bytes_;    ///< of segment files
  std::optional<index_tree> rewritten_;  ///< by the job, taken when it has ended
  std::uint64_t live_bytes_ = 0;         ///< by the job
  bool moved_ = false;                   ///< by the job: a segment was copied out
  std::atomic<bool> stopping_{false};
  background_job job_;
};

}  // namespace graphite
