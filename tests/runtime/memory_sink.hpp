#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "runtime/content_sink.hpp"

namespace graphite::test {

/// A sink in memory that checks what it is given, and fails when told to.
class memory_sink final : public content_sink {
 public:
  explicit memory_sink(const hasher& hash) : hash_(hash) {}

  bool has(const content_ref& content) override { return contents_.contains(content.id); }
  result<void> put(const content_ref& content, byte_span bytes) override {
    if (failures_left > 0 && failures_left-- > 0) return fail(errc::out_of_space, "full");
    store(content, {bytes.begin(), bytes.end()});
    return {};
  }
  result<std::unique_ptr<partial_content>> begin(const content_ref& content, const chunk_list&) override {
    return std::make_unique<partial>(*this, content);
  }
  std::optional<chunk_list> list_of(const content_ref& content) override {
    return chunk_bytes(contents_.at(content.id), hash_);
  }
  result<void> read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) override {
    std::memcpy(out.data(), contents_.at(content.id).data() + offset, out.size());
    return {};
  }
  result<void> swap(const swap_plan& plan) override {
    if (failures_left > 0 && failures_left-- > 0) return fail(errc::out_of_space, "full");
    for (const auto& record : plan.changes.upserts)
      if (record.path.str() == never_shown) return fail(errc::io, "cannot be shown");
    for (const auto& path : plan.changes.removals) shown.erase(path.str());
    for (const auto& record : plan.changes.upserts) {
      const auto found = contents_.find(record.parts[0].content.id);
      if (contents_later && found == contents_.end()) shown[record.path.str()] = "(later)";
      if (contents_later && found == contents_.end()) continue;
      EXPECT_NE(found, contents_.end()) << record.path.str() << " is shown without its bytes";
      if (found != contents_.end()) shown[record.path.str()] = std::string(as_text(found->second));
    }
    swaps.push_back(plan.now);
    return {};
  }
  /// What is on a "disk" that went bad.
  void damage(const content_ref& content) { contents_.at(content.id)[0] ^= std::byte{1}; }

  std::map<std::string, std::string> shown;
  std::vector<head> swaps;
  int failures_left = 0;
  bool partial_reads_go_bad = false;
  bool contents_later = false;  ///< a generation may be shown without them
  std::string never_shown;
  std::map<digest, byte_vector>* left = nullptr;  ///< by attempts that were cut off, for later ones

 private:
  struct partial final : partial_content {
    partial(memory_sink& sink, content_ref content) : sink_(sink), content_(content) {
      if (sink.left != nullptr && sink.left->contains(content.id)) before_ = sink.left->at(content.id);
    }
    ~partial() override {
      if (sink_.left != nullptr && !ended_) (*sink_.left)[content_.id] = bytes_;
    }
    void forget() override { ended_ = true; }
    bool left_before(std::uint64_t offset, std::span<std::byte> out) override {
      EXPECT_EQ(offset, bytes_.size()) << "looks elsewhere than where it goes on";
      if (offset > before_.size() || out.size() > before_.size() - offset) return false;
      std::memcpy(out.data(), before_.data() + offset, out.size());
      return true;
    }
    result<void> append(byte_span bytes) override {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
      return {};
    }
    result<void> read(std::uint64_t offset, std::span<std::byte> out) override {
      EXPECT_LE(offset + out.size(), bytes_.size()) << "reads what was not appended";
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
      if (sink_.partial_reads_go_bad) out[0] ^= std::byte{1};
      return {};
    }
    result<void> finish() override {
      ended_ = true;
      sink_.store(content_, std::move(bytes_));
      return {};
    }
    memory_sink& sink_;
    content_ref content_;
    byte_vector bytes_, before_;
    bool ended_ = false;
  };
  void store(const content_ref& content, byte_vector bytes) {
    EXPECT_EQ(content_of(chunk_bytes(bytes, hash_), hash_), content) << "unverified bytes reached the sink";
    contents_[content.id] = std::move(bytes);
  }

  const hasher& hash_;
  std::map<digest, byte_vector> contents_;
};

}  // namespace graphite::test
