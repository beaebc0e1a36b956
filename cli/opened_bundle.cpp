#include "cli/opened_bundle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <mutex>
#include <unordered_map>

#include "bundle/segment_format.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/store/mapped_segment.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

const openssl_hasher& sha() {
  static const openssl_hasher hash;
  return hash;
}

/// The pages and contents of a bundle folder: files mapped by hold() or when first needed.
class folder_source final : public page_source, public extent_source {
 public:
  explicit folder_source(fs::path bundle) : bundle_(std::move(bundle)), segments_(segments_of(bundle_)) {}

  result<stored_page> load(const digest& id, page_location hint) const override {
    if (!hint.known()) return fail(errc::not_found, "the place of an index page is not known");
    const auto name = bundle_ / page_file_name(hint.file);
    GRAPHITE_TRY(auto file, map(name));
    GRAPHITE_TRY(const auto bytes, file->all());
    const auto number = decode_page_file_header(bytes);
    if (!number || *number != hint.file)
      return fail(errc::corrupt,
                  name.string() + ": " + (number ? "another page file" : number.error().context));
    auto page = page_at(bytes, hint, id);
    if (!page) return fail(errc::corrupt, name.string() + ": " + page.error().context);
    page->keep = file;
    return page;
  }

  result<byte_span> bytes(const extent& where) const override {
    const fs::path path = segments_ / segment_file_name(where.segment);
    GRAPHITE_TRY(auto file, map(path));
    GRAPHITE_TRY(const auto all, file->all());
    const auto header = decode_segment_header(all);
    if (!header || header->id != where.segment)
      return fail(errc::corrupt,
                  path.string() + ": " + (header ? "another segment" : header.error().context));
    if (where.offset > all.size() || where.length > all.size() - where.offset)
      return fail(errc::corrupt, fmt::format("{} ends before a content at {}", path.string(), where.offset));
    return all.subspan(where.offset, where.length);
  }

  /// Maps what `head` may lead to, so that it stays when a running service removes it. What is missing is
  /// told by whoever needs it.
  void hold(const head_file& head) const {
    const std::lock_guard lock(mutex_);
    for (const auto number : head.page_files) (void)map_locked(bundle_ / page_file_name(number));
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(segments_, code))
      if (entry.path().filename().string().starts_with("segment-")) (void)map_locked(entry.path());
  }

  std::optional<extent> find(const content_ref& content) const {
    const std::lock_guard lock(mutex_);
    if (!scanned_) scan();
    const auto found = contents_.find(content.id);
    return found == contents_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  /// A channel's folder lies in STATE/bundles; its contents lie in the store that all channels share.
  static fs::path segments_of(const fs::path& bundle) {
    const fs::path state = fs::absolute(bundle).lexically_normal().parent_path().parent_path();
    for (const fs::path& folder : {bundle, bundle / "segments", state / "segments"})
      if (holds_segments(folder)) return folder;
    return bundle;
  }

  static bool holds_segments(const fs::path& folder) {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code))
      if (entry.path().filename().string().starts_with("segment-")) return true;
    return false;
  }

  result<std::shared_ptr<const mapped_segment>> map(const fs::path& path) const {
    const std::lock_guard lock(mutex_);
    return map_locked(path);
  }

  result<std::shared_ptr<const mapped_segment>> map_locked(const fs::path& path) const {
    if (const auto known = files_.find(path.string()); known != files_.end()) return known->second;
    auto opened = mapped_segment::open(path.string(), 0);
    if (!opened && opened.error().code == errc::not_found)
      return fail(errc::corrupt, path.string() + " is missing");
    GRAPHITE_TRY(auto file, std::move(opened));
    files_.emplace(path.string(), file);
    return file;
  }

  void scan() const {
    scanned_ = true;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(segments_, code)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("segment-")) continue;
      const auto file = map_locked(entry.path());
      if (!file) continue;
      const auto bytes = (*file)->all();
      if (!bytes) continue;
      const auto header = decode_segment_header(*bytes);
      if (!header || segment_file_name(header->id) != name) continue;
      scan_records(*bytes, header->id, segment_header_bytes, scan_depth::headers,
                   [&](const scanned_record& record) {
                     if (record.record.kind == segment_record_kind::content)
                       contents_.emplace(record.record.content.id,
                                         record.place.where(header->id, record.record.content.size));
                   });
    }
  }

  fs::path bundle_, segments_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const mapped_segment>> files_;
  mutable std::unordered_map<digest, extent> contents_;
  mutable bool scanned_ = false;
};

