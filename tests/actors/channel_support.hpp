#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "actors/bundle_archive.hpp"
#include "core/ports/transport.hpp"
#include "schemas/codec/announcement.hpp"

/// \file What is around a channel actor in tests.

namespace graphite::test {

/// Keeps what is announced.
class recording_publisher final : public head_publisher {
 public:
  void announce(std::string_view, byte_vector message) override {
    announced.push_back(*decode_announcement(message));
    on_announce();
  }
  void beat(byte_vector) override { ++beats; }
  std::string address() const override { return ""; }
  counters count() const override { return {}; }
  std::vector<announcement> announced;
  int beats = 0;
  std::function<void()> on_announce = [] {};
};

/// A bundle folder that keeps the newest generation in memory.
class memory_archive final : public bundle_archive {
 public:
  explicit memory_archive(const hasher& hash) : hash_(hash) {}
  result<std::optional<state>> newest() override { return newest_; }
  result<index_tree> open(const digest& root, page_location) override {
    const auto found = kept_.find(root);
    if (found == kept_.end()) return fail(errc::not_found, "not kept");
    return found->second;
  }
  index_tree empty_tree() override { return index_tree(hash_); }
  result<page_location> write(const index_tree& tree, const head& now) override {
    ++writes;
    on_write();
    if (newest_) pages_last = new_pages(newest_->tree, tree)->size();
    newest_.emplace(state{now, tree});
    kept_.insert_or_assign(now.root, tree);
    return page_location{1, 64};
  }
  /// The same pages at another place.
  result<void> rewrite() {
    std::vector<asset_record> all;
    GRAPHITE_CHECK(newest_->tree.for_each([&](const located_asset& asset) {
      all.push_back(asset.record);
      return true;
    }));
    GRAPHITE_TRY(newest_->tree, index_tree::build(all, hash_));
    kept_.clear();
    kept_.insert_or_assign(newest_->now.root, newest_->tree);
    return {};
  }
  std::string folder() const override { return "/memory"; }
  int writes = 0;
  std::size_t pages_last = 0;  ///< that the last write had to add to those before
  std::function<void()> on_write = [] {};

 private:
  const hasher& hash_;
  std::optional<state> newest_;
  std::map<digest, index_tree> kept_;
};

}  // namespace graphite::test
