#include "cli/subscriber_state.hpp"

#include <algorithm>

#include "bundle/byte_io.hpp"
#include "bundle/head_codec.hpp"

namespace graphite {

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
  out.signature = std::move(decoded.signature);
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

subscriber_memory without_active(subscriber_memory memory) {
  if (!memory.active) return memory;
  for (auto& mark : memory.marks)
    if (mark.lineage == memory.active->lineage && mark.sequence.value > 0) --mark.sequence.value;
  memory.active.reset();
  memory.signature.clear();
  return memory;
}

result<void> for_each_part(
    const index_tree& tree,
    const std::function<result<void>(std::string_view, const std::vector<asset_part>&)>& visit) {
  const hasher& hash = tree.hash();
  return for_each_page(tree, [&](const index_tree::node_ptr& page) -> result<void> {
    if (page->kind() == page_kind::record) {
      GRAPHITE_TRY(const auto parts, decode_parts(page->bytes(), hash));
      return visit({}, parts);
    }
    for (std::size_t i = 0; i < page->entry_count(); ++i) {
      const auto entry = page->entry(i);
      if (entry.external) continue;
      GRAPHITE_TRY(const auto parts, decode_parts(entry.body, hash));
      GRAPHITE_CHECK(visit(entry.path, parts));
    }
    return {};
  });
}

}  // namespace graphite
