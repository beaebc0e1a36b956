#include <algorithm>

#include "coordinator/engine_state.hpp"
#include "core/path_text.hpp"

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

/// The file names of the paths of `set`.
static std::set<std::string, std::less<>> names_in(const path_set& set) {
  std::set<std::string, std::less<>> out;
  for (const auto& entry : set)
    if (entry.what == path_set_entry::kind::path) out.emplace(file_name_of(entry.text));
  return out;
}

/// The members of `g` of this file name, found by an index that is made when it is first needed.
std::vector<artefact_index> impl::members_named(group_index g, std::string_view name) {
  auto& group = groups[g];
  const auto& paths = nodes.paths();
  if (!group.by_name) {
    group.by_name.emplace();
    for (const auto member : nodes.members(g))
      group.by_name->emplace(id_of_path_text(paths.name(member)).value, member);
    visit(nodes.members(g).size());
  }
  std::vector<artefact_index> out;
  const auto [first, last] = group.by_name->equal_range(id_of_path_text(name).value);
  for (auto i = first; i != last; ++i)
    if (paths.name(i->second) == name) out.push_back(i->second);
  return out;
}

/// Inputs of `a` that have the file name of something in `set`.
std::set<std::string> impl::namesakes(action_index a, const path_set& set) {
  std::set<std::string> out;
  const auto names = names_in(set);
  for (const auto edge : nodes.inputs(a)) {
    if (edge.group()) {
      for (const auto& name : names)
        for (const auto member : members_named(edge.index(), name)) out.insert(path(member));
    } else if (exists(edge.index()) && names.contains(nodes.paths().name(edge.index()))) {
      out.insert(path(edge.index()));
    }
  }
  return out;
}

/// The same among the inputs that an attempt had.
std::set<std::string> impl::namesakes(const std::vector<attempt_input>& inputs, const path_set& set) {
  std::set<std::string> out;
  const auto names = names_in(set);
  for (const auto& input : inputs)
    if (names.contains(input.path.file_name())) out.insert(input.path.str());
  return out;
}

digest impl::value_of(const path_set_entry& entry, action_index a, const path_set& set) {
  using kind = path_set_entry::kind;
  if (entry.what != kind::path && entry.text != group_text(a)) return {};
  if (entry.what == kind::glob) return listing_of(actions[a].group);
  if (entry.what == kind::names) return names_digest(*options.hash, namesakes(a, set));
  const auto artefact = nodes.find(entry.text);
  return artefact != no_index && exists(artefact) ? nodes.content(artefact).id : digest{};
}

/// What the present edges say the result depends on, beside the main input.
path_set impl::set_of(action_index a) const {
  path_set set;
  for (const auto edge : nodes.inputs(a)) {
    if (edge.group()) {
      const bool whole = edge.kind() == edge_kind::glob;
      set.push_back({whole ? path_set_entry::kind::glob : path_set_entry::kind::names, group_text(a)});
    } else if (edge.kind() != edge_kind::declared) {
      set.push_back({path_set_entry::kind::path, path(edge.index())});
    }
  }
  std::sort(set.begin(), set.end());
  return set;
}

digest impl::strong_of(action_index a, const digest& weak, const path_set& set) {
  std::vector<digest> values;
  for (const auto& entry : set) values.push_back(value_of(entry, a, set));
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
    } else {
      inputs += front(names_digest(*options.hash, namesakes(a, set_of(a))));
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
