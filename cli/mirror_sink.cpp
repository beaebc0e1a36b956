#include "cli/mirror_sink.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "cli/mirror_list.hpp"

namespace graphite {
namespace {

/// More than this per asset in the page log is mostly dead pages.
constexpr std::uint64_t page_bytes_per_asset_max = 1024;
constexpr std::uint64_t page_log_bytes_free = 32 * MiB;

bool content_is(const content_ref& content, byte_span bytes, const hasher& hash) {
  return bytes.size() == content.size && content_of(chunk_bytes(bytes, hash), hash) == content;
}

class staged_content final : public partial_content {
 public:
  staged_content(std::unique_ptr<object_folder::writer> file, byte_vector list)
      : file_(std::move(file)), list_(std::move(list)) {}
  result<void> append(byte_span bytes) override { return file_->append(bytes); }
  bool left_before(std::uint64_t offset, std::span<std::byte> out) override {
    return file_->left_before(offset, out);
  }
  void forget() override { file_->forget(); }
  result<void> read(std::uint64_t offset, std::span<std::byte> out) override {
    return file_->read(offset, out);
  }
  result<void> finish() override { return file_->finish(list_); }

 private:
  std::unique_ptr<object_folder::writer> file_;
  byte_vector list_;
};

/// The files of one asset; a part whose name would be no logical path is left out.
std::vector<mirror_file> files_of(const asset_record& record) {
  std::vector<mirror_file> out;
  for (std::size_t i = 0; i < record.parts.size(); ++i) {
    auto path = i == 0 ? result<logical_path>(record.path)
                       : logical_path::parse(fmt::format("{}~{}", record.path.str(), i));
    if (path) out.push_back({std::move(*path), record.parts[i].content});
  }
  return out;
}

std::vector<mirror_file> files_of(const std::vector<asset_record>& records) {
  std::vector<mirror_file> out;
  out.reserve(records.size());
  for (const auto& record : records)
    for (auto& file : files_of(record)) out.push_back(std::move(file));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

mirror_change change_of(const swap_plan& plan, bool from_nothing) {
  mirror_change out;
  out.note = encode_note(plan);
  out.shown = files_of(plan.changes.upserts);
  out.replaced = files_of(plan.replaced);
  out.from_nothing = from_nothing;
  for (const auto& file : out.replaced) {
    const auto same = std::lower_bound(out.shown.begin(), out.shown.end(), file.path,
                                       [](const auto& f, const auto& path) { return f.path < path; });
    if (same == out.shown.end() || same->path != file.path) out.hidden.push_back(file.path);
  }
  return out;
}

}  // namespace

result<stored_page> logged_pages::load(const digest& id, page_location) const {
  GRAPHITE_TRY(auto bytes, log_.read(id));
  auto owner = std::make_shared<const byte_vector>(std::move(bytes));
  return stored_page{*owner, {}, {}, owner};
}

result<std::unique_ptr<mirror_sink>> mirror_sink::open(const std::string& folder, state_trust trust,
                                                       const hasher& hash, log_sink& log,
                                                       std::uint64_t log_bytes_max) {
  struct stat info {};
  if (::lstat((folder + "/head").c_str(), &info) == 0)
    return fail(errc::already_exists, folder + " is a bundle: choose another folder, or add --no-files");
  mirror_options options;
  options.folder = folder;
  options.log_bytes_max = log_bytes_max;
  options.log = &log;
  options.check_everything = trust != state_trust::usual;
  options.check = [&hash](const content_ref& content, byte_span bytes) {
    return content_is(content, bytes, hash);
  };
  GRAPHITE_TRY(auto tree, mirror_tree::open(std::move(options)));
  GRAPHITE_TRY(auto pages, page_log::open(tree->home(), "pages"));
  std::unique_ptr<mirror_sink> out(
      new mirror_sink(std::move(tree), std::make_shared<logged_pages>(std::move(pages)), hash, log));
  GRAPHITE_CHECK(out->restore(trust));
  return out;
}

mirror_sink::mirror_sink(std::unique_ptr<mirror_tree> tree, std::shared_ptr<logged_pages> pages,
                         const hasher& hash, log_sink& log)
    : tree_(std::move(tree)), pages_(std::move(pages)), hash_(hash), log_(log) {
  index_ = std::make_unique<tree_index>(hash, pages_);
  tree_->sync_with(pages_->log().descriptor());
}

/// A state that is damaged is no error: everything is then compared with nothing and shown anew.
result<void> mirror_sink::restore(state_trust trust) {
  if (!tree_->note()) return {};
  auto memory = decode_note(*tree_->note(), hash_);
  if (!memory) return {};
  memory_ = std::move(*memory);
  auto live =
      result<std::vector<digest>>(tl::unexpected(error{errc::corrupt, "it could not be gone on from"}));
  if (const auto root = index_->restore(memory_.active->root, {}); !root)
    live = tl::unexpected(root.error());
  else if (const auto count = check_assets(*memory_.active, *index_->assets(memory_.active->root)); !count)
    live = tl::unexpected(count.error());
  else if (trust != state_trust::none)
    live = check_shown();
  if (!live) {
    log_.warn("what is shown is not whole ({}); what is missing is fetched again", live.error().context);
    memory_ = without_active(std::move(memory_));
    index_ = std::make_unique<tree_index>(hash_, pages_);
    return {};
  }
  const auto free = page_log_bytes_free + memory_.active->assets * page_bytes_per_asset_max;
  if (pages_->log().bytes() >= free) GRAPHITE_CHECK(pages_->log().compact(*live));
  tree_->sync_with(pages_->log().descriptor());
  return {};
}

/// Every page and file of the shown generation is here: the pages by their digests, the files by their sizes.
/// The pages' names.
result<std::vector<digest>> mirror_sink::check_shown() const {
  const index_tree& shown = *index_->tree(memory_.active->root);
  std::vector<digest> pages;
  GRAPHITE_CHECK(for_each_page(shown, [&](const index_tree::node_ptr& page) -> result<void> {
    pages.push_back(page->id());
    return {};
  }));
  GRAPHITE_CHECK(
      for_each_part(shown, [&](std::string_view path, const std::vector<asset_part>& parts) -> result<void> {
        const auto name = logical_path::parse(std::string(path));
        for (std::size_t i = 0; i < parts.size(); ++i) {
          const bool here =
              i == 0 && name ? tree_->shows(*name, parts[i].content) : tree_->objects().has(parts[i].content);
          if (!here) return fail(errc::not_found, fmt::format("{} is missing or has another size", path));
        }
        return {};
      }));
  return pages;
}

bool mirror_sink::has(const content_ref& content) {
  if (!tree_->objects().has(content)) return false;
  tree_->keep(content);
  return true;
}

result<void> mirror_sink::put(const content_ref& content, byte_span bytes) {
  staged_more_ = true;
  return tree_->objects().put(content, bytes);
}

result<std::unique_ptr<partial_content>> mirror_sink::begin(const content_ref& content,
                                                            const chunk_list& list) {
  GRAPHITE_TRY(auto file, tree_->objects().begin(content));
  staged_more_ = true;
  return std::make_unique<staged_content>(std::move(file), encode_mirror_list(list));
}

std::optional<chunk_list> mirror_sink::list_of(const content_ref& content) {
  const auto bytes = tree_->objects().list_of(content);
  if (!bytes) return std::nullopt;
  auto list = decode_mirror_list(*bytes);
  if (!list || list->total_bytes() != content.size) return std::nullopt;
  return std::move(*list);
}

result<void> mirror_sink::read(const content_ref& content, std::uint64_t offset, std::span<std::byte> out) {
  return tree_->objects().read(content, offset, out);
}

result<void> mirror_sink::keep_pages(const swap_plan& plan) {
  const index_tree* before = index_->tree(plan.base_root);
  const index_tree* after = index_->tree(plan.now.root);
  GRAPHITE_INVARIANT(before && after);
  GRAPHITE_TRY(const auto nodes, new_pages(*before, *after));
  std::vector<page_log::page> pages;
  pages.reserve(nodes.size());
  for (const auto& node : nodes) pages.push_back({node->id(), node->bytes()});
  GRAPHITE_CHECK(pages_->log().append(pages));
  for (const auto& node : nodes) node->set_location({1, 8});  // it can be loaded again, by its digest
  return {};
}

result<void> mirror_sink::swap(const swap_plan& plan) {
  staged_at_ = std::chrono::steady_clock::now();
  GRAPHITE_CHECK(keep_pages(plan));
  GRAPHITE_CHECK(tree_->swap(change_of(plan, plan.base_root == index_->empty_root())));
  swapped_at_ = std::chrono::steady_clock::now();
  swapped_ = true;
  return {};
}

// ---- what swaps left for later

/// What is staged when a generation is shown and none is under way was fetched for one that was passed over.
bool mirror_sink::tidy(bool idle) {
  if (tree_->tidy()) return true;
  if (!idle || !swapped_ || !staged_more_) return false;
  tree_->clear_staging();
  staged_more_ = false;
  return false;
}

std::function<result<void>()> mirror_sink::begin_sync() {
  job_ = std::make_shared<mirror_tree::sync_job>(tree_->begin_sync());
  return [this, job = job_] { return tree_->run(*job); };
}

result<void> mirror_sink::end_sync(const result<void>& outcome) {
  if (outcome) return tree_->end_sync(*job_);
  tree_->give_back(std::move(*job_));
  return outcome;
}

}  // namespace graphite
