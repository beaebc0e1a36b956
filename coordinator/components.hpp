#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <unordered_map>
#include <vector>

namespace graphite {

/// Which changed assets must be shown together: those that some asset, changed or not, reaches both of.
///
/// Pure. Every changed asset marks what it is reached from, up to the first node marked already; meeting a
/// mark joins the two components. Joining is small-into-large, so n members cost O(marks · log n). An edge
/// that goes away leaves its component too large until rebuild().
class component_set {
 public:
  using node = std::uint32_t;
  using component = std::uint32_t;
  static constexpr component none = 0xffffffffu;
  /// Calls its argument with each node that directly needs the given one at run time.
  using parents_function = std::function<void(node, const std::function<void(node)>&)>;

  explicit component_set(parents_function parents) : parents_(std::move(parents)) {}

  void add(node member);
  /// `parent` began to need `target`: joins them where both are marked.
  void joined(node parent, node target);
  /// Takes `member` out, which needs no showing; the component may now be too large and is remembered for
  /// rebuild_loose(). What `member` shows is valid from revision `since` on only: so is what the others show.
  void remove(node member, std::uint32_t since);
  /// First revision at which all that was taken out of the component is valid.
  std::uint32_t since(component which) const { return components_.at(which).since; }
  /// Drops a whole component, its marks too.
  void erase(component which);
  component of(node member) const;
  /// What reaches a member, members included, with its component.
  const std::unordered_map<node, component>& marks() const { return marks_; }
  bool has(component which) const { return components_.count(which) != 0; }
  const std::vector<node>& members(component which) const { return components_.at(which).members; }
  /// Marks this component as one whose edges went away.
  void loosen(node member);
  /// Splits loosened components anew where that is cheap (small, or half of it has left) or `all`; returns
  /// the members whose component is another one now.
  std::vector<node> rebuild_loose(bool all);
  std::uint64_t visited() const { return visited_; }

 private:
  static constexpr std::size_t small_max = 256;
  struct group {
    std::vector<node> members, marks;
    std::size_t left = 0;
    std::uint32_t since = 0;
  };
  void mark(node start, component into);
  component merge(component a, component b);
  component find(component which) const;

  parents_function parents_;
  std::unordered_map<component, group> components_;
  std::unordered_map<node, component> marks_;
  std::unordered_map<node, component> member_of_;
  std::set<component> loose_;
  component next_ = 0;
  std::uint64_t visited_ = 0;
};

}  // namespace graphite
