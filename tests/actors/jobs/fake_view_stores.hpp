#pragma once

#include <map>
#include <mutex>
#include <set>

#include "actors/jobs/view_stores.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/tree_snapshot.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

/// Stores in memory, which can be away and lose things. Thread-safe.
class fake_view_stores final : public view_stores {
 public:
  content_ref put(std::string_view text) {
    const auto bytes = as_bytes(text);
    return put(byte_vector(bytes.begin(), bytes.end()));
  }
  content_ref put(byte_vector bytes) {
    const auto name = name_of(bytes);
    const std::lock_guard lock(mutex_);
    contents_[name.id] = std::move(bytes);
    return name;
  }
  content_ref name_of(byte_span bytes) const { return content_of(chunk_bytes(bytes, hash), hash); }
  static content_ref name_of_text(std::string_view text) {
    static const openssl_hasher own;
    return content_of(chunk_bytes(as_bytes(text), own), own);
  }
  /// The snapshot of these files, with all that is in it.
  content_ref put_snapshot(const std::map<std::string, std::string>& files) {
    std::vector<snapshot_file> listed;
    for (const auto& [path, text] : files)
      listed.push_back({logical_path::parse(path).value(), put(text), false});
    return build_snapshot(std::move(listed), hash,
                          [this](const content_ref&, byte_vector bytes) { put(std::move(bytes)); })
        .value();
  }
  void drop(const content_ref& content) {
    const std::lock_guard lock(mutex_);
    contents_.erase(content.id);
  }
  void set_away(bool away) {
    const std::lock_guard lock(mutex_);
    away_ = away;
  }
  /// What was asked for once, and was there, is taken to be there.
  void set_trusting(bool trusting) {
    const std::lock_guard lock(mutex_);
    trusting_ = trusting;
    for (const auto& [content, bytes] : contents_) seen_.insert(content);
  }
  bool has(const content_ref& content) const {
    const std::lock_guard lock(mutex_);
    return contents_.contains(content.id);
  }
  std::string text_of(const content_ref& content) const {
    const std::lock_guard lock(mutex_);
    return std::string(as_text(contents_.at(content.id)));
  }
  std::uint64_t reads() const {
    const std::lock_guard lock(mutex_);
    return reads_;
  }

  result<std::vector<bool>> have(std::span<const content_ref> contents) override {
    const std::lock_guard lock(mutex_);
    if (away_) return fail(errc::unavailable, "the stores are away");
    std::vector<bool> out;
    for (const auto& one : contents) {
      if (contents_.contains(one.id)) seen_.insert(one.id);
      out.push_back(contents_.contains(one.id) || (trusting_ && seen_.contains(one.id)));
    }
    return out;
  }
  void doubt(std::span<const digest> contents) override {
    const std::lock_guard lock(mutex_);
    for (const auto& one : contents) seen_.erase(one);
  }
  result<std::vector<std::optional<byte_vector>>> read(std::span<const content_ref> contents,
                                                       std::uint64_t bytes_max) override {
    const std::lock_guard lock(mutex_);
    if (away_) return fail(errc::unavailable, "the stores are away");
    std::vector<std::optional<byte_vector>> out;
    for (const auto& one : contents) {
      ++reads_;
      const auto found = contents_.find(one.id);
      if (found == contents_.end()) {
        out.emplace_back();
        continue;
      }
      auto bytes = found->second;
      bytes.resize(std::min<std::uint64_t>(bytes.size(), bytes_max));
      out.emplace_back(std::move(bytes));
    }
    return out;
  }
  result<content_ref> keep(byte_span bytes) override {
    if (const auto there = have({}); !there) return tl::unexpected<error>(there.error());
    return put(byte_vector(bytes.begin(), bytes.end()));
  }
  result<missing_answer> missing(std::span<const content_ref> contents) override {
    GRAPHITE_TRY(const auto there, have(contents));
    missing_answer out;
    for (std::uint32_t i = 0; i < contents.size(); ++i)
      if (!there[i]) out.missing.push_back(i);
    out.stores = {{"127.0.0.1:1", {}}};
    return out;
  }
  result<void> add_ticket(const std::string& tenant, const curve_key&, missing_answer& to) override {
    const auto text = "ticket of " + tenant;
    const auto bytes = as_bytes(std::string_view(text));
    to.ticket.assign(bytes.begin(), bytes.end());
    return {};
  }

  const openssl_hasher hash;

 private:
  mutable std::mutex mutex_;
  std::map<digest, byte_vector> contents_;
  std::set<digest> seen_;
  bool trusting_ = false;
  bool away_ = false;
  std::uint64_t reads_ = 0;
};

}  // namespace graphite::test
