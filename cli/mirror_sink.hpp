#pragma once

#include <memory>

#include "cli/subscriber_state.hpp"
#include "platform/mirror/mirror_tree.hpp"
#include "platform/mirror/page_log.hpp"

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
class mirror_sink final : public subscriber_state {
 public:
  /// `log_bytes_max` as in mirror_options. Errors: those of mirror_tree::open.
  static result<std::unique_ptr<mirror_sink>> open(const std::string& folder, state_trust trust,
                                                   const hasher& hash, log_sink& log,
                                                   std::uint64_t log_bytes_max = swap_log_bytes_max);

  bool has(const content_ref& content) override;
  result<void> put(const content_ref& content, byte_span bytes) override;
  result<std::unique_ptr<partial_content>> begin(const content_ref& content, const chunk_list& list) override;
  std::optional<chunk_list> list_of(const content_ref& content) override;
  result<void> read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) override;
  result<void> swap(const swap_plan& plan) override;

  bool tidy(bool idle) override;
  bool needs_sync() const override { return tree_->needs_sync(); }
  std::function<result<void>()> begin_sync() override;
  result<void> end_sync(const result<void>& outcome) override;
  std::optional<error> damage() const override { return std::nullopt; }

 private:
  mirror_sink(std::unique_ptr<mirror_tree> tree, std::shared_ptr<logged_pages> pages, const hasher& hash,
              log_sink& log);
  result<void> restore(state_trust trust);
  result<std::vector<digest>> check_shown() const;
  result<void> keep_pages(const swap_plan& plan);

  std::unique_ptr<mirror_tree> tree_;
  std::shared_ptr<logged_pages> pages_;
  const hasher& hash_;
  log_sink& log_;
  std::shared_ptr<mirror_tree::sync_job> job_;
  bool staged_more_ = true;  ///< than what is shown: also what was left of a run before
  bool swapped_ = false;
};

}  // namespace graphite
