#include "actors/channel_queries.hpp"

namespace graphite {

namespace {

result<index_tree> tree_of(const channel_actor_state& state, std::uint64_t sequence) {
  const auto& newest = state.core->newest();
  if (newest && newest->sequence.value == sequence) return state.core->tree();
  const auto& name = state.core->spec().name;
  GRAPHITE_TRY(const auto row, state.with.rows->get(table::generations, generation_key(name, sequence)));
  if (!row)
    return fail(errc::not_found, "channel " + name + " does not keep generation " + std::to_string(sequence));
  GRAPHITE_TRY(const auto found, decode_generation_row(*row, *state.with.hash));
  return state.with.open_tree(found.now.root, found.root);
}

result<generation_diff> diff_of(const channel_actor_state& state, const query::diff& what) {
  GRAPHITE_TRY(const auto from, tree_of(state, what.from));
  GRAPHITE_TRY(const auto to, tree_of(state, what.to));
  generation_diff out;
  GRAPHITE_CHECK(diff(from, to, [&](const asset_record* before, const asset_record* after) {
    auto& list = before == nullptr ? out.added : after == nullptr ? out.removed : out.changed;
    list.push_back((after == nullptr ? before : after)->path.str());
    return true;
  }));
  for (auto* list : {&out.added, &out.changed, &out.removed}) std::sort(list->begin(), list->end());
  return out;
}

}  // namespace

void answer_query(channel_self self, const query&, const query::status& what) {
  constexpr std::size_t subscribers_max = 1000;
  auto& state = self->state;
  auto& out = *what.so_far;
  const auto& name = state.core->spec().name;
  std::uint64_t mine = 0;
  const auto now = state.with.clock->now();
  for (const auto& peer : state.with.peers()) {
    if (peer.last.channel != name) continue;
    ++mine;
    if (out.subscribers.size() == subscribers_max) continue;
    out.subscribers.push_back({peer.last.name, name, peer.last.active_epoch.value,
                               peer.last.active_sequence.value,
                               std::chrono::duration<double>(now - peer.heard).count()});
  }
  for (auto& one : out.channels)
    if (one.name == name) one.newest = state.core->newest(), one.subscribers = mine;
  what.done(out);
}

void answer_query(channel_self self, const query&, const query::rollback& what) {
  auto older = tree_of(self->state, what.sequence);
  if (!older) return what.done(tl::unexpected<error>(older.error()));
  auto nothing = std::make_shared<const publication>();
  enqueue(self, {std::move(nothing), std::move(*older),
                 [done = what.done](const publish_outcome& how) {
                   if (how.failure) return done(tl::unexpected<error>(*how.failure));
                   done(*how.generation);
                 },
                 false});
}

void answer_query(channel_self self, const query&, const query::diff& what) {
  what.done(diff_of(self->state, what));
}

}  // namespace graphite