result<std::shared_ptr<const mapped_segment>> map_head(const std::string& path) {
  auto file = mapped_segment::open((fs::path(path) / "head").string(), 0);
  if (!file && file.error().code == errc::not_found)
    return fail(errc::not_found, path + " is no bundle: it has no file `head`");
  return file;
}

/// The folder as its head, `encoded`, leads to.
result<opened_bundle> open_at(const std::string& path, byte_span encoded) {
  GRAPHITE_TRY(const head_file head, decode_head(encoded, sha()));
  auto source = std::make_shared<const folder_source>(path);
  source->hold(head);
  GRAPHITE_TRY(index_tree tree, index_tree::open(head.value, head.root, source, sha()));
  return opened_bundle{path,
                       false,
                       head,
                       source,
                       std::make_shared<const index_tree>(std::move(tree)),
                       [source](const content_ref& content) { return source->find(content); }};
}

/// A running service may write the pages anew while they are being mapped: then the head has changed.
result<opened_bundle> open_folder(const std::string& path) {
  constexpr int tries_max = 5;
  GRAPHITE_TRY(auto before, map_head(path));
  for (int tries = 1;; ++tries) {
    GRAPHITE_TRY(const auto old_bytes, before->all());
    auto opened = open_at(path, old_bytes);
    GRAPHITE_TRY(auto after, map_head(path));
    GRAPHITE_TRY(const auto new_bytes, after->all());
    const bool same = std::ranges::equal(old_bytes, new_bytes);
    if (same || tries == tries_max) return opened;
    before = std::move(after);
  }
}

result<opened_bundle> open_file(const std::string& path) {
  GRAPHITE_TRY(auto file, mapped_segment::open(path, 0));
  GRAPHITE_TRY(const auto bytes, file->all());
  GRAPHITE_TRY(auto exported, exported_bundle::open(bytes, sha(), file));
  GRAPHITE_TRY(index_tree tree,
               index_tree::open(exported->head().value, exported->head().root, exported, sha()));
  return opened_bundle{
      path, true, exported->head(), exported, std::make_shared<const index_tree>(std::move(tree)), nullptr};
}

error at_path(error problem, const std::string& path) {
  if (problem.context.find(path) == std::string::npos) problem.context = path + ": " + problem.context;
  return problem;
}

}  // namespace

result<opened_bundle> open_bundle(const std::string& path) {
  std::error_code code;
  const bool is_folder = fs::is_directory(path, code);
  auto opened = is_folder ? open_folder(path) : open_file(path);
  if (!opened) return tl::unexpected(at_path(opened.error(), path));
  return opened;
}

result<byte_span> opened_bundle::part(const located_asset& asset, std::size_t index) const {
  const content_ref& content = asset.record.parts.at(index).content;
  std::optional<extent> where;
  if (index < asset.extents.size() && asset.extents[index].segment != no_segment)
    where = asset.extents[index];
  if (!where && content.size > 0 && find) where = find(content);
  if (!where && content.size > 0) return fail(errc::not_found, "its bytes are not here");
  byte_span bytes;
  if (content.size > 0) {
    GRAPHITE_TRY(bytes, contents->bytes(*where));
  }
  GRAPHITE_CHECK(verify_content(content, bytes, tree->hash()));
  return bytes;
}

}  // namespace graphite
