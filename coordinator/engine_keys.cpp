#include <algorithm>

#include "coordinator/engine_state.hpp"

// Keys of actions as the view is now.

namespace graphite {

using impl = engine_impl;

std::string impl::group_text(action_index a) const {
  std::string out;
  if (actions[a].group == no_index) return out;
  for (const auto& text : groups[actions[a].group].texts) (out += text) += '\n';
  return out;
}

digest impl::weak_of(action_index a) const {
  const auto main = nodes.main_input(a);
  const auto group = actions[a].group;
  return weak_key(*options.hash, recipes[nodes.rule_of(a)].key, {{path(main), nodes.content(main)}},
                  group == no_index ? std::vector<std::string>{} : groups[group].texts);
}

digest impl::listing_of(group_index g) {
  auto& group = groups[g];
  if (group.listed) return group.listing;
  std::vector<named_input> matches;
  for (const auto member : nodes.members(g)) matches.push_back({path(member), nodes.content(member)});
  visit(matches.size());
  std::sort(matches.begin(), matches.end(), [](const auto& x, const auto& y) { return x.path < y.path; });
  group.listing = listing_digest(*options.hash, matches);
  group.listed = true;
  return group.listing;
}

digest impl::value_of(const path_set_entry& entry, action_index a) {
  if (entry.what == path_set_entry::kind::glob)
    return entry.text == group_text(a) ? listing_of(actions[a].group) : digest{};
  const auto artefact = nodes.find(entry.text);
  return artefact != no_index && exists(artefact) ? nodes.content(artefact).id : digest{};
}

/// What the present edges say the result depends on, beside the main input.
path_set impl::set_of(action_index a) const {
  path_set set;
  for (const auto edge : nodes.inputs(a)) {
    if (edge.group()) {
      if (edge.kind() == edge_kind::glob) set.push_back({path_set_entry::kind::glob, group_text(a)});
    } else if (edge.kind() != edge_kind::declared) {
      set.push_back({path_set_entry::kind::path, path(edge.index())});
    }
  }
  std::sort(set.begin(), set.end());
  return set;
}

digest impl::strong_of(action_index a, const digest& weak, const path_set& set) {
  std::vector<digest> values;
  for (const auto& entry : set) values.push_back(value_of(entry, a));
  return strong_key(*options.hash, weak, set, values);
}

static std::uint64_t mix(std::uint64_t sum, std::uint64_t value) {
  sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
  return sum ^ (sum >> 29);
}

static std::uint64_t front(const digest& value) {
  std::uint64_t out = 0;
  for (int i = 0; i < 8; ++i) out = out << 8 | value.bytes[static_cast<std::size_t>(i)];
  return out;
}

/// A cheap fingerprint of the recipe and of all inputs: tells at a restart whether the result still holds.
std::uint64_t impl::signature_of(action_index a) {
  std::uint64_t inputs = 0;
  for (const auto edge : nodes.inputs(a)) {
    if (!edge.group()) {
      const auto there = exists(edge.index()) ? front(nodes.content(edge.index()).id) : 1;
      inputs +=
          mix(id_of_path_text(path(edge.index())).value, there);  // a sum: edges come in no stable order
    } else if (edge.kind() == edge_kind::glob) {
      inputs += front(listing_of(edge.index()));
    }
  }
  return std::max<std::uint64_t>(1, mix(front(recipes[nodes.rule_of(a)].key), inputs));
}

/// All it may read, main input included: sources and generated files that exist.
std::vector<artefact_index> impl::input_artefacts(action_index a) const {
  std::vector<artefact_index> out;
  for (const auto edge : nodes.inputs(a)) {
    if (edge.group()) {
      const auto members = nodes.members(edge.index());
      out.insert(out.end(), members.begin(), members.end());
    } else if (exists(edge.index())) {
      out.push_back(edge.index());
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace graphite
