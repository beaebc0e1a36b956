#include "cli/archive_adapter.hpp"

#include "platform/store/bundle_folder.hpp"

namespace graphite {

namespace {

class folder_archive final : public bundle_archive {
 public:
  folder_archive(std::shared_ptr<bundle_folder> pages, segment_store& contents, const hasher& hash, std::string folder)
      : pages_(std::move(pages)), contents_(contents), hash_(hash), folder_(std::move(folder)) {}

  result<std::optional<state>> newest() override {
    const auto& file = pages_->newest();
    if (!file) return std::nullopt;
    GRAPHITE_TRY(auto tree, index_tree::open(file->value.root, file->root, pages_, hash_));
    return std::optional<state>(std::in_place, file->value, std::move(tree));
  }

  result<index_tree> open(const digest& root, page_location where) override {
    return index_tree::open(root, where, pages_, hash_);
  }

  index_tree empty_tree() override { return index_tree(hash_).with_source(pages_); }

  result<page_location> write(const index_tree& tree, const head& now) override {
    return pages_->write(tree, now, [this](const content_ref& content) -> std::optional<extent> {
      const auto found = contents_.find(content.id);
      if (!found || !*found) return std::nullopt;
      return (*found)->where;
    });
  }

  std::string folder() const override { return folder_; }

 private:
  std::shared_ptr<bundle_folder> pages_;
  segment_store& contents_;
  const hasher& hash_;
  std::string folder_;
};

}  // namespace

result<std::unique_ptr<bundle_archive>> open_archive(const std::string& folder, segment_store& contents,
                                                     const hasher& hash, log_sink&) {
  GRAPHITE_TRY(auto pages, bundle_folder::open({.folder = folder, .segments = "../.segments"}, hash));
  return std::make_unique<folder_archive>(std::move(pages), contents, hash, folder);
}

}  // namespace graphite
