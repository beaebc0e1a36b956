#include "bundle/export.hpp"

#include <unordered_map>

#include "bundle/byte_io.hpp"
#include "bundle/segment_format.hpp"
#include "core/checksum.hpp"

namespace graphite {

namespace {

constexpr std::uint32_t export_magic = 0x58505247;  // "GRPX"
constexpr std::size_t checked_bytes = 56;
constexpr std::uint32_t own_page_file = 1;
constexpr segment_id own_segment{1};

byte_vector encode_export_header() {
  byte_vector out;
  byte_writer to(out);
  to.number(export_magic);
  to.number(export_version);
  to.pad_to(checked_bytes);
  to.number(checksum64(out));
  return out;
}

/// Writes in file order and knows where it is.
class exporter {
 public:
  exporter(const index_tree& tree, const extent_source& contents, const extent_lookup& find,
           const byte_sink& sink)
      : tree_(tree), contents_(contents), find_(find), sink_(sink) {}

  result<export_summary> run(const head_file& from) {
    GRAPHITE_CHECK(put(encode_export_header()));
    GRAPHITE_CHECK(put_contents());
    head_file last{from.value, {}, {}, {own_page_file}, from.signature};
    GRAPHITE_TRY(last.behind, put_behind(from.value.behind, from.behind));
    GRAPHITE_TRY(last.root, put_pages());
    GRAPHITE_TRY(const auto bytes, encode_head(last, tree_.hash()));
    GRAPHITE_CHECK(put(bytes));
    summary_.bytes = at_;
    return summary_;
  }

 private:
  result<void> put(byte_span bytes) {
    at_ += bytes.size();
    return sink_(bytes);
  }
  result<void> align(std::uint64_t unit) {
    static constexpr std::array<std::byte, extent_alignment> zeros{};
    return put(byte_span(zeros).first(align_up(at_, unit) - at_));
  }

  result<void> put_contents() {
    result<void> outcome;
    GRAPHITE_CHECK(tree_.for_each([&](const located_asset& asset) {
      ++summary_.assets;
      for (std::size_t i = 0; i < asset.record.parts.size() && outcome; ++i) {
        outcome =
            put_content(asset.record.parts[i].content, asset.extents.empty() ? extent{} : asset.extents[i]);
        if (!outcome)
          outcome = fail(outcome.error().code, asset.record.path.str() + ": " + outcome.error().context);
      }
      return outcome.has_value();
    }));
    return outcome;
  }

  result<void> put_content(const content_ref& content, extent where) {
    if (content.size == 0 || placed_.contains(content.id)) return {};
    if (where.segment == no_segment && find_) where = find_(content).value_or(extent{});
    if (where.segment == no_segment) return fail(errc::not_found, "nothing says where its bytes are");
    GRAPHITE_TRY(const auto bytes, contents_.bytes(where));
    GRAPHITE_CHECK(verify_content(content, bytes, tree_.hash()));
    GRAPHITE_CHECK(align(content.size >= extent_alignment ? extent_alignment : small_alignment));
    placed_.emplace(content.id, extent{own_segment, at_, content.size});
    ++summary_.contents;
    return put(bytes);
  }

  /// Where the side object is now; nowhere where it is not held.
  result<extent> put_behind(const digest& id, extent where) {
    if (where.segment == no_segment && !id.is_zero() && find_) where = find_({id, 0}).value_or(extent{});
    if (where.segment == no_segment) return extent{};
    const content_ref content{id, where.length};
    auto put = put_content(content, where);
    if (!put) return fail(put.error().code, "the list of what is behind: " + put.error().context);
    return placed(content).value();
  }

  result<page_location> put_pages() {
    GRAPHITE_CHECK(align(small_alignment));
    page_encoder encoder(
        own_page_file, at_, page_encoder::links::all_added,
        [&](const content_ref& content) { return placed(content); }, tree_.hash());
    page_location root;
    GRAPHITE_CHECK(for_each_page(tree_, [&](const index_tree::node_ptr& page) -> result<void> {
      GRAPHITE_TRY(root, encoder.add(*page));
      const auto bytes = encoder.take_bytes();
      summary_.pages += !bytes.empty();
      return put(bytes);
    }));
    return root;
  }

  std::optional<extent> placed(const content_ref& content) const {
    const auto found = placed_.find(content.id);
    return found == placed_.end() ? std::nullopt : std::optional(found->second);
  }

  const index_tree& tree_;
  const extent_source& contents_;
  const extent_lookup& find_;
  const byte_sink& sink_;
  std::uint64_t at_ = 0;
  export_summary summary_;
  std::unordered_map<digest, extent> placed_;
};

}  // namespace

result<export_summary> export_bundle(const head_file& from, const index_tree& tree,
                                     const extent_source& contents, const extent_lookup& find,
                                     const byte_sink& sink) {
  if (from.value.root != tree.root()) return fail(errc::invalid_argument, "the head is of another index");
  GRAPHITE_CHECK(check_assets(from.value, tree.assets()));
  return exporter(tree, contents, find, sink).run(from);
}

result<void> check_export_header(byte_span file) {
  if (file.size() < export_header_bytes + head_file_bytes)
    return fail(errc::corrupt, "an exported bundle is cut off");
  byte_reader from(file.first(export_header_bytes));
  const auto magic = from.number<std::uint32_t>();
  const auto version = from.number<std::uint16_t>();
  if (magic != export_magic) return fail(errc::corrupt, "not an exported bundle: wrong magic");
  const bool gap_zero = from.zeros(checked_bytes - 6);
  if (from.number<std::uint64_t>() != checksum64(file.first(checked_bytes)))
    return fail(errc::corrupt, "an exported bundle's header fails its checksum");
  if (version > export_version) return fail(errc::newer_version, "an exported bundle of a newer version");
  if (version != export_version || !gap_zero) return fail(errc::corrupt, "not an exported bundle");
  return {};
}

result<std::shared_ptr<const exported_bundle>> exported_bundle::open(byte_span file, const hasher& hash,
                                                                     std::shared_ptr<const void> keep) {
  GRAPHITE_CHECK(check_export_header(file));
  GRAPHITE_TRY(auto head, decode_head(file.last(head_file_bytes), hash));
  return std::shared_ptr<const exported_bundle>(new exported_bundle(file, std::move(head), std::move(keep)));
}

result<stored_page> exported_bundle::load(const digest& id, page_location hint) const {
  if (hint.file != own_page_file) return fail(errc::not_found, "page " + to_hex(id) + " is not in this file");
  GRAPHITE_TRY(auto out, page_at(file_.first(file_.size() - head_file_bytes), hint, id));
  out.keep = keep_;
  return out;
}

result<byte_span> exported_bundle::bytes(const extent& where) const {
  if (where.segment != own_segment) return fail(errc::not_found, "an extent is not in this file");
  if (where.offset > file_.size() || where.length > file_.size() - where.offset)
    return fail(errc::corrupt, "an extent lies beyond the end of its file");
  return file_.subspan(where.offset, where.length);
}

}  // namespace graphite
