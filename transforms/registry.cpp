#include "transforms/registry.hpp"

#include <algorithm>

#include "transforms/built_in_list.hpp"

namespace graphite {

const std::vector<const transform_description*>& built_in_transforms() {
  static const std::vector<const transform_description*> all = [] {
    std::vector<const transform_description*> out;
#define GRAPHITE_TRANSFORM(name) out.push_back(&name##_description());
#include "transforms/built_in_list.inc"
#undef GRAPHITE_TRANSFORM
    std::ranges::sort(out, {}, &transform_description::name);
    return out;
  }();
  return all;
}

const transform_description* find_built_in(std::string_view name) {
  const auto& all = built_in_transforms();
  const auto found = std::ranges::find(all, name, &transform_description::name);
  return found == all.end() ? nullptr : *found;
}

}  // namespace graphite
