#include "runtime/generation.hpp"

#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/page_file.hpp"
#include "bundle/verify.hpp"

namespace graphite {

const bundle_files::mapping* segment_views::find(segment_id id) const noexcept {
  const table* const now = newest_.load(std::memory_order_acquire);
  if (now == nullptr) return nullptr;
  const auto at = std::lower_bound(now->begin(), now->end(), id,
                                   [](const entry& e, segment_id wanted) { return e.id < wanted; });
  return at != now->end() && at->id == id ? &at->view : nullptr;
}

result<bundle_files::mapping> segment_views::map(segment_id id, const bundle_files& files) const {
  const std::lock_guard lock(mutex_);
  const table* const now = newest_.load(std::memory_order_relaxed);
  auto next = now ? std::make_unique<table>(*now) : std::make_unique<table>();
  const auto at = std::lower_bound(next->begin(), next->end(), id,
                                   [](const entry& e, segment_id wanted) { return e.id < wanted; });
  if (at != next->end() && at->id == id) return at->view;
  GRAPHITE_TRY(auto view, files.segment(id));
  next->insert(at, {id, view});
  newest_.store(next.get(), std::memory_order_release);
  tables_.push_back(std::move(next));
  return view;
}

result<void> segment_views::map_all(const bundle_files& files) {
  GRAPHITE_TRY(const auto ids, files.segments());
  auto next = std::make_unique<table>();
  for (const auto id : ids)
    if (auto view = files.segment(id)) next->push_back({id, std::move(*view)});
  std::sort(next->begin(), next->end(), [](const entry& a, const entry& b) { return a.id < b.id; });
  const std::lock_guard lock(mutex_);
  newest_.store(next.get(), std::memory_order_release);
  tables_.push_back(std::move(next));
  return {};
}

/// The page files that the head names, as they were when the generation was opened.
class generation::pages final : public page_source {
 public:
  struct file {
    std::uint32_t number;
    bundle_files::mapping view;
    byte_span bytes;
  };
  explicit pages(std::vector<file> files) : files_(std::move(files)) {}

  /// Whether the files of `other` are the first of these.
  bool begin_as(const pages& other) const {
    const auto same = [](const file& a, const file& b) {
      return a.number == b.number && a.view->file() == b.view->file();
    };
    return other.files_.size() <= files_.size() &&
           std::equal(other.files_.begin(), other.files_.end(), files_.begin(), same);
  }

  result<stored_page> load(const digest& id, page_location hint) const override {
    for (const auto& one : files_) {
      if (one.number != hint.file) continue;
      GRAPHITE_TRY(auto page, page_at(one.bytes, hint, id));
      page.keep = one.view;
      return page;
    }
    return fail(errc::not_found, "no place known for page " + to_hex(id));
  }

