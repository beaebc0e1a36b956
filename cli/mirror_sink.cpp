#include "cli/mirror_sink.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"

namespace graphite {
namespace {

/// More than this per asset in the page log is mostly dead pages.
constexpr std::uint64_t page_bytes_per_asset_max = 1024;
constexpr std::uint64_t page_log_bytes_free = 32 * MiB;

bool content_is(const content_ref& content, byte_span bytes, const hasher& hash) {
  return bytes.size() == content.size && content_of(chunk_bytes(bytes, hash), hash) == content;
}

byte_vector encode_list(const chunk_list& list) {
  byte_vector out;
  byte_writer to(out);
  for (const auto& chunk : list.chunks) {
    to.number(chunk.size);
    to.id(chunk.id);
  }
  return out;
}

std::optional<chunk_list> decode_list(byte_span bytes, std::uint64_t content_bytes) {
  chunk_list out;
  byte_reader from(bytes);
  while (from.ok() && !from.done()) {
    const auto size = from.number<std::uint32_t>();
    out.chunks.push_back({from.id(), size});
  }
  if (!from.ok() || out.total_bytes() != content_bytes) return std::nullopt;
  return out;
}

class staged_content final : public partial_content {
 public:
  staged_content(std::unique_ptr<object_folder::writer> file, byte_vector list)
      : file_(std::move(file)), list_(std::move(list)) {}
  result<void> append(byte_span bytes) override { return file_->append(bytes); }
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

byte_vector encode_note(const swap_plan& plan) {
  byte_vector out;
  byte_writer to(out);
  to.number(static_cast<std::uint32_t>(plan.head_bytes.size()));
  to.bytes(plan.head_bytes);
  for (const auto& mark : plan.marks) {
    to.id(mark.lineage.value);
    to.number(mark.epoch.value);
    to.number(mark.sequence.value);
  }
  return out;
}

result<subscriber_memory> decode_note(byte_span note, const hasher& hash) {
  byte_reader from(note);
  const byte_span head_bytes = from.bytes(from.number<std::uint32_t>());
  subscriber_memory out;
  GRAPHITE_TRY(auto decoded, decode_head(head_bytes, hash));
  out.active = std::move(decoded.value);
  while (from.ok() && !from.done()) {
    lineage_mark mark;
    mark.lineage.value = from.unique_id();
    mark.epoch.value = from.number<std::uint64_t>();
    mark.sequence.value = from.number<std::uint64_t>();
    if (from.ok()) out.marks.push_back(mark);
  }
  if (!from.ok()) return fail(errc::corrupt, "a damaged note");
  return out;
}

result<stored_page> logged_pages::load(const digest& id, page_location) const {
  GRAPHITE_TRY(auto bytes, log_.read(id));
  auto owner = std::make_shared<const byte_vector>(std::move(bytes));
  return stored_page{*owner, {}, {}, owner};
}

result<std::unique_ptr<mirror_sink>> mirror_sink::open(const std::string& folder, const hasher& hash,
                                                       std::function<void(const char*)> at) {
  mirror_options options;
  options.folder = folder;
  options.at = std::move(at);
  options.check = [&hash](const content_ref& content, byte_span bytes) {
    return content_is(content, bytes, hash);
  };
  GRAPHITE_TRY(auto tree, mirror_tree::open(std::move(options)));
  GRAPHITE_TRY(auto pages, page_log::open(tree->home(), "pages"));
  std::unique_ptr<mirror_sink> out(
      new mirror_sink(std::move(tree), std::make_shared<logged_pages>(std::move(pages)), hash));
  GRAPHITE_CHECK(out->restore());
  return out;
}

mirror_sink::mirror_sink(std::unique_ptr<mirror_tree> tree, std::shared_ptr<logged_pages> pages,
                         const hasher& hash)
    : tree_(std::move(tree)),
      pages_(std::move(pages)),
      index_(std::make_unique<tree_index>(hash, pages_)),
      hash_(hash) {}

/// A state that is damaged is no error: everything is then compared with nothing and shown anew.
result<void> mirror_sink::restore() {
  if (!tree_->note()) return {};
  auto memory = decode_note(*tree_->note(), hash_);
  if (!memory || !index_->restore(memory->active->root, {})) return {};
  memory_ = std::move(*memory);
  const auto free = page_log_bytes_free + memory_.active->assets * page_bytes_per_asset_max;
  if (pages_->log().bytes() < free) return {};
  const auto live = new_pages(*index_->tree(index_->empty_root()), *index_->tree(memory_.active->root));
  if (!live) return {};
  std::vector<digest> ids;
  for (const auto& node : *live) ids.push_back(node->id());
  return pages_->log().compact(ids);
}

bool mirror_sink::has(const content_ref& content) {
  if (!tree_->objects().has(content)) return false;
  tree_->keep(content);
  return true;
}

result<void> mirror_sink::put(const content_ref& content, byte_span bytes) {
  return tree_->objects().put(content, bytes);
}

result<std::unique_ptr<partial_content>> mirror_sink::begin(const content_ref& content,
                                                            const chunk_list& list) {
  GRAPHITE_TRY(auto file, tree_->objects().begin(content));
  return std::make_unique<staged_content>(std::move(file), encode_list(list));
}

std::optional<chunk_list> mirror_sink::list_of(const content_ref& content) {
  const auto bytes = tree_->objects().list_of(content);
  return bytes ? decode_list(*bytes, content.size) : std::nullopt;
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
  return {};
}

}  // namespace graphite
