#pragma once

#include <memory>

#include "core/ports/hasher.hpp"
#include "platform/mirror/mirror_tree.hpp"
#include "platform/mirror/page_log.hpp"
#include "runtime/content_sink.hpp"
#include "runtime/subscriber.hpp"
#include "runtime/tree_index.hpp"

namespace graphite {

/// A page log as the index reads it. One thread.
class logged_pages final : public kept_pages {
 public:
  explicit logged_pages(page_log log) : log_(std::move(log)) {}
  bool has(const digest& id) const override { return log_.has(id); }
  result<stored_page> load(const digest& id, page_location hint) const override;
  page_log& log() { return log_; }

 private:
  page_log log_;
};

/// `--into DIR`: shows generations as files. One thread.
///
/// The first part of an asset is the file at its logical path; part n > 0 is beside it as `PATH~n`.
class mirror_sink final : public content_sink {
 public:
  /// Errors: those of mirror_tree::open.
  static result<std::unique_ptr<mirror_sink>> open(const std::string& folder, const hasher& hash,
                                                   std::function<void(const char*)> at = {});

  bool has(const content_ref& content) override;
  result<void> put(const content_ref& content, byte_span bytes) override;
  result<std::unique_ptr<partial_content>> begin(const content_ref& content, const chunk_list& list) override;
  std::optional<chunk_list> list_of(const content_ref& content) override;
  result<void> read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) override;
  result<void> swap(const swap_plan& plan) override;

  tree_index& index() { return *index_; }
  mirror_tree& tree() { return *tree_; }
  /// What was shown when it was opened.
  const subscriber_memory& memory() const { return memory_; }

  /// Of the latest swap(): when it was called and when readers saw the new generation.
  time_point staged_at() const { return staged_at_; }
  time_point swapped_at() const { return swapped_at_; }

 private:
  mirror_sink(std::unique_ptr<mirror_tree> tree, std::shared_ptr<logged_pages> pages, const hasher& hash);
  result<void> restore();
  result<void> keep_pages(const swap_plan& plan);

  std::unique_ptr<mirror_tree> tree_;
  std::shared_ptr<logged_pages> pages_;
  std::unique_ptr<tree_index> index_;
  const hasher& hash_;
  subscriber_memory memory_;
  time_point staged_at_{}, swapped_at_{};
};

/// Head and marks as the mirror keeps them; for tests.
byte_vector encode_note(const swap_plan& plan);
result<subscriber_memory> decode_note(byte_span note, const hasher& hash);

}  // namespace graphite
