#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace graphite {

/// Which watch descriptor stands for which folder.
///
/// A tree of names, so that renaming a folder touches one entry, whatever lies below. Pure; one thread.
/// Invariant: every node but the root hangs below another; a descriptor has one node. Some 150 bytes a
/// folder.
class watch_table {
 public:
  using node = std::uint32_t;
  static constexpr node none = UINT32_MAX;

  /// `parent` is none for the root, of which there is one, named "".
  node add(node parent, std::string_view name, int wd);
  node child(node parent, std::string_view name) const;
  node by_wd(int wd) const;
  /// The node of `path`, relative to the root; none where it has none.
  node find(std::string_view path) const;
  node root() const { return child(none, {}); }
  int wd(node n) const { return nodes_[n].wd; }
  std::string path(node n) const;
  std::vector<std::string> children(node n) const;
  std::size_t size() const { return by_wd_.size(); }

  /// Hangs `n` below `parent` as `name`. False, and nothing done, where that is below `n` itself.
  bool relink(node n, node parent, std::string_view name);
  /// Forgets `n` and all below; their descriptors are appended to `wds`.
  void remove(node n, std::vector<int>& wds);

 private:
  struct key_less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::pair<node, std::string_view>(a.first, a.second) <
             std::pair<node, std::string_view>(b.first, b.second);
    }
  };
  using names = std::map<std::pair<node, std::string>, node, key_less>;
  struct record {
    names::iterator at;
    int wd = -1;
  };

  names names_;
  std::vector<record> nodes_;
  std::vector<node> free_;
  std::unordered_map<int, node> by_wd_;
};

}  // namespace graphite
