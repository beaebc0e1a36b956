#include "bundle/verify.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/index_loading.hpp"

namespace graphite {

namespace {

result<std::size_t> check_chunks(const content_ref& content, const chunk_list& found, const hasher& hash) {
  if (content_of(found, hash) != content)
    return fail(errc::corrupt, "content fails its digest " + to_hex(content.id));
  return found.chunks.size();
}

class verifier {
 public:
  verifier(const index_tree& tree, const extent_source& contents, const verify_options& options)
      : with_(context_of(tree)), contents_(contents), options_(options) {}

  void page(const index_tree::node_ptr& node, tree_place place) {
    ++report_.pages;
    // Of a true index every page has assets of its place alone. One that is named again and again at sixteen
    // places a level would be walked for ever.
    if (!pages_seen_.insert(node->id()).second)
      return note({errc::corrupt, "index page " + to_hex(node->id()) + " is at two places"}, "");
    if (node->kind() == page_kind::leaf) return leaf(*node);
    for (std::size_t i = 0; i < node->children().size() && report_.complete; ++i) {
      const auto& claim = node->children()[i];
      const auto child = load_child(with_, node->links()[i], claim, place, false);
      if (child)
        page(*child, place.below(claim.slot));
      else
        note(child.error(), "");
    }
  }
  void count(const head& of, std::uint64_t assets) {
    if (const auto good = check_assets(of, assets); !good) note(good.error(), "");
  }
  /// After the pages: `progress` may have ended the walk.
  void side_object(const head_file& head) {
    if (!report_.complete) return;
    const auto read = read_behind(head, contents_, options_.find, *with_.hash);
    if (!read)
      note(read.error(), "");
    else if (*read && !head.value.behind.is_zero())
      ++report_.contents;
  }
  verify_report take() {
    read_waiting();
    return std::move(report_);
  }

 private:
  void leaf(const index_node& node) {
    for (leaf_cursor at; at.entry < node.entry_count() && report_.complete;) {
      const auto path = node.entry(at.entry).path;
      const auto read = read_asset(with_, node, at);
      ++report_.assets;
      if (!read)
        note(read.error(), path);
      else if (options_.contents)
        asset(*read);
      if (options_.progress) report_.complete = options_.progress(report_.assets, report_.bytes);
    }
  }

  void asset(const located_asset& from) {
    for (std::size_t i = 0; i < from.record.parts.size(); ++i) {
      const auto& content = from.record.parts[i].content;
      if (content.size == 0) continue;
      const auto good =
          part(content, from.extents.empty() ? extent{} : from.extents[i], from.record.path.str());
      if (!good) note(good.error(), from.record.path.str());
    }
  }

  struct waiting_content {
    content_ref content;
    extent where;
    std::string path;
    result<std::size_t> chunks;
    std::uint64_t bytes_read = 0;
  };

  result<void> part(const content_ref& content, extent where, std::string_view path) {
    if (where.segment.value == 0 && options_.find) where = options_.find(content).value_or(extent{});
    if (where.segment.value == 0) return fail(errc::not_found, "nothing says where its bytes are");
    if (!seen_.emplace(content.id, where).second) return {};
    if (where.length != content.size) return fail(errc::corrupt, "its extent is of another size");
    waiting_.push_back({content, where, std::string(path), {}, 0});
    waiting_bytes_ += content.size;
    if (waiting_bytes_ >= batch_bytes_min || waiting_.size() >= batch_contents_max) read_waiting();
    return {};
  }

  /// Large ones first, so that none is left to run alone at the end; told in the order of the index.
  void read_waiting() {
    std::vector<waiting_content*> order;
    for (auto& one : waiting_) order.push_back(&one);
    std::ranges::stable_sort(order, std::greater(), [](const auto* one) { return one->content.size; });
    const auto groups = grouped(order);
    serial_calls serial;
    parallel_calls& calls = options_.parallel != nullptr ? *options_.parallel : serial;
    calls.for_each(groups.size(), [&](std::size_t i) { read(groups[i]); });
    for (const auto& one : waiting_) {
      report_.bytes += one.bytes_read;
      if (one.bytes_read > 0) ++report_.contents;
      if (one.chunks)
        report_.chunks += *one.chunks;
      else
        note(one.chunks.error(), one.path);
    }
    waiting_.clear();
    waiting_bytes_ = 0;
  }

  using content_group = std::span<waiting_content* const>;

  /// Small ones together, so that they are hashed beside each other.
  static std::vector<content_group> grouped(content_group order) {
    std::vector<content_group> out;
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
      for (std::uint64_t bytes = 0; end < order.size() && bytes < group_bytes_min; ++end)
        bytes += order[end]->content.size;
      out.push_back(order.subspan(begin, end - begin));
    }
    return out;
  }

  /// By any thread.
  void read(content_group group) const {
    std::vector<byte_span> found;
    std::vector<waiting_content*> owners;
    for (auto* one : group) {
      const auto bytes = contents_.bytes(one->where);
      if (!bytes) {
        one->chunks = tl::unexpected(bytes.error());
        continue;
      }
      one->bytes_read = bytes->size();
      found.push_back(*bytes);
      owners.push_back(one);
    }
    const auto lists = chunk_each(found, *with_.hash);
    for (std::size_t i = 0; i < owners.size(); ++i)
      owners[i]->chunks = check_chunks(owners[i]->content, lists[i], *with_.hash);
  }

  void note(const error& what, std::string_view path) {
    if (++report_.errors > options_.errors_max) return;
    report_.first_errors.push_back(
        {what.code, path.empty() ? what.context : std::string(path) + ": " + what.context});
  }

  // Batches are so large that the threads end together, whatever the last content of each is.
  static constexpr std::uint64_t batch_bytes_min = 256 * MiB, group_bytes_min = 2 * MiB;
  static constexpr std::size_t batch_contents_max = 16'384;

  index_context with_;
  const extent_source& contents_;
  const verify_options& options_;
  verify_report report_;
  std::set<std::pair<digest, extent>> seen_;
  std::unordered_set<digest> pages_seen_;
  std::vector<waiting_content> waiting_;
  std::uint64_t waiting_bytes_ = 0;
};

}  // namespace

result<std::size_t> verify_content(const content_ref& content, byte_span bytes, const hasher& hash) {
  if (bytes.size() != content.size) return fail(errc::corrupt, "content is of another size");
  return check_chunks(content, chunk_bytes(bytes, hash), hash);
}

result<std::optional<behind_list>> read_behind(const head_file& head, const extent_source& contents,
                                               const extent_lookup& find, const hasher& hash) {
  const digest& id = head.value.behind;
  if (id.is_zero()) return behind_list{};
  extent where = head.behind;
  if (where.segment.value == 0 && find) where = find({id, 0}).value_or(extent{});
  if (where.segment.value == 0) return std::nullopt;
  const auto told = [](const error& problem) {
    return fail(problem.code, "the list of what is behind: " + problem.context);
  };
  const auto bytes = contents.bytes(where);
  if (!bytes) return told(bytes.error());
  if (const auto good = verify_content({id, where.length}, *bytes, hash); !good) return told(good.error());
  auto list = decode_behind(*bytes);
  if (!list) return told(list.error());
  return std::optional(std::move(*list));
}

verify_report verify_bundle(const index_tree& tree, const extent_source& contents,
                            const verify_options& options) {
  verifier walk(tree, contents, options);
  if (options.head != nullptr) walk.count(options.head->value, tree.assets());
  walk.page(tree.root_node(), {});
  if (options.head != nullptr && options.contents) walk.side_object(*options.head);
  return walk.take();
}

}  // namespace graphite
