#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/checksum.hpp"
#include "platform/store/group_sync.hpp"
#include "platform/store/live_set.hpp"
#include "platform/store/row_cache.hpp"
#include "platform/store/segment_table.hpp"

/// \file INTERNAL to platform/store: the store's state, shared by its four sources (contents, sync,
/// recovery, collection).

namespace graphite {

/// Bytes on their way into a segment.
struct taken_place {
  std::shared_ptr<segment_file> file;
  segment_place place;
};

class segment_store::impl {
 public:
  /// Committed contents whose rows are not yet written; beyond it put() syncs by itself.
  static constexpr std::size_t pending_max = 1 << 16;

  impl(segment_store_options options, key_value_store& rows, const hasher& hash, log_sink& log);

  // contents
  result<std::optional<stored_content>> find(const digest& content, bool touch);
  result<stored_content> put(byte_span bytes, const chunk_list& chunks);
  /// Writes the bytes even if they are known: moves and first stores alike.
  result<stored_content> store(byte_span bytes, const content_ref& ref, const chunk_list& chunks);
  result<std::unique_ptr<content_writer>> begin(std::shared_ptr<impl> self, std::uint64_t size);
  result<stored_content> commit(const taken_place& taken, const content_ref& ref, const chunk_list& chunks);
  result<taken_place> take(const segment_record& record, byte_span data);
  void give_up(const taken_place& taken, std::uint64_t size);
  result<void> discard(const extent& where);
  void drop_own_file(const std::shared_ptr<segment_file>& file);
  result<extent_view> map(const extent& where);
  result<extent_view> map(const digest& content);
  result<content_ref> described(std::uint64_t size, const chunk_list& chunks) const;
  result<stored_content> hold(byte_span bytes, const chunk_list& chunks);
  result<void> fold();
  result<void> forget(const digest& content);

  // sync
  result<void> sync() {
    return syncing_.run([this] { return sync_once(); });
  }
  void close();

  // recovery
  result<void> recover();

  // losses
  std::vector<lost_segment> lost() const;
  void look_for_losses();
  std::uint64_t losses() const;
  result<void> forget_lost();

  // collection
  void begin_gc(unsigned copy_below_percent);
  void mark(std::span<const digest> live);
  std::shared_ptr<void> pin(std::shared_ptr<impl> self, std::vector<digest> contents);
  result<struct gc_step> gc_step(const std::function<bool(segment_id)>& pinned);
  result<void> end_segment(std::uint64_t bytes_min);
  std::vector<std::pair<segment_id, std::uint64_t>> gc_pinned() const;
  bool gc_again();
  void end_gc();

  store_usage usage() const;
  std::string path(segment_id id) const { return table_.path(id); }
  bool read_only() const { return options_.read_only; }

 private:
  struct held_content {
    byte_vector bytes;
    chunk_list chunks;
  };
  struct collection {
    live_set live;
    unsigned copy_below_percent = 0;
    std::vector<segment_id> todo;     ///< the next one last
    std::vector<segment_id> waiting;  ///< pinned, or to be copied out after another
  };
  struct sync_work {
    std::vector<std::pair<std::shared_ptr<segment_file>, std::uint64_t>> files;  ///< with their marks
    std::vector<stored_content> contents;
  };
  struct recovered {
    std::vector<row_write> rows;
    std::map<segment_id, segment_row> expected;
    std::optional<segment_id> spare;
  };
  struct looked_at {
    segment_id id;
    std::uint64_t bytes = 0, live_bytes = 0;
    std::vector<stored_content> live;
    std::vector<digest> dead;
  };

  // contents; those named *_locked want mutex_ held
  std::optional<stored_content> find_in_memory_locked(const digest& content);
  result<std::shared_ptr<segment_file>> open_segment_locked(std::uint64_t capacity);
  result<std::shared_ptr<segment_file>> make_segment_locked(std::uint64_t capacity);
  result<std::shared_ptr<segment_file>> take_spare_locked(std::uint64_t capacity);
  result<std::optional<taken_place>> take_in_current(const segment_record& record, byte_span data);
  result<taken_place> take_own_file(const segment_record& record);

  // sync
  result<void> sync_once();
  sync_work collect_work();
  result<void> sync_files(const sync_work& work);
  result<void> write_rows(const sync_work& work);
  void settle(const sync_work& work);
  void abandon(const std::shared_ptr<segment_file>& file);
  void tidy();
  void seal_full_ones();
  void prepare_spare();
  result<void> seal(const std::shared_ptr<segment_file>& file);

  // recovery
  result<void> load_store_id();
  result<std::map<segment_id, segment_row>> load_segment_rows();
  void link_back(const recovered& work);
  bool link_back(segment_id id) const;
  result<void> adopt_files(recovered& work);
  result<void> adopt_file(segment_id id, recovered& work);
  bool adopt_spare(segment_id id);
  result<void> recover_tail(segment_id id, const segment_row& known, recovered& work);
  result<void> finish_tail(segment_id id, const segment_row& known, const scan_summary& scanned,
                           recovered& work);
  result<scan_summary> reindex(segment_id id, std::uint64_t from, recovered& work);
  void reindex_record(segment_id id, const scanned_record& found, byte_span data, recovered& work);
  void report_missing(const recovered& work);

  // collection
  result<looked_at> look_at(segment_id id);
  bool is_live_locked(const digest& content);
  result<std::vector<stored_content>> contents_of(segment_id id, byte_span bytes);
  result<std::optional<segment_id>> next_candidate(bool& more);
  bool may_copy_out(segment_id id) const;
  bool has_little_left(const looked_at& segment) const;
  void stays(segment_id id);
  void wait_for_again(segment_id id, bool retired);
  result<void> copy_out(const looked_at& segment, struct gc_step& step);
  bool condemn(const looked_at& segment);
  result<void> erase_rows(const looked_at& segment);
  result<void> remove(const looked_at& segment, struct gc_step& step);

  const segment_store_options options_;
  key_value_store& rows_;
  const hasher& hash_;
  log_sink& log_;
  uuid store_id_;
  group_sync syncing_;
  std::mutex tidying_;        ///< one thread tidies; taken before all others
  std::mutex rows_mutex_;     ///< taken before mutex_; orders writers of index rows
  mutable std::mutex mutex_;  ///< guards all below; not held during data or row writes
  segment_table table_;
  std::shared_ptr<segment_file> current_;
  segment_id next_segment_{1};
  /// The next segment: made ahead, with nothing in it, so that no publication waits for its name to be
  /// durable. Not in the table. Null: none yet.
  std::shared_ptr<segment_file> spare_;
  std::unordered_map<digest, stored_content> pending_;  ///< committed, rows not yet written
  std::unordered_map<digest, held_content> held_;
  std::uint64_t held_bytes_ = 0;
  row_cache cache_;
  std::unordered_map<digest, std::uint32_t> pins_;
  std::optional<collection> collection_;
};

}  // namespace graphite
