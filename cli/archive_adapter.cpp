#include "cli/archive_adapter.hpp"

#include "bundle/head_signature.hpp"
#include "platform/store/bundle_folder.hpp"

namespace graphite {

namespace {

class folder_archive final : public kept_archive {
 public:
  folder_archive(std::unique_ptr<bundle_folder> disk, segment_store& contents, const hasher& hash,
                 std::string folder, const head_signer* signer)
      : disk_(std::move(disk)),
        contents_(contents),
        hash_(hash),
        folder_(std::move(folder)),
        signer_(signer) {}

  result<std::optional<state>> newest() override {
    const auto file = disk_->current();
    if (!file) return std::nullopt;
    GRAPHITE_TRY(auto tree, disk_->tree());
    return std::optional(state{file->value, std::move(tree)});
  }

  result<index_tree> open(const digest& root, page_location where) override {
    for (const auto& kept : disk_->generations())
      if (kept.value.root == root) where = kept.root;
    return index_tree::open(root, where, disk_->pages(), hash_);
  }

  index_tree empty_tree() override { return index_tree(hash_).with_source(disk_->pages()); }

  result<page_location> write(const index_tree& tree, const head& now) override {
    extent behind;
    if (!now.behind.is_zero()) behind = find({now.behind, 0}).value_or(extent{});
    GRAPHITE_TRY(auto signature, signature_of(now, hash_, signer_));
    GRAPHITE_CHECK(disk_->publish(
        now, tree, behind, [this](const content_ref& content) { return find(content); },
        std::move(signature)));
    return disk_->current()->root;
  }

  result<std::vector<state>> kept() override {
    std::vector<state> out;
    for (const auto& file : disk_->generations()) {
      GRAPHITE_TRY(auto tree, index_tree::open(file.value, file.root, disk_->pages(), hash_));
      out.push_back({file.value, std::move(tree)});
    }
    return out;
  }

  bool refers_to(segment_id segment) const override { return disk_->refers_to(segment); }

  std::string folder() const override { return folder_; }

  bool wants_rewrite(std::uint64_t dead_segment_bytes) const override {
    return disk_->wants_rewrite(dead_segment_bytes);
  }

  result<void> rewrite() override {
    GRAPHITE_CHECK(disk_->rewrite([this](const content_ref& content) { return find(content); }));
    return {};
  }

 private:
  std::optional<extent> find(const content_ref& content) const {
    const auto found = contents_.find(content.id);
    if (!found || !*found) return std::nullopt;
    return (*found)->where;
  }

  std::unique_ptr<bundle_folder> disk_;
  segment_store& contents_;
  const hasher& hash_;
  std::string folder_;
  const head_signer* signer_;
};

}  // namespace

result<std::unique_ptr<kept_archive>> open_archive(archive_options options, segment_store& contents,
                                                   const hasher& hash, log_sink& log) {
  bundle_folder_options where;
  where.folder = options.folder;
  where.segments_folder = std::move(options.segments_folder);
  where.on_failed_sync = std::move(options.on_failed_sync);
  GRAPHITE_TRY(auto disk, bundle_folder::open(std::move(where), hash, log));
  auto out =
      std::make_unique<folder_archive>(std::move(disk), contents, hash, options.folder, options.signer);
  if (!out->wants_rewrite(0)) return out;
  log.info("rewriting the index pages of {}", options.folder);
  GRAPHITE_CHECK(out->rewrite());
  return out;
}

}  // namespace graphite
