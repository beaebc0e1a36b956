#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "bundle/head.hpp"
#include "core/messages/chunks.hpp"
#include "relay/page_registry.hpp"

namespace graphite {

/// What belongs to the generations that each channel serves (docs/decisions/0015).
///
/// Keeps no table of contents: a request names an asset that has the content, and the asset's record is
/// looked up in the newest index. What left that index lately is remembered, so that who is still fetching an
/// older generation can finish it. Thread-safe. Bounds: departed_max contents and behind_max side objects of
/// each channel, the oldest go; of indices what `lookups_before_unload` lookups have loaded.
class kept_generations {
 public:
  static constexpr std::size_t departed_max = 65'536;
  static constexpr std::size_t behind_max = 64;
  static constexpr std::size_t lookups_before_unload = 4096;

  /// `checks`: whether belonging() is asked: else nothing is remembered for it.
  explicit kept_generations(bool checks = false) : checks_(checks) {}
  /// Before the first publish().
  void check_contents() { checks_ = true; }

  /// `tree` is the index of `now`, the newest generation of its channel. O(pages that differ).
  void publish(const head& now, const index_tree& tree);
  /// See page_registry::rebase.
  void rebase(const index_tree& tree);

  /// Bytes of an index page of `channel`; of any where it is empty.
  std::optional<byte_vector> page(std::string_view channel, const digest& id);

  /// Whether what `request` wants belongs to its channel. Not for contents: see belonging(); index pages are
  /// page()'s to look for.
  /// Errors: not_found (there is no such list or side object), invalid_argument (it is about another
  /// channel), those of the index.
  result<void> check(const scoped_request& request);
  /// For each of `ranges`, whether `channel` has its content at its asset, or had it lately.
  /// O(ranges · log assets). Errors: those of the index.
  result<std::vector<bool>> belonging(std::string_view channel, const std::vector<chunk_range>& ranges);

 private:
  struct channel {
    std::optional<index_tree> newest;
    std::deque<digest> behind;  ///< newest first
    std::unordered_set<digest> departed;
    std::deque<digest> departed_order;  ///< oldest first
    std::unique_ptr<page_registry> pages = std::make_unique<page_registry>();
  };

  static void depart(channel& from, const index_tree& to);
  std::optional<index_tree> newest_of(std::string_view channel);
  bool departed(std::string_view channel, const digest& content);
  result<void> check_behind(std::string_view channel, const digest& object);
  void looked_up(const index_tree& tree, std::size_t times);

  std::mutex mutex_;
  std::map<std::string, channel, std::less<>> channels_;
  std::size_t lookups_ = 0;
  bool checks_;
};

}  // namespace graphite