 private:
  const std::vector<file> files_;
};

/// The same places with what lies between close neighbours.
static std::vector<extent> joined(std::vector<extent> places) {
  constexpr std::uint64_t gap_max = 4 * KiB;
  std::sort(places.begin(), places.end());
  std::vector<extent> out;
  for (const auto& where : places) {
    const bool close = !out.empty() && out.back().segment == where.segment &&
                       where.offset <= out.back().offset + out.back().length + gap_max;
    if (!close) out.push_back(where);
    auto& last = out.back();
    last.length = std::max(last.length, where.offset + where.length - last.offset);
  }
  return out;
}

result<void> generation::map_files() {
  std::vector<pages::file> files;
  std::vector<mapped_page_file> mapped;
  for (const auto number : head_.page_files) {
    GRAPHITE_TRY(auto view, files_->page_file(number));
    GRAPHITE_TRY(const auto bytes, view->all());
    mapped.push_back({number, bytes});
    files.push_back({number, std::move(view), bytes});
  }
  pages_ = std::make_shared<const pages>(std::move(files));
  index_ = mapped_index(mapped, head_.root);
  return segments_.map_all(*files_);
}

result<std::shared_ptr<generation>> generation::open_at(byte_span encoded,
                                                        std::shared_ptr<const bundle_files> files,
                                                        const hasher& hash) {
  GRAPHITE_TRY(auto head, decode_head(encoded, hash));
  std::shared_ptr<generation> out(new generation(std::move(head), std::move(files), hash));
  GRAPHITE_CHECK(out->map_files());
  GRAPHITE_TRY([[maybe_unused]] const auto root, out->tree());
  return out;
}

result<std::shared_ptr<generation>> generation::open(std::shared_ptr<const bundle_files> files,
                                                     const hasher& hash) {
  constexpr int tries_max = 5;
  // Pages may be written anew while they are being mapped: then the head has changed, and it begins again.
  for (int tries = 1;; ++tries) {
    GRAPHITE_TRY(const auto before, files->head());
    auto out = open_at(before, files, hash);
    GRAPHITE_TRY(const auto after, files->head());
    if (before == after || tries == tries_max) return out;
  }
}

void generation::remember(const generation* before, const std::vector<asset_id>& changed) {
  // A place says which file of the list: those of the one before must stand first in it. A number alone does
  // not say which file it is: a folder that is made anew begins to count anew.
  const auto continues = [this](const generation& other) {
    return other.files_ == files_ && other.what().lineage == what().lineage &&
           pages_->begin_as(*other.pages_);
  };
  if (before == nullptr || !continues(*before)) {
    found_ = lookup_memory(*files_, head_.value.assets);
    return;
  }
  const auto place_of = [this](asset_id id) {
    mapped_asset there;
    asset_place place;
    return index_.find(id, there, &place) == lookup_result::found ? place : asset_place{};
  };
  found_ = lookup_memory::after(before->found_, changed, place_of, *files_, head_.value.assets);
}

result<extent> generation::place_of(const mapped_part& part) const {
  if (part.where.segment.value != 0 && part.where.length == part.size) return part.where;
  const auto fetched = part.where.segment.value == 0 ? files_->place_of(part.name) : std::nullopt;
  if (fetched && fetched->segment.value != 0 && fetched->length == part.size) return *fetched;
  return fail(errc::not_found, "the bytes are not here");
}

result<bundle_files::mapping> generation::segment(segment_id id) const {
  if (const auto* const known = segments_.find(id)) return *known;
  return segments_.map(id, *files_);
}

result<generation::held_bytes> generation::hold(const mapped_part& part) const {
  if (part.size == 0) return held_bytes();
  GRAPHITE_TRY(const auto where, place_of(part));
  GRAPHITE_TRY(auto owner, segment(where.segment));
  GRAPHITE_TRY(const auto bytes, owner->range(where.offset, where.length));
  return held_bytes{std::move(owner), bytes};
}

result<byte_span> generation::bytes(const mapped_part& part) const {
  const auto* const known = segments_.find(part.where.segment);
  if (known != nullptr && part.where.length == part.size && part.size > 0)
    return (*known)->range(part.where.offset, part.where.length);
  GRAPHITE_TRY(const auto held, hold(part));  // its segment stays mapped with this generation
  return held.bytes;
}

result<index_tree> generation::tree() const {
  return index_tree::open(head_.value, head_.root, pages_, hash_);
}

result<void> generation::verify_part(const mapped_part& part, const content_ref& content,
                                     std::span<std::byte> staging) const {
  if (staging.empty() || part.size == 0) {
    GRAPHITE_TRY(const auto found, bytes(part));
    GRAPHITE_CHECK(verify_content(content, found, hash_));
    return {};
  }
  GRAPHITE_TRY(const auto where, place_of(part));
  GRAPHITE_TRY(const auto from, segment(where.segment));
  if (where.length <= staging.size()) {
    const auto whole = staging.first(where.length);
    GRAPHITE_CHECK(from->read(where.offset, whole));
    GRAPHITE_CHECK(verify_content(content, whole, hash_));
    return {};
  }
  content_builder builder(hash_);
  for (std::uint64_t at = 0; at < where.length;) {
    const auto slice = staging.first(std::min<std::uint64_t>(staging.size(), where.length - at));
    GRAPHITE_CHECK(from->read(where.offset + at, slice));
    builder.feed(slice);
    at += slice.size();
  }
  if (content_of(builder.finish(), hash_) != content)
    return fail(errc::corrupt, "content fails its digest " + to_hex(content.id));
  return {};
}

result<asset_changes> generation::verify_since(const generation* before, std::span<std::byte> staging) const {
  GRAPHITE_TRY(const auto now, tree());
  index_tree base(hash_);
  if (before != nullptr) {
    GRAPHITE_TRY(base, before->tree());
  }
  GRAPHITE_TRY(auto changes, changes_between(base, now));
  for (const auto& record : changes.upserts) {
    mapped_asset asset;
    if (find(record.id(), asset) != lookup_result::found || asset.parts != record.parts.size())
      return fail(errc::corrupt, record.path.str() + " is not where its page says");
    for (unsigned i = 0; i < asset.parts; ++i) {
      mapped_part part;
      if (!mapped_index::part(asset, i, part))
        return fail(errc::corrupt, record.path.str() + ": a malformed part");
      if (const auto good = verify_part(part, record.parts[i].content, staging); !good)
        return fail(good.error().code, record.path.str() + ": " + good.error().context);
    }
  }
  return changes;
}

std::vector<extent> generation::places_of(const std::vector<asset_id>& ids) const {
  std::vector<extent> out;
  for (const auto id : ids) {
    mapped_asset asset;
    if (index_.find(id, asset) != lookup_result::found) continue;
    for (unsigned i = 0; i < asset.parts; ++i)
      if (mapped_part part; mapped_index::part(asset, i, part) && part.size > 0)
        if (const auto where = place_of(part)) out.push_back(*where);
  }
  return joined(std::move(out));
}

void generation::let_go(const std::vector<extent>& places) const {
  for (const auto& where : places)
    if (const auto* const view = segments_.find(where.segment)) (*view)->let_go(where.offset, where.length);
}

}  // namespace graphite
