#pragma once

#include <map>
#include <mutex>
#include <string>

#include "bundle/head_codec.hpp"
#include "bundle/index_tree.hpp"
#include "relay/announcer.hpp"
#include "relay/chunk_service.hpp"
#include "relay/kept_generations.hpp"
#include "tests/support/memory_chunk_store.hpp"

namespace graphite::test {

/// The publishing end of a channel without a graph behind it: files in, announcements out.
/// publish() on one thread, the service's sources on any.
class small_publisher {
 public:
  struct options {
    std::string channel = "main";
    lineage_id lineage;
    epoch_number epoch{1};
    const head_signer* signer = nullptr;
  };
  small_publisher(options chosen, const hasher& hash)
      : options_(std::move(chosen)), hash_(hash), store_(hash), tree_(hash) {
    if (options_.lineage.value == uuid{}) options_.lineage.value.bytes.fill(1);
    remember_pages(tree_, tree_);
    add_page(*tree_.root_node());
  }

  /// New bytes of a file, or none: it is gone. Takes effect with publish().
  void edit(const std::string& path, std::optional<std::string> bytes) { edits_[path] = std::move(bytes); }

  /// What the next heads say is behind.
  void set_behind(const behind_list& list) {
    behind_ = list.count == 0 ? digest{} : add_content(store_, encode_behind(list), hash_).id;
  }

  announcement publish(announced_times times = {}, uuid clock = {}) {
    const asset_changes changes = take_edits();
    const index_tree before = tree_;
    tree_ = *before.apply(changes);
    const std::lock_guard lock(mutex_);
    remember_pages(before, tree_);
    announcer_input in;
    in.now = next_head();
    in.base_root = before.root();
    in.changes = &changes;
    in.times = times;
    in.clock = clock;
    in.signer = options_.signer;
    head_ = in.now;
    kept_.publish(in.now, tree_);
    return *make_announcement(in, announcer_sources(), hash_);
  }

  /// Signed where there is a signer; then it counts for 10 s.
  heartbeat beat(std::uint16_t chunk_port, incarnation_id who, std::int64_t unix_ns = 0) const {
    const std::lock_guard lock(mutex_);
    heartbeat out;
    out.place = {who, "", chunk_port};
    const auto lives_for = options_.signer != nullptr ? duration(seconds(10)) : duration::zero();
    if (options_.signer != nullptr) out.news = options_.signer->news();
    if (head_)
      out.channels.push_back(*make_channel_state(*head_, out.place, unix_ns, lives_for, options_.signer));
    return out;
  }

  chunk_service_sources sources() {
    chunk_service_sources out;
    out.store = &store_;
    out.hash = &hash_;
    out.page = [this](std::string_view, const digest& id) -> std::optional<byte_vector> {
      const std::lock_guard lock(mutex_);
      const auto found = pages_.find(id);
      return found == pages_.end() ? std::nullopt : std::optional(found->second);
    };
    out.head = [this](std::string_view channel) -> std::optional<chunk_service_sources::current_head> {
      const std::lock_guard lock(mutex_);
      if (!head_ || channel != options_.channel) return std::nullopt;
      return chunk_service_sources::current_head{*encode_wire_head(*head_, hash_, options_.signer), {}, 0, 0};
    };
    out.revocations = [this] { return revocations; };
    return out;
  }

  /// What the chunk port gives out; set before that is asked.
  chunk_service_sources::signed_list revocations;

  const std::map<std::string, std::string>& files() const { return files_; }
  memory_chunk_store& store() { return store_; }
  /// What a port with keys would look requests up in.
  kept_generations& kept() { return kept_; }
  std::optional<head> newest() const {
    const std::lock_guard lock(mutex_);
    return head_;
  }

 private:
  asset_changes take_edits() {
    asset_changes out;
    for (auto& [path, bytes] : edits_) {
      const logical_path name = *logical_path::parse(path);
      if (!bytes) {
        out.removals.push_back(name);
        files_.erase(path);
        continue;
      }
      const content_ref content = add_content(store_, as_bytes(*bytes), hash_);
      const chunk_list list = (*store_.find(content.id))->chunks;
      out.upserts.push_back({name, {part_of(content, list)}, {}});
      files_[path] = std::move(*bytes);
    }
    edits_.clear();
    return out;
  }
  head next_head() {
    head out;
    out.channel = options_.channel;
    out.lineage = options_.lineage;
    out.epoch = options_.epoch;
    out.sequence.value = ++sequence_;
    out.root = tree_.root();
    out.assets = tree_.assets();
    out.revision.value = sequence_;
    out.behind = behind_;
    return out;
  }
  announcer_source announcer_sources() {
    return {[this](const content_ref& c) { return std::optional((*store_.find(c.id))->chunks); },
            [this](const content_ref& c) {
              byte_vector bytes(c.size);
              (void)store_.read(c.id, 0, bytes);
              return std::optional(std::move(bytes));
            }};
  }
  void add_page(const index_node& node) {
    pages_.insert_or_assign(node.id(), byte_vector(node.bytes().begin(), node.bytes().end()));
  }
  void remember_pages(const index_tree& before, const index_tree& after) {
    const auto nodes = new_pages(before, after);
    for (const auto& node : *nodes) add_page(*node);
  }

  options options_;
  const hasher& hash_;
  memory_chunk_store store_;
  index_tree tree_;
  kept_generations kept_{true};
  std::map<std::string, std::optional<std::string>> edits_;
  std::map<std::string, std::string> files_;
  std::uint64_t sequence_ = 0;
  digest behind_;
  mutable std::mutex mutex_;
  std::optional<head> head_;
  std::map<digest, byte_vector> pages_;
};

}  // namespace graphite::test
