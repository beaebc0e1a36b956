#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/snapshot_contents.hpp"
#include "cli/watched_view.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// How contents of a view are asked for and brought. Called by one thread; block. Errors: those of the
/// stores.
struct view_store_calls {
  /// Of each, whether as many stores have it as have to.
  std::function<result<std::vector<bool>>(std::span<const content_ref>)> have;
  /// Until it is so.
  std::function<result<void>(std::span<const content_ref>)> bring;
};

/// Brings what the stores lack of a watched view, in a thread of its own: first by a walk through its
/// folders, below those only that some store lacks; from then on what changed.
///
/// The calls read the bytes from contents(). Bound: questions of asked_max contents, deliveries of sent_max
/// contents and about sent_bytes_max bytes, whatever the view's size.
class view_uploads {
 public:
  static constexpr std::size_t asked_max = 1'024, sent_max = 1'024;
  static constexpr std::uint64_t sent_bytes_max = 64 * MiB;

  struct ports {
    watched_view& view;  ///< that and what follows outlives it
    const file_reader& files;
    const hasher& hash;
    log_sink& log;
    /// These files are not what the view says: they are to be read again. By the thread.
    std::function<void(std::vector<std::string> paths)> reread;
    /// So many contents and bytes were brought of this delivery. By the thread.
    std::function<void(std::uint64_t contents, std::uint64_t bytes)> progress = [](auto, auto) {};
  };
  explicit view_uploads(ports with);
  /// Ends the thread. Whoever makes the calls ends these first.
  ~view_uploads();
  view_uploads(const view_uploads&) = delete;
  view_uploads& operator=(const view_uploads&) = delete;

  /// What the calls bring comes from here. Any thread, one at a time.
  snapshot_contents& contents() { return contents_; }
  /// Before anything else.
  void use(view_store_calls calls) { calls_ = std::move(calls); }
  /// Returns at once. `done` is called by the thread, once, with the state that is in the stores now; not at
  /// the end of this object. One at a time. `thorough`: folders that are there are looked into all the same.
  void bring(bool thorough, std::function<void(result<view_state>)> done);

 private:
  using delivery = std::vector<std::pair<content_ref, watched_view::place>>;
  struct asked {
    bool thorough = false;
    std::function<void(result<view_state>)> done;
  };

  void run();
  result<view_state> bring_all(bool thorough);
  result<void> walk(bool thorough);
  result<void> walk_folders(std::vector<std::string> folders, bool thorough, std::vector<std::string>& next,
                            std::vector<std::string>& lacking);
  result<void> bring_lacking(delivery all);
  result<void> deliver(const delivery& all);
  result<void> send(std::span<const delivery::value_type> part);
  void find_changed(std::span<const delivery::value_type> part);
  std::optional<snapshot_contents::place> find(const digest& content) const;

  const ports with_;
  view_store_calls calls_;
  std::map<digest, std::pair<content_ref, const watched_view::place*>> sending_;
  snapshot_contents contents_;
  std::uint64_t brought_ = 0, brought_bytes_ = 0;  ///< of what was asked for last
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<asked> asked_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace graphite
