#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "bundle/head.hpp"
#include "core/messages/chunks.hpp"
#include "relay/page_registry.hpp"

namespace graphite {

/// What belongs to the generations that each channel still serves (docs/decisions/0014).
///
/// Keeps no table of contents: a request names an asset and the root of its generation, and the asset's
/// record is looked up in that index. Thread-safe. Bounds: generations_max of each channel, the oldest go; of
/// their index what `lookups_before_unload` lookups have loaded.
class kept_generations {
 public:
  static constexpr std::size_t generations_max = page_registry::trees_max;
  static constexpr std::size_t lookups_before_unload = 4096;

  /// `tree` is the index of `now`, the newest generation of its channel.
  void publish(const head& now, const index_tree& tree);
  /// See page_registry::rebase.
  void rebase(const index_tree& tree);

  /// Bytes of an index page of `channel`; of any where it is empty.
  std::optional<byte_vector> page(std::string_view channel, const digest& id);

  /// Whether what `request` wants belongs to the scope's channel: for contents and lists, to the generation
  /// that the scope names. Index pages are page()'s to look for. O(ranges · log assets).
  /// Errors: not_found (that generation is not kept any more), permission_denied (it has no such content, the
  /// channel no such side object, the request is about another channel), those of the index.
  result<void> check(const scoped_request& request);

 private:
  struct kept {
    digest root, behind;
    index_tree tree;
  };
  struct channel {
    std::deque<kept> newest_first;
    std::unique_ptr<page_registry> pages = std::make_unique<page_registry>();
  };

  result<index_tree> tree_of(const request_scope& scope);
  result<void> check_behind(std::string_view channel, const digest& object);
  void looked_up(const index_tree& tree, std::size_t times);

  std::mutex mutex_;
  std::map<std::string, channel, std::less<>> channels_;
  std::size_t lookups_ = 0;
};

}  // namespace graphite
